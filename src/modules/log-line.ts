/** A line of a module's log: what it calls with, sorted out. */
import { shortText } from '../base/short-text.ts';

export interface ModuleLogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keys that every line has of its own. In the object of a module they get a `_` behind them. */
const OWN_KEYS = ['level', 'time', 'pid', 'hostname', 'module', 'msg'];

/** `info(fields, message)`, and as pino has it `info(message)` and `info(error, message)`. */
export function moduleLogLine(first: unknown, message: unknown): ModuleLogLine {
  if (first instanceof Error) {
    const fields = { error: first.message, stack: first.stack };
    return { fields, message: textOf(message ?? first.message) };
  }
  if (typeof first !== 'object') return { fields: {}, message: textOf(message ?? first) };
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(first ?? {}))
    fields[OWN_KEYS.includes(key) ? `${key}_` : key] = value;
  return { fields, message: textOf(message ?? '') };
}

function textOf(message: unknown): string {
  return typeof message === 'string' ? message : shortText(message);
}
