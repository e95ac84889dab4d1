/** The style of the page, for small screens first. A file of the operator can stand in its place. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f4f1; --panel: #fdfdfc; --edge: #e3e2dd; --ink: #17171a; --soft: #55544f;
  --track: #e4e3de; --fill: #2a78d6; --near: #b87400; --over: #c62f2e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111113; --panel: #1a1a1c; --edge: #2c2c2f; --ink: #f2f1ee; --soft: #b9b8b1;
    --track: #34343a; --fill: #3987e5; --near: #e0a13a; --over: #f0716f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", sans-serif;
}
main { max-width: 620px; margin: 0 auto; padding: 24px 18px 48px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 14px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 30px 0 10px; }
h3 { font-size: 14px; margin: 0 0 8px; color: var(--soft); font-weight: 600; }
p { margin: 0 0 10px; }
.who, .note, small { color: var(--soft); font-size: 14px; }
.who { margin: 0 0 4px; }
.note { margin: 26px 0 0; padding-top: 14px; border-top: 1px solid var(--edge); }
.ends { background: var(--panel); border: 1px solid var(--edge); border-left: 4px solid var(--fill);
  border-radius: 8px; padding: 12px 14px; margin: 16px 0 0; }
.ends small { display: block; margin-top: 2px; }
.quota { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: 14px; margin: 0 0 12px; }
.quota ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 14px; }
.quota li { display: grid; grid-template-columns: 1fr auto; gap: 2px 12px; }
.quota b { font-variant-numeric: tabular-nums; font-weight: 600; white-space: nowrap; }
.quota em { font-style: normal; font-size: 14px; color: var(--soft); grid-column: 1 / -1; }
.exceeded b, .exceeded em { color: var(--over); }
.bar { display: block; width: 100%; height: 8px; border-radius: 4px; grid-column: 1 / -1; background: var(--track); }
.bar rect { fill: var(--fill); }
.warned .bar rect { fill: var(--near); }
.exceeded .bar rect { fill: var(--over); }
`;
