/** Failures that a user can do something about, and the exit codes of the program (part of its contract). */

export const EXIT_FINE = 0;
/** The instance ended by a fault, its stop failed, or a second signal cut the stop short. */
export const EXIT_FAILED = 1;
/** Wrong usage or invalid configuration. */
export const EXIT_USAGE = 2;
/** Not possible on this machine, or not now. */
export const EXIT_IMPOSSIBLE = 3;

export type ExitCode = typeof EXIT_FAILED | typeof EXIT_USAGE | typeof EXIT_IMPOSSIBLE;

/**
 * Ends a command with its message and hint on stderr and with its exit code. Parts of the program whose
 * errors have a code of their own extend it. Any other error is a fault of the program and ends it with a
 * stack trace.
 */
export class OperatingError extends Error {
  override readonly name: string = 'OperatingError';
  readonly exitCode: ExitCode;
  /** What the user can do about it. Empty if the message says so. */
  readonly hint: string;
  /**
   * Every line of the message begins with FILE:LINE:COL, which editors recognise only at the start of a line.
   */
  readonly isPlaced: boolean = false;

  constructor(exitCode: ExitCode, message: string, hint = '', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
