/** The interest of a module: a value that it computes, read as a matcher of the configuration is. */
import { Document, LineCounter, type Node } from 'yaml';
import type { AccountNames } from '../../spec/accounts.ts';
import type { HostsSpec } from '../../spec/hosts.ts';
import type { MatcherSpec } from '../../spec/match.ts';
import type { ClassContext } from '../read/context.ts';
import { knownHosts } from '../read/hosts.ts';
import { readMatch } from '../read/match.ts';
import { YamlReader } from '../yaml/reader.ts';

/** What matchers are checked against. */
export interface InterestContext {
  readonly hosts: HostsSpec;
  /** The bits of nfqueue.mark; 0 if they are chosen at the start. */
  readonly ownMarkMask: number;
  /** Of the machine that shapes; null if they are not known. */
  readonly accounts: AccountNames | null;
}

export interface ReadInterest {
  /** null: all packets. */
  readonly matchers: readonly MatcherSpec[] | null;
  readonly faults: readonly string[];
}

/** Words of a matcher that mean one thing in `up` and another in `down`. */
const SIDES = ['inside', 'outside', 'insidePort', 'outsidePort'];

export function readInterest(interest: unknown, context: InterestContext): ReadInterest {
  if (interest === undefined || interest === null) return { matchers: null, faults: [] };
  const shape = shapeFault(interest);
  if (shape !== null) return { matchers: null, faults: [shape] };
  const contents = nodeOf(interest);
  if (contents === null) return { matchers: null, faults: ['interest: it is no value that YAML can write'] };
  const lines = new LineCounter();
  const reader = new YamlReader({
    ...{ file: 'interest', lines, contents, isWellFormed: true, faults: [], hasAliases: false },
  });
  const matchers = readMatch(classContext(reader, context), { value: contents, offset: 0 });
  return { matchers, faults: reader.problems.errors.map(({ message }) => `interest: ${message}`) };
}

function shapeFault(interest: unknown): string | null {
  const entries: unknown[] = Array.isArray(interest) ? interest : [interest];
  for (const entry of entries) {
    if (typeof entry !== 'object' || entry === null)
      return 'interest: it must be a matcher or a list of them';
    if (Object.keys(entry).length === 0)
      return 'interest: an empty matcher would take every packet; leave interest out for that';
    const side = SIDES.find((word) => Object.hasOwn(entry, word));
    if (side !== undefined)
      return `interest: ${side} means nothing here, because a module meets both directions; write src, dst, sport or dport`;
  }
  return entries.length === 0 ? 'interest: the list is empty, so no packet would come' : null;
}

function nodeOf(interest: unknown): Node | null {
  try {
    // A value that means itself is written twice, not once with an alias.
    const plain: unknown = JSON.parse(JSON.stringify(interest));
    return new Document(plain, { aliasDuplicateObjects: false }).contents;
  } catch (error) {
    // Values that contain themselves, and large integers.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** A module stands in no class and belongs to no device. */
function classContext(reader: YamlReader, { hosts, ownMarkMask, accounts }: InterestContext): ClassContext {
  return {
    ...{ reader, path: '', label: 'interest', isBoth: false, direction: 'up', device: '', packetBytes: 0 },
    ...{ ownMarkMask, hosts: knownHosts(hosts), devices: null, accounts },
    ...{ isPaced: false, isMetered: false, within: [], seen: { prefixes: [], ports: [] } },
    ...{ schedules: [], accesses: [] },
  };
}
