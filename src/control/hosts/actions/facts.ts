/** What programs, web services and people are told of a violation, and how it is written into their words. */
import { printable } from '../../../base/printable.ts';
import { formatBytesShort, formatTime } from '../../../base/units.ts';
import type { ExecWord } from '../../../spec/hosts.ts';

/** One host is over one limit of one quota. */
export interface ViolationFacts {
  /** The id of the host. */
  readonly host: string;
  /** Empty if it has none. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly quota: string;
  readonly state: string;
  readonly overNs: number;
  readonly direction: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** ISO 8601; null if nobody knows. */
  readonly endsAt: string | null;
}

const PLACEHOLDER = /\{(\w+)\}/g;

/** By the name between braces, and in capitals with SHAPER_ in front by that of a variable. */
export function wordsOf(facts: ViolationFacts): Readonly<Record<ExecWord, string>> {
  return {
    host: facts.host,
    name: nameOf(facts),
    quota: facts.quota,
    state: facts.state,
    over: formatTime(facts.overNs),
    direction: facts.direction,
    used: String(facts.usedBytes),
    limit: String(facts.limitBytes),
    ends: facts.endsAt ?? '',
  };
}

/**
 * A host without a name is called by its id. A name may come from the host itself, by DHCP: no program shall
 * take it for an option, and no terminal for a command.
 */
function nameOf({ host, name }: ViolationFacts): string {
  const safe = printable(name).replace(/^-+/, '');
  return safe === '' ? host : safe;
}

/** Words in braces that are none of ours stay as they are. */
export function withWords(template: string, words: Readonly<Record<string, string>>): string {
  return template.replace(PLACEHOLDER, (whole, word: string) => words[word] ?? whole);
}

/** The same as variables of the environment. */
export function variablesOf(words: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words).map(([word, value]) => [`SHAPER_${word.toUpperCase()}`, value]),
  );
}

const MOVED: Readonly<Record<string, string>> = { up: 'sent', down: 'received' };

/** `flat-12 sent 5.20 GB in the last 4h; the limit is 5.00 GB.` */
export function sentenceOf(facts: ViolationFacts): string {
  const did = MOVED[facts.direction] ?? 'sent and received';
  const used = formatBytesShort(facts.usedBytes);
  const limit = formatBytesShort(facts.limitBytes);
  return `${nameOf(facts)} ${did} ${used} in the last ${formatTime(facts.overNs)}; the limit is ${limit}.`;
}

/** Subject and text of a letter. */
export function letterOf(facts: ViolationFacts): { readonly subject: string; readonly text: string } {
  const { host, addresses, quota, endsAt } = facts;
  const lines = [
    sentenceOf(facts),
    '',
    `Quota      ${quota}`,
    `Host       ${host}`,
    `Addresses  ${addresses.join(', ') || 'none known'}`,
    `Ends       ${endsAt === null ? 'when it has used less' : `${endsAt}, if it sends and receives nothing more`}`,
  ];
  return { subject: `Quota ${quota}: ${nameOf(facts)} is over its limit`, text: `${lines.join('\n')}\n` };
}
