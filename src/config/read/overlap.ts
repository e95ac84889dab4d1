/**
 * Relations between matchers: does one take every packet of another, and is there a packet that both take?
 * Both functions say yes only when they are certain.
 */
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';

type Mark = NonNullable<MatcherSpec['mark']>[number];
type Same<T> = (a: T, b: T) => boolean;

/** Whether every packet of `b` is one of `a`. A list of matchers takes what any of them takes. */
export function coversAll(a: readonly MatcherSpec[], b: readonly MatcherSpec[]): boolean {
  return b.every((inner) => a.some((outer) => covers(outer, inner)));
}

/** Whether no packet is one of both `a` and `b`. */
export function areDisjoint(a: readonly MatcherSpec[], b: readonly MatcherSpec[]): boolean {
  return a.every((one) => b.every((other) => isDisjoint(one, other)));
}

function covers(a: MatcherSpec, b: MatcherSpec): boolean {
  const isSame: Same<unknown> = (x, y) => x === y;
  return (
    listCovers(a.proto, [b.proto], isSame) &&
    listCovers(a.src, [b.src], prefixCovers, takesAllAddresses) &&
    listCovers(a.dst, [b.dst], prefixCovers, takesAllAddresses) &&
    listCovers(a.host, [b.src, b.dst, b.host], prefixCovers, takesAllAddresses) &&
    listCovers(a.sport, [b.sport], rangeCovers) &&
    listCovers(a.dport, [b.dport], rangeCovers) &&
    listCovers(a.port, [b.sport, b.dport, b.port], rangeCovers) &&
    listCovers(a.dscp, [b.dscp], isSame) &&
    listCovers(a.mark, [b.mark], markCovers) &&
    listCovers(a.iif, [b.iif], isSame) &&
    listCovers(a.oif, [b.oif], isSame)
  );
}

/** Whether the condition `outer` holds if all of `inner` do: one of these must lie inside it. */
function listCovers<T>(
  outer: readonly T[] | undefined,
  inner: readonly (readonly T[] | undefined)[],
  itemCovers: Same<T>,
  takesAll: (items: readonly T[]) => boolean = () => false,
): boolean {
  if (outer === undefined || takesAll(outer)) return true;
  return inner.some((items) => items?.every((item) => outer.some((o) => itemCovers(o, item))) === true);
}

function isDisjoint(a: MatcherSpec, b: MatcherSpec): boolean {
  const isSame: Same<unknown> = (x, y) => x === y;
  return (
    listsPart(a.proto, b.proto, isSame) ||
    listsPart(a.src, b.src, prefixesMeet) ||
    listsPart(a.dst, b.dst, prefixesMeet) ||
    eitherParts(a.host, b.src, b.dst, prefixesMeet) ||
    eitherParts(b.host, a.src, a.dst, prefixesMeet) ||
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
  const lists = [a.src, a.dst, a.host, b.src, b.dst, b.host].filter((list) => list !== undefined);
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
