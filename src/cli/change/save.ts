/** `shaper save`: writes the running configuration to a file. */
import { resolve } from 'node:path';
import { EXIT_FINE } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { call } from '../../client/client.ts';
import { replaceFile } from '../../io/replace-file.ts';
import type { Terminal } from '../terminal.ts';
import { printJson } from './print.ts';
import { type ChangeOptions, socketOf } from './socket.ts';

export async function save(
  file: string | undefined,
  options: ChangeOptions,
  terminal: Terminal,
): Promise<number> {
  const answer = await call(socketOf(options), 'GET', '/v1/config');
  const target = file === undefined ? String(answer.file) : resolve(file);
  await replaceFile(target, String(answer.yaml));
  if (options.json) printJson({ file: target, generation: answer.generation }, terminal);
  else terminal.out(`saved to ${printable(target)}\n`);
  return EXIT_FINE;
}
