/** Values as text, on one line, as in a file. */
import type { Value } from '../yaml/values.ts';

/** Words that YAML reads as texts wherever they stand. */
const PLAIN = /^[\w./%+@~-][\w./%+@~:-]*$/;

export function valueText(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${valueText(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  const text = String(value);
  const isPlain = typeof value !== 'string' || (PLAIN.test(text) && !text.endsWith(':') && text !== '-');
  return isPlain ? text : JSON.stringify(text);
}
