/** `shaper reload`, `confirm`, `revert` and `diff`. */
import { resolve } from 'node:path';
import { EXIT_FINE } from '../../base/errors.ts';
import { type Answer, call } from '../../client/client.ts';
import { loadConfig } from '../../config/config.ts';
import { readConfigText } from '../../io/config-text.ts';
import type { Terminal } from '../terminal.ts';
import { printAnswer } from './print.ts';
import { type ChangeOptions, socketOf } from './socket.ts';

export interface ReloadOptions extends ChangeOptions {
  readonly confirm?: string;
  readonly dryRun?: boolean;
}

/**
 * The text of FILE is read here, by the rights of the user. Without --conf and --socket it says as well which
 * instance is meant.
 */
export async function reload(
  file: string | undefined,
  options: ReloadOptions,
  terminal: Terminal,
): Promise<number> {
  const { conf, socket, confirm: confirmTime, dryRun } = options;
  const text = file === undefined ? undefined : readConfigText(file);
  const isLocator = text !== undefined && conf === undefined && socket === undefined;
  const socketPath = isLocator ? loadConfig(text, file!).socketPath : socketOf(options);
  const body = {
    ...(file !== undefined && { file: resolve(file), text }),
    ...(confirmTime !== undefined && { confirm: confirmTime }),
    ...(dryRun && { dryRun }),
  };
  const answer = await call(socketPath, 'POST', '/v1/reload', body);
  printAnswer(answer, options, terminal);
  if (typeof answer.confirmUntil === 'string' && !options.json)
    terminal.err(`goes back by itself at ${answer.confirmUntil}, unless: shaper confirm\n`);
  return EXIT_FINE;
}

export function confirm(options: ChangeOptions, terminal: Terminal): Promise<number> {
  return changed('/v1/confirm', options, terminal);
}

export function revert(options: ChangeOptions, terminal: Terminal): Promise<number> {
  return changed('/v1/revert', options, terminal);
}

async function changed(path: string, options: ChangeOptions, terminal: Terminal): Promise<number> {
  printAnswer(await call(socketOf(options), 'POST', path, {}), options, terminal);
  return EXIT_FINE;
}

export async function diff(options: ChangeOptions, terminal: Terminal): Promise<number> {
  const answer: Answer = await call(socketOf(options), 'GET', '/v1/diff');
  printAnswer(answer, options, terminal);
  return EXIT_FINE;
}
