/** Failures that a user can do something about, and the exit codes of the program (part of its contract). */

export const EXIT_FINE = 0;
/** The instance ended by a fault, its stop failed, or a second signal cut it short. */
export const EXIT_FAILED = 1;
/** Wrong usage or invalid configuration. */
export const EXIT_USAGE = 2;
/** Not possible on this machine, or not now. */
export const EXIT_IMPOSSIBLE = 3;

export type ExitCode = typeof EXIT_FAILED | typeof EXIT_USAGE | typeof EXIT_IMPOSSIBLE;

/** Ends a command with a message on stderr. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** What to do about it; empty when the message says it. */
  readonly hint: string;

  constructor(exitCode: ExitCode, message: string, hint = '') {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
