/** The page's style sheet. Each theme has hues chosen for its background. Nothing is loaded from anywhere. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f4f1; --panel: #fdfdfc; --edge: #e3e2dd; --ink: #17171a; --soft: #55544f; --faint: #8b8a83;
  --grid: #e9e8e3; --rest: #a9a8a2; --run-a: #1c5cab; --run-b: #a8410f;
  --hue-1: #2a78d6; --hue-2: #1baf7a; --hue-3: #eda100; --hue-4: #008300;
  --hue-5: #4a3aa7; --hue-6: #e34948; --hue-7: #e87ba4; --hue-8: #eb6834;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111113; --panel: #1a1a1c; --edge: #2c2c2f; --ink: #f2f1ee; --soft: #b9b8b1; --faint: #86857e;
    --grid: #2a2a2c; --rest: #6d6c67; --run-a: #86b6ef; --run-b: #ff9e6b;
    --hue-1: #3987e5; --hue-2: #199e70; --hue-3: #c98500; --hue-4: #3fa33f;
    --hue-5: #9085e9; --hue-6: #e66767; --hue-7: #d55181; --hue-8: #d95926;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Liberation Sans", sans-serif;
}
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 56px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 34px 0 12px; }
h2 small { font-weight: 400; font-size: 15px; color: var(--soft); margin-left: 8px; }
h3 { font-size: 15px; margin: 0; }
p { margin: 0; color: var(--soft); }
code { font: 0.92em ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.panels { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.pair .panel:not(.card), .wide { grid-column: 1 / -1; }
.panel { background: var(--panel); border: 1px solid var(--edge); border-radius: 10px; padding: 14px 16px 10px; }
.panel p { font-size: 13px; line-height: 1.4; }
.figures { display: grid; gap: 20px; margin-top: 8px; }
.pair .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; margin-bottom: 2px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.run-a { color: var(--run-a); } .run-b { color: var(--run-b); }
.run-a, .run-b { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 7px 0 0; padding: 0; list-style: none; font-size: 13px; }
.legend li { display: flex; align-items: center; gap: 6px; color: var(--soft); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; flex: none; }
.key.line { height: 3px; width: 16px; border-radius: 2px; } .key.thin { height: 1.5px; width: 16px; border-radius: 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 12px; fill: var(--faint); font-variant-numeric: tabular-nums; }
svg .note { fill: var(--soft); paint-order: stroke; stroke: var(--panel); stroke-width: 3px; stroke-linejoin: round; }
svg .notice { font-size: 13px; fill: var(--faint); }
.grid { stroke: var(--grid); } .axis { stroke: var(--faint); stroke-opacity: 0.6; }
.area { stroke: var(--panel); stroke-width: 0.7; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.dot { fill: none; stroke-width: 3; stroke-linecap: round; } .dot.small { stroke-width: 2; } .dot.large { stroke-width: 5.5; }
.thin { stroke-width: 1.2; stroke-opacity: 0.75; } .faint { stroke-width: 0.8; stroke-opacity: 0.5; }
.mark { fill: var(--hue-1); } .whisker { stroke: var(--hue-1); stroke-width: 1.5; }
svg .name { fill: var(--ink); }
.threshold { stroke: var(--soft); stroke-dasharray: 5 4; }
.blank, .key.blank { fill: var(--grid); background: var(--grid); }
.cursor { stroke: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 10px 14px; margin-top: 6px; }
.tiles div { display: flex; flex-direction: column; }
.tiles span { font-size: 13px; color: var(--soft); }
.tiles b { font-size: 21px; font-weight: 600; line-height: 1.3; white-space: nowrap; }
.run-title { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 9px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr:last-child td { border-bottom: 0; }
summary { cursor: pointer; font-size: 13px; color: var(--soft); }
td.nothing { color: var(--faint); }
.pair td:nth-child(even), .pair tr:last-child th:nth-child(odd) { border-left: 1px solid var(--edge); }
#tip {
  position: fixed; z-index: 1; pointer-events: none; background: var(--panel); color: var(--ink);
  border: 1px solid var(--edge); border-radius: 7px; padding: 6px 10px; font-size: 13px; line-height: 1.45;
  box-shadow: 0 3px 14px rgb(0 0 0 / 0.18); font-variant-numeric: tabular-nums;
}
#tip[hidden] { display: none; }
#tip div { display: flex; align-items: center; gap: 7px; } #tip b { margin-left: auto; padding-left: 14px; font-weight: 600; }
footer { margin-top: 28px; font-size: 13px; color: var(--faint); }
@media (max-width: 860px) {
  .panels, .pair .figures { grid-template-columns: minmax(0, 1fr); }
  .wide figure { overflow-x: auto; }
  main:not(.pair) .wide svg { min-width: 760px; }
  main { padding: 18px 12px 40px; }
}
@media print { .panel { break-inside: avoid; } }
`;
