/**
 * Matchers in the words of nft. A packet that a matcher means matches one of its texts. Others may match as
 * well: rules know no hosts, users, control groups or programs, so the core looks once more.
 */
import { prefixText } from '../../packet/address-text.ts';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/match.ts';
import { RulesError } from './errors.ts';
import { hex } from './mark.ts';
import { quoteDevice } from './render-nft.ts';

/** TCP, UDP, UDP-Lite, SCTP: what has ports. */
const WITH_PORTS = [6, 17, 136, 132];
const ALL_BITS = 0xffffffff;

const FAMILIES = [
  { version: 4, ip: 'ip', nfproto: 'ipv4' },
  { version: 6, ip: 'ip6', nfproto: 'ipv6' },
] as const;

type Family = (typeof FAMILIES)[number];
type Side = 'saddr' | 'daddr';

/** One match after the other, or several of which one must hold; an empty list: none can. */
type Alternatives = readonly string[];

/** Holds always. */
const ANY: Alternatives = [''];

/**
 * What packets match, each text as it stands in a rule, empty for all. `ports` are devices that rules see
 * under the name of their bridge.
 */
export function interestMatches(matcher: MatcherSpec, ports: ReadonlySet<string>): string[] {
  return product([
    devices('iifname', matcher.iif, ports),
    devices('oifname', matcher.oif, ports),
    protocols(matcher),
    marks(matcher.mark),
    addresses(matcher),
    portMatches('sport', matcher.sport),
    portMatches('dport', matcher.dport),
    [...new Set([...portMatches('sport', matcher.port), ...portMatches('dport', matcher.port)])],
  ]);
}

function product(parts: readonly Alternatives[]): string[] {
  let texts = [''];
  for (const part of parts) {
    texts = texts.flatMap((text) => part.map((match) => [text, match].filter(Boolean).join(' ')));
  }
  return texts;
}

/** One element, or a set. */
function anyOf(elements: readonly string[]): string {
  return elements.length === 1 ? (elements[0] as string) : `{ ${elements.join(', ')} }`;
}

function devices(
  side: 'iifname' | 'oifname',
  names: readonly string[] | undefined,
  ports: ReadonlySet<string>,
): Alternatives {
  if (names === undefined) return ANY;
  const quoted = [...new Set(names)].map((name) => (ports.has(name) ? null : quotedOrNull(name)));
  if (quoted.includes(null)) return ANY;
  return quoted.length === 0 ? [] : [`${side} ${anyOf(quoted as string[])}`];
}

/** null for a name that no rule can have. */
function quotedOrNull(device: string): string | null {
  try {
    return quoteDevice(device);
  } catch (error) {
    if (error instanceof RulesError) return null;
    throw error;
  }
}

function protocols({ proto, sport, dport, port }: MatcherSpec): Alternatives {
  const wanted = proto ?? (sport || dport || port ? WITH_PORTS : undefined);
  if (wanted === undefined) return ANY;
  return wanted.length === 0 ? [] : [`meta l4proto ${anyOf([...new Set(wanted)].map(String))}`];
}

function marks(wanted: MatcherSpec['mark']): Alternatives {
  if (wanted === undefined) return ANY;
  const texts = wanted.map(({ value, mask }) => {
    if (mask === 0) return value === 0 ? '' : null;
    return mask === ALL_BITS ? `meta mark ${hex(value)}` : `meta mark & ${hex(mask)} == ${hex(value)}`;
  });
  const possible = texts.filter((text) => text !== null);
  return possible.includes('') ? ANY : [...new Set(possible)];
}

/** Addresses and code points, of each family by itself. */
function addresses(matcher: MatcherSpec): Alternatives {
  const { src, dst, dscp, hostNames } = matcher;
  // Names and MACs of hosts are known to the core alone, and beside a name either may hold.
  const host = hostNames === undefined ? matcher.host : undefined;
  if (src === undefined && dst === undefined && host === undefined && dscp === undefined) return ANY;
  return FAMILIES.flatMap((family) =>
    product([
      dscp === undefined ? ANY : codePoints(family, dscp),
      prefixes(family, 'saddr', src),
      prefixes(family, 'daddr', dst),
      [...new Set([...prefixes(family, 'saddr', host), ...prefixes(family, 'daddr', host)])],
    ]),
  );
}

function codePoints({ ip }: Family, points: readonly number[]): Alternatives {
  return points.length === 0 ? [] : [`${ip} dscp ${anyOf([...new Set(points)].map(String))}`];
}

function prefixes(family: Family, side: Side, wanted: readonly PrefixSpec[] | undefined): Alternatives {
  if (wanted === undefined) return ANY;
  const own = wanted.filter(({ family: version }) => version === family.version);
  if (own.length === 0) return [];
  if (own.some(({ bits }) => bits === 0)) return [`meta nfproto ${family.nfproto}`];
  const widest = own.filter((one) => !own.some((other) => other !== one && isWithin(one, other)));
  const texts = (widest.length > 0 ? widest : own).map(({ words, bits }) =>
    prefixText(family.version, words, bits),
  );
  return [`${family.ip} ${side} ${anyOf([...new Set(texts)])}`];
}

/** Sets of nft take no prefix that lies in another one. Of two equal ones, neither lies in the other. */
function isWithin(one: PrefixSpec, other: PrefixSpec): boolean {
  if (other.bits >= one.bits) return false;
  return one.words.every((word, i) => {
    const bits = Math.min(32, Math.max(0, other.bits - 32 * i));
    const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
    return ((word ^ (other.words[i] as number)) & mask) === 0;
  });
}

function portMatches(side: 'sport' | 'dport', ranges: readonly PortRangeSpec[] | undefined): Alternatives {
  if (ranges === undefined) return ANY;
  const texts = joined(ranges).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return texts.length === 0 ? [] : [`th ${side} ${anyOf(texts)}`];
}

/** Sets of nft take no ranges that overlap. */
function joined(ranges: readonly PortRangeSpec[]): PortRangeSpec[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}
