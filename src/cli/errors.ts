/** Tells the user why a command failed. */
import { OperatingError } from '../base/errors.ts';
import type { Terminal } from './terminal.ts';

/** Prints message and hint; returns the exit code. Throws the error again if it is a fault of the program. */
export function explain(error: unknown, terminal: Terminal): number {
  if (!(error instanceof OperatingError)) throw error;
  const { message, hint, isPlaced, exitCode } = error;
  terminal.err(isPlaced ? `${message}\n` : `shaper: ${message}\n`);
  if (hint !== '') terminal.err(`  ${hint}\n`);
  return exitCode;
}
