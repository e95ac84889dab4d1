/** Values that others have written, as a few words of a message. Nothing here throws. */

const CHARS_MAX = 120;

/** As it would be written: texts in quotation marks, objects as JSON. */
export function shortText(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (value instanceof Promise) return 'a promise';
  try {
    const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : undefined;
    return cut(text ?? String(value));
  } catch {
    // It contains itself, or it throws when it is written.
    return 'an object';
  }
}

/** What was thrown: the message of an error, a text as it is. Anything can be thrown. */
export function thrownText(error: unknown): string {
  try {
    if (error instanceof Error) return error.message;
  } catch {
    return 'an error without a text';
  }
  return typeof error === 'string' ? error : shortText(error);
}

function cut(text: string): string {
  return text.length > CHARS_MAX ? `${text.slice(0, CHARS_MAX)}…` : text;
}
