/** `shaper set` and `shaper class add|remove|move`. */
import { EXIT_FINE } from '../../base/errors.ts';
import { call } from '../../client/client.ts';
import { parseAssignments } from '../../config/edit/assignments.ts';
import type { Terminal } from '../terminal.ts';
import { printAnswer } from './print.ts';
import { type ChangeOptions, classUrl, socketOf } from './socket.ts';

export interface SetOptions extends ChangeOptions {
  readonly for?: string;
}

export async function set(
  path: string,
  assignments: readonly string[],
  options: SetOptions,
  terminal: Terminal,
): Promise<number> {
  const patch = parseAssignments(assignments);
  const query = options.for === undefined ? '' : `?for=${encodeURIComponent(options.for)}`;
  const answer = await call(socketOf(options), 'PATCH', `${classUrl(path)}${query}`, patch);
  printAnswer(answer, options, terminal);
  return EXIT_FINE;
}

export interface PlaceOptions extends ChangeOptions {
  readonly before?: string;
}

export async function addClass(
  path: string,
  assignments: readonly string[],
  options: PlaceOptions,
  terminal: Terminal,
): Promise<number> {
  const body = { ...parseAssignments(assignments), path, ...placed(options) };
  printAnswer(await call(socketOf(options), 'POST', '/v1/classes', body), options, terminal);
  return EXIT_FINE;
}

export async function removeClass(path: string, options: ChangeOptions, terminal: Terminal): Promise<number> {
  printAnswer(await call(socketOf(options), 'DELETE', classUrl(path)), options, terminal);
  return EXIT_FINE;
}

export async function moveClass(
  path: string,
  newPath: string,
  options: PlaceOptions,
  terminal: Terminal,
): Promise<number> {
  const body = { path: newPath, ...placed(options) };
  printAnswer(await call(socketOf(options), 'POST', `${classUrl(path)}/move`, body), options, terminal);
  return EXIT_FINE;
}

function placed({ before }: PlaceOptions): object {
  return before === undefined ? {} : { before };
}
