/** What a change has changed, for people. */
import { printable } from '../../base/printable.ts';
import type { Answer } from '../../client/client.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { Terminal } from '../terminal.ts';

/** One line per change on stdout, and what one should know besides on stderr; or all as JSON. */
export function printAnswer(answer: Answer, { json }: { readonly json?: boolean }, terminal: Terminal): void {
  if (json) {
    printJson(answer, terminal);
    return;
  }
  const changes = answer.changes as readonly ConfigChange[];
  terminal.out(changes.map((change) => `${changeLine(change)}\n`).join(''));
  const notes = (answer.notes ?? []) as readonly string[];
  for (const note of notes) terminal.err(`${printable(note)}\n`);
}

export function printJson(answer: Answer, terminal: Terminal): void {
  terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
}

/** `wan/up/guests ceil: 10mbit -> 5mbit`. */
export function changeLine({ path, key, old, new: value }: ConfigChange): string {
  if (key === '' && old === null) return `${path}: added ${value}`;
  if (key === '' && value === null) return `${path}: removed, was ${old}`;
  const what = [path, key].filter((part) => part !== '').join(' ');
  return `${what}: ${old ?? 'unset'} -> ${value ?? 'unset'}`;
}
