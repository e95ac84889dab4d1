/** Errors of the tools that install rules, in as few kinds as a caller can act on. */
import { EXIT_IMPOSSIBLE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';

/**
 * `missing`: a tool is not installed. `denied`: a capability is missing. `unsupported`: the kernel or a tool
 * cannot do it. `taken`: another instance has the table. `request`: a value cannot be written as a rule.
 * `failed`: the tool said something that nobody foresaw.
 */
export type RulesErrorCode = 'missing' | 'denied' | 'unsupported' | 'taken' | 'request' | 'failed';

/** The hint of an error without one of its own. */
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

/** Where the rules write warnings. */
export interface RulesLog {
  warn(message: string, fields?: object): void;
}

const DENIED = /Operation not permitted|Permission denied|must be root/;
const NO_NFTABLES = /Protocol not supported|Address family not supported|Unable to initialize Netlink/;
const NO_CLI = /compiled without|interactive (?:mode|CLI) not/i;

export const HINT_ROOT = 'run as root, or with CAP_NET_ADMIN';
export const HINT_NFTABLES = 'the kernel needs nf_tables for the inet family (CONFIG_NF_TABLES_INET)';

/** The lines of a tool's output that name the cause, without its echo of the command and the underline. */
export function toolComplaint(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /error|failed|denied|not permitted|not supported/i.test(line));
  return (telling.length > 0 ? telling : lines).slice(0, 3).join('; ') || 'no message';
}

/** Turns the output of nft or iptables into an error of the right kind. `what` says what was being done. */
export function toolError(what: string, output: string): RulesError {
  const message = `${what}: ${toolComplaint(output)}`;
  if (DENIED.test(output)) return new RulesError('denied', message, HINT_ROOT);
  if (NO_NFTABLES.test(output)) return new RulesError('unsupported', message, HINT_NFTABLES);
  if (NO_CLI.test(output)) {
    return new RulesError('unsupported', message, 'this nft was built without its interactive mode (nft -i)');
  }
  return new RulesError('failed', message);
}
