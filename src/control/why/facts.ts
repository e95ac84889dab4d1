/** Which class takes a packet of which not everything is known: by the specification, without the packet. */
import { prefixMasks, wordMask } from '../../base/prefix.ts';
import type { ClassSpec, MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';

/** What is known of a packet; null is not known. */
export interface PacketFacts {
  readonly family: number;
  readonly protocol: number | null;
  readonly src: ArrayLike<number> | null;
  readonly dst: ArrayLike<number> | null;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly dscp: number | null;
  readonly foreignMark: number | null;
  /** Names of its devices; empty for one that nothing names. */
  readonly iif: string | null;
  readonly oif: string | null;
  /** What matchers call its subjects. */
  readonly subjects: readonly string[] | null;
}

/** `maybe`: it depends on what is not known. */
export type Takes = 'yes' | 'no' | 'maybe';

const PORTED = [6, 17, 132, 136];

/** All must hold. */
function all(answers: readonly Takes[]): Takes {
  if (answers.includes('no')) return 'no';
  return answers.includes('maybe') ? 'maybe' : 'yes';
}

/** One must hold. */
function any(answers: readonly Takes[]): Takes {
  if (answers.includes('yes')) return 'yes';
  return answers.includes('maybe') ? 'maybe' : 'no';
}

function known<T>(value: T | null, holds: (value: T) => boolean): Takes {
  if (value === null) return 'maybe';
  return holds(value) ? 'yes' : 'no';
}

export function takes({ match }: ClassSpec, facts: PacketFacts): Takes {
  return match === null ? 'yes' : any(match.map((one) => meets(one, facts)));
}

function meets(one: MatcherSpec, facts: PacketFacts): Takes {
  const { src, dst, sport, dport, family } = facts;
  const isIn = (list: readonly PrefixSpec[], address: ArrayLike<number> | null): Takes =>
    list.some((prefix) => prefix.family === family)
      ? known(address, (words) => list.some((prefix) => contains(prefix, family, words)))
      : 'no';
  const isAt = (list: readonly PortRangeSpec[], port: number | null): Takes =>
    known(port, (value) => list.some(({ from, to }) => value >= from && value <= to));
  const hasPorts = known(facts.protocol, (protocol) => PORTED.includes(protocol));
  const answers: Takes[] = [];
  if (one.proto) answers.push(known(facts.protocol, (protocol) => one.proto!.includes(protocol)));
  if (one.dscp) answers.push(known(facts.dscp, (dscp) => one.dscp!.includes(dscp)));
  if (one.src) answers.push(isIn(one.src, src));
  if (one.dst) answers.push(isIn(one.dst, dst));
  if (one.host) answers.push(any([isIn(one.host, src), isIn(one.host, dst)]));
  if (one.sport) answers.push(hasPorts, isAt(one.sport, sport));
  if (one.dport) answers.push(hasPorts, isAt(one.dport, dport));
  if (one.port) answers.push(hasPorts, any([isAt(one.port, sport), isAt(one.port, dport)]));
  if (one.mark)
    answers.push(
      known(facts.foreignMark, (bits) => one.mark!.some((m) => (bits & m.mask) >>> 0 === m.value)),
    );
  if (one.iif) answers.push(known(facts.iif, (name) => one.iif!.includes(name)));
  if (one.oif) answers.push(known(facts.oif, (name) => one.oif!.includes(name)));
  for (const keys of [one.users, one.groups, one.cgroups, one.exes])
    if (keys) answers.push(known(facts.subjects, (own) => keys.some((key) => own.includes(key))));
  return all(answers);
}

function contains(prefix: PrefixSpec, family: number, words: ArrayLike<number>): boolean {
  if (prefix.family !== family) return false;
  const masks = family === 4 ? [wordMask(prefix.bits)] : prefixMasks(prefix.bits);
  return masks.every((mask, w) => (words[w]! & mask) === (prefix.words[w]! & mask));
}

export interface Placed {
  readonly leaf: ClassSpec;
  /** Classes that come first and would take some such packets. */
  readonly perhaps: readonly ClassSpec[];
}

/** Where such a packet goes in the tree under `node`. */
export function place(node: ClassSpec, facts: PacketFacts): Placed {
  const perhaps: ClassSpec[] = [];
  let leaf = node;
  while (leaf.children.length > 0) {
    const { children } = leaf;
    // The last child of an inner class is its default and takes everything.
    let i = 0;
    for (; i < children.length - 1; i++) {
      const answer = takes(children[i]!, facts);
      if (answer === 'yes') break;
      if (answer === 'maybe') perhaps.push(children[i]!);
    }
    leaf = children[i]!;
  }
  return { leaf, perhaps };
}

/** The leaf that would take the packets of `leaf`, a child of `parent`, if it did not exist. null: none. */
export function nextLeaf(parent: ClassSpec, leaf: ClassSpec, facts: PacketFacts): ClassSpec | null {
  const { children } = parent;
  const at = children.findIndex(({ path }) => path === leaf.path);
  const next = children
    .slice(at + 1)
    .find((child, i, { length }) => i === length - 1 || takes(child, facts) !== 'no');
  return next === undefined ? null : place(next, facts).leaf;
}
