/** `shaper check FILE`: validates, and says what the file means. */
import { formatProblem } from '../control/config.ts';
import { classTree } from './class-tree.ts';
import { EXIT_FINE } from './errors.ts';
import { readConfig } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export function check(file: string, terminal: Terminal): number {
  const { spec, warnings } = readConfig(file);
  for (const { message, ...place } of warnings) {
    terminal.err(`${formatProblem({ ...place, message: `warning: ${message}` })}\n`);
  }
  terminal.out(`${file}: ok\n${classTree(spec)}`);
  return EXIT_FINE;
}
