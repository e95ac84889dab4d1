/** A page of one file that loads nothing: its frame, and parts that all pages have. */
import { escapeHtml } from '../../base/escape-html.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
  readonly shape: 'fill' | 'line' | 'thin';
}

/** `mainClass` may be empty. */
export function htmlDocument(title: string, body: readonly string[], mainClass: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main${mainClass === '' ? '' : ` class="${mainClass}"`}>
${body.join('\n')}
</main>
<div id="tip" hidden></div>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

export function legendOf(entries: readonly LegendEntry[]): string {
  if (entries.length === 0) return '';
  const items = entries.map(
    ({ name, color, shape }) =>
      `<li><i class="key ${shape}" style="background:${color}"></i>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}
