/**
 * Relations between matchers: does one take every packet of another, and is there a packet that both take?
 * Both functions say yes only when they are certain.
 */
import { PROTOCOLS } from '../../packet/protocols.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';

type Mark = NonNullable<MatcherSpec['mark']>[number];
type Same<T> = (a: T, b: T) => boolean;

/** Whether every packet of `b` is one of `a`. A list of matchers takes what any of them takes. */
export function coversAll(a: readonly MatcherSpec[], b: readonly MatcherSpec[]): boolean {
  return b.every((inner) => a.some((outer) => covers(outer, inner)));
}

const [TCP] = PROTOCOLS.tcp!;

/** The matchers by which TCP comes to a class, for nothing but TCP. */
export function ofTcp(match: readonly MatcherSpec[]): MatcherSpec[] {
  return match
    .filter(({ proto }) => proto?.includes(TCP!) !== false)
    .map((matcher) => ({ ...matcher, proto: [TCP!] }));
}

/** Whether no packet is one of both `a` and `b`. */
export function areDisjoint(a: readonly MatcherSpec[], b: readonly MatcherSpec[]): boolean {
  return a.every((one) => b.every((other) => isDisjoint(one, other)));
}

function covers(a: MatcherSpec, b: MatcherSpec): boolean {
  return (
    listCovers(isSame, a.proto, b.proto) &&
    addressesCover(a.src, b.src) &&
    addressesCover(a.dst, b.dst) &&
    hostsCover(a, b) &&
    listCovers(isSameMac, a.mac, b.mac) &&
    listCovers(rangeCovers, a.sport, b.sport) &&
    listCovers(rangeCovers, a.dport, b.dport) &&
    listCovers(rangeCovers, a.port, b.sport, b.dport, b.port) &&
    listCovers(isSame, a.dscp, b.dscp) &&
    listCovers(markCovers, a.mark, b.mark) &&
    listCovers(isSame, a.iif, b.iif) &&
    listCovers(isSame, a.oif, b.oif) &&
    listCovers(isSame, a.users, b.users) &&
    listCovers(isSame, a.groups, b.groups) &&
    listCovers(isInsideGroup, a.cgroups, b.cgroups) &&
    listCovers(isSame, a.exes, b.exes)
  );
}

/** A control group takes all below it. */
function isInsideGroup(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}

/** A host of an address may have any name, and the other way round. Either of the two lists may hold. */
function hostsCover(a: MatcherSpec, b: MatcherSpec): boolean {
  if (a.hostNames === undefined)
    return b.hostNames === undefined
      ? addressesCover(a.host, b.src, b.dst, b.host)
      : addressesCover(a.host, b.src, b.dst);
  if (listCovers(prefixCovers, a.host ?? [], b.src, b.dst)) return true;
  if (b.host === undefined && b.hostNames === undefined) return false;
  const { host = [], hostNames = [] } = b;
  return listCovers(prefixCovers, a.host ?? [], host) && listCovers(isSame, a.hostNames, hostNames);
}

function isSameMac(one: MacSpec, other: MacSpec): boolean {
  return one.high === other.high && one.low === other.low;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other;
}

type List<T> = readonly T[] | undefined;

function addressesCover(
  outer: List<PrefixSpec>,
  one: List<PrefixSpec>,
  two?: List<PrefixSpec>,
  three?: List<PrefixSpec>,
): boolean {
  return listCovers(prefixCovers, outer, one, two, three) || takesAllAddresses(outer!);
}

/**
 * Whether the condition `outer` holds if all others do: one of these must lie inside it. Each pair of classes
 * is asked at every change, and most have few conditions.
 */
function listCovers<T>(
  itemCovers: Same<T>,
  outer: List<T>,
  one: List<T>,
  two?: List<T>,
  three?: List<T>,
): boolean {
  if (outer === undefined) return true;
  const isInside = (items: List<T>): boolean =>
    items?.every((item) => outer.some((o) => itemCovers(o, item))) === true;
  return isInside(one) || isInside(two) || isInside(three);
}

function isDisjoint(a: MatcherSpec, b: MatcherSpec): boolean {
  return (
    listsPart(a.proto, b.proto, isSame) ||
    listsPart(a.src, b.src, prefixesMeet) ||
    listsPart(a.dst, b.dst, prefixesMeet) ||
    eitherParts(onlyAddresses(a), b.src, b.dst, prefixesMeet) ||
    eitherParts(onlyAddresses(b), a.src, a.dst, prefixesMeet) ||
    listsPart(a.sport, b.sport, rangesMeet) ||
    listsPart(a.dport, b.dport, rangesMeet) ||
    eitherParts(a.port, b.sport, b.dport, rangesMeet) ||
    eitherParts(b.port, a.sport, a.dport, rangesMeet) ||
    listsPart(a.dscp, b.dscp, isSame) ||
    listsPart(a.mark, b.mark, marksMeet) ||
    listsPart(a.iif, b.iif, isSame) ||
    listsPart(a.oif, b.oif, isSame) ||
    familiesPart(a, b)
  );
}

function listsPart<T>(a: readonly T[] | undefined, b: readonly T[] | undefined, meet: Same<T>): boolean {
  return a !== undefined && b !== undefined && !a.some((x) => b.some((y) => meet(x, y)));
}

/** The addresses of which one must be there; undefined if a name may stand in their place. */
function onlyAddresses({ host, hostNames }: MatcherSpec): List<PrefixSpec> {
  return hostNames === undefined ? host : undefined;
}

/** `either` holds for one of the two sides; neither of them meets it. */
function eitherParts<T>(
  either: readonly T[] | undefined,
  one: readonly T[] | undefined,
  other: readonly T[] | undefined,
  meet: Same<T>,
): boolean {
  return listsPart(either, one, meet) && listsPart(either, other, meet);
}

/** A packet has one family. */
function familiesPart(a: MatcherSpec, b: MatcherSpec): boolean {
  const lists = [a.src, a.dst, onlyAddresses(a), b.src, b.dst, onlyAddresses(b)].filter(
    (list) => list !== undefined,
  );
  return ([4, 6] as const).every((family) =>
    lists.some((list) => !list.some((prefix) => prefix.family === family)),
  );
}

function takesAllAddresses(prefixes: readonly PrefixSpec[]): boolean {
  return ([4, 6] as const).every((family) => prefixes.some((p) => p.family === family && p.bits === 0));
}

export function prefixCovers(a: PrefixSpec, b: PrefixSpec): boolean {
  if (a.family !== b.family || a.bits > b.bits) return false;
  return a.words.every((word, w) => {
    const bits = Math.min(32, Math.max(0, a.bits - 32 * w));
    return bits === 0 || (word ^ b.words[w]!) >>> (32 - bits) === 0;
  });
}

function prefixesMeet(a: PrefixSpec, b: PrefixSpec): boolean {
  return prefixCovers(a, b) || prefixCovers(b, a);
}

function rangeCovers(a: PortRangeSpec, b: PortRangeSpec): boolean {
  return a.from <= b.from && b.to <= a.to;
}

function rangesMeet(a: PortRangeSpec, b: PortRangeSpec): boolean {
  return a.from <= b.to && b.from <= a.to;
}

function markCovers(a: Mark, b: Mark): boolean {
  return (a.mask & ~b.mask) === 0 && (a.mask & (a.value ^ b.value)) === 0;
}

function marksMeet(a: Mark, b: Mark): boolean {
  return (a.mask & b.mask & (a.value ^ b.value)) === 0;
}
