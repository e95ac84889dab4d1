/** A bar that shows a rate against a ceiling, with a mark at the guaranteed rate. */
import { type Line, type Span, type Style, span } from './cells.ts';

export interface BarValues {
  readonly rate: number;
  /** null: not limited. */
  readonly ceil: number | null;
  /** 0 for none. */
  readonly guaranteed: number;
}

const BUSY_FROM = 0.7;
const FULL_FROM = 0.95;

/** What a rate looks like beside its ceiling. */
export function loadStyle({ rate, ceil }: Pick<BarValues, 'rate' | 'ceil'>): Style {
  const share = shareOf(rate, ceil);
  return share >= FULL_FROM ? 'full' : share >= BUSY_FROM ? 'busy' : 'good';
}

/** Of the ceiling, 0 to 1. A ceiling that is unknown or unlimited shows no share. */
function shareOf(rate: number, ceil: number | null): number {
  return ceil !== null && ceil > 0 && Number.isFinite(ceil) ? Math.min(1, Math.max(0, rate / ceil)) : 0;
}

/** `[#####|---    12.3M/20.0M]`: `label` stands at the right end, over the bar. */
export function bar(values: BarValues, cells: number, label = ''): Line {
  const inner = cells - 2;
  if (inner < 1) return [span(' '.repeat(Math.max(0, cells)))];
  const { rate, ceil, guaranteed } = values;
  const share = shareOf(rate, ceil);
  const filled = share > 0 ? Math.max(1, Math.round(share * inner)) : 0;
  const characters: string[] = Array.from({ length: inner }, (_, i) => (i < filled ? '#' : ' '));
  if (guaranteed > 0 && guaranteed < (ceil ?? 0))
    characters[Math.min(inner - 1, Math.floor(shareOf(guaranteed, ceil) * inner))] = '|';
  const shown = label.length < inner ? label : '';
  const from = inner - shown.length;
  for (const [i, character] of [...shown].entries()) characters[from + i] = character;
  const style = loadStyle(values);
  const parts: Span[] = [
    span(characters.slice(0, Math.min(filled, from)).join(''), style),
    span(characters.slice(filled, from).join(''), 'dim'),
    span(shown, 'bold'),
  ];
  return [span('['), ...parts.filter(({ text }) => text !== ''), span(']')];
}
