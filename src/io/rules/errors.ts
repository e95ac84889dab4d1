/**
 * What can go wrong between us and the rule tools, as few kinds as a caller can act on.
 * `unsupported` and `missing` mean "not possible here"; `denied` wants a capability; `taken` is another instance;
 * `request` is a value that cannot be written as a rule; `failed` is everything the tools said that we did not foresee.
 */
import { EXIT_IMPOSSIBLE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';

export type RulesErrorCode = 'missing' | 'denied' | 'unsupported' | 'taken' | 'request' | 'failed';

/** The hint of an error that nobody foresaw. */
const HINT_TOOLS =
  'try by hand: nft list ruleset, and what shaper rules --conf FILE prints; the tool may be broken or busy';

export class RulesError extends OperatingError {
  override readonly name = 'RulesError';
  readonly code: RulesErrorCode;

  constructor(code: RulesErrorCode, message: string, hint = '') {
    if (code === 'request') super(EXIT_USAGE, message, hint);
    else super(EXIT_IMPOSSIBLE, message, hint || HINT_TOOLS);
    this.code = code;
  }
}

/** The part of a pino logger that the rules use. */
export interface RulesLog {
  warn(message: string, fields?: object): void;
}

const DENIED = /Operation not permitted|Permission denied|must be root/;
const NO_NFTABLES = /Protocol not supported|Address family not supported|Unable to initialize Netlink/;
const NO_CLI = /compiled without|interactive (?:mode|CLI) not/i;

export const HINT_ROOT = 'run as root, or with CAP_NET_ADMIN';
export const HINT_NFTABLES = 'the kernel needs nf_tables for the inet family (CONFIG_NF_TABLES_INET)';

/** The lines that name the cause, without the tools' echo of the command and its underline. */
export function toolComplaint(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /error|failed|denied|not permitted|not supported/i.test(line));
  return (telling.length > 0 ? telling : lines).slice(0, 3).join('; ') || 'no message';
}

/** Turns what nft or iptables printed into an error of the right kind. `what` says what was being done. */
export function toolError(what: string, output: string): RulesError {
  const message = `${what}: ${toolComplaint(output)}`;
  if (DENIED.test(output)) return new RulesError('denied', message, HINT_ROOT);
  if (NO_NFTABLES.test(output)) return new RulesError('unsupported', message, HINT_NFTABLES);
  if (NO_CLI.test(output)) {
    return new RulesError('unsupported', message, 'this nft was built without its interactive mode (nft -i)');
  }
  return new RulesError('failed', message);
}
