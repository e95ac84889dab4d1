/** How failures of the parts become what a user sees: a message, what to do, and an exit code. */

import { CliError, EXIT_IMPOSSIBLE, EXIT_USAGE } from '../base/errors.ts';
import { ConfigError } from '../config/yaml/problems.ts';
import { ClientError } from '../control/client.ts';
import { ControlError } from '../control/server.ts';
import { AddonError } from '../io/nfqueue/addon.ts';
import { NfqueueError } from '../io/nfqueue/nfqueue-error.ts';
import { RulesError } from '../io/rules/errors.ts';

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
