/** The texts of the files that are only read. */
import { FileError } from '../fuse/filesystem.ts';
import type { Attached, Json } from './instance.ts';

/** `name value` lines, as status has the values; `sent.bytes` is in the map `sent`. Lists are left out. */
export function statText(report: Json | undefined): string {
  if (report === undefined) throw new FileError('ENOENT');
  const { path: _, ...values } = report;
  return `${linesOf(values, '').join('\n')}\n`;
}

function linesOf(values: Json, prefix: string): string[] {
  return Object.entries(values).flatMap(([name, value]): string[] => {
    if (value === null || Array.isArray(value)) return [];
    if (typeof value === 'object') return linesOf(value as Json, `${prefix}${name}.`);
    return [`${prefix}${name} ${value}`];
  });
}

/** What is attached to the class, a line each. */
export function clientsText(attached: readonly Attached[], path: string): string {
  const lines = attached.filter(({ classes }) => classes.includes(path)).map(lineOf);
  return lines.map((line) => `${line}\n`).join('');
}

function lineOf({ subject, text }: Attached): string {
  return text === subject || text === '' ? subject : `${subject} ${text}`;
}
