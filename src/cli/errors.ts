/** How failures of the parts become what a user sees: a message, what to do, and an exit code. */
import { ClientError } from '../control/client.ts';
import { ConfigError } from '../control/problems.ts';
import { ControlError } from '../control/server.ts';
import { AddonError } from '../io/addon.ts';
import { NfqueueError } from '../io/nfqueue-error.ts';
import { RulesError } from '../io/rules/errors.ts';

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

/** For what the rule tools said that nobody foresaw. */
const HINT_TOOLS =
  'try by hand: nft list ruleset, and what shaper rules --conf FILE prints; the tool may be broken or busy';

/** Errors of the parts as CliError; null for anything unforeseen, which is a fault of the program. */
export function asCliError(error: unknown): CliError | null {
  if (error instanceof CliError) return error;
  if (error instanceof ConfigError) return new CliError(EXIT_USAGE, error.message);
  if (error instanceof RulesError) {
    if (error.code === 'request') return new CliError(EXIT_USAGE, error.message, error.hint);
    return new CliError(EXIT_IMPOSSIBLE, error.message, error.hint || HINT_TOOLS);
  }
  if (error instanceof NfqueueError) {
    return new CliError(
      EXIT_IMPOSSIBLE,
      `cannot open the queues: ${error.syscall}: ${error.code}`,
      error.hint,
    );
  }
  if (error instanceof ControlError) return new CliError(EXIT_IMPOSSIBLE, error.message, error.hint);
  if (error instanceof ClientError) {
    const hint = {
      absent: 'start one with: shaper --conf FILE (or name its socket with --conf or --socket)',
      denied: 'run as the user of that instance, usually root',
      failed: 'its log may say why; an instance that hangs has to be stopped and started again',
    }[error.code];
    return new CliError(EXIT_IMPOSSIBLE, error.message, hint);
  }
  if (error instanceof AddonError) return new CliError(EXIT_IMPOSSIBLE, error.message);
  return null;
}
