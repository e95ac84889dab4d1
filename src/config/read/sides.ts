/**
 * Addresses and ports on the wrong side: the hosts inside are the source in `up`, the destination in `down`.
 */
import type { PrefixSpec } from '../../spec/spec.ts';
import type { YamlReader } from '../yaml/reader.ts';
import type { Direction } from './context.ts';
import { prefixCovers } from './overlap.ts';

/** A prefix of a matcher, with the place at which it was written. */
export interface SeenPrefix {
  readonly direction: Direction;
  readonly side: 'src' | 'dst';
  readonly prefix: PrefixSpec;
  readonly offset: number;
  /** `src` or `dst` was written, which may have been meant for the other direction. */
  readonly isDoubtful: boolean;
}

/** The ports of one side of a matcher. */
export interface SeenPorts {
  readonly direction: Direction;
  /** The path of the class below its direction. */
  readonly place: string;
  readonly side: 'sport' | 'dport';
  readonly ports: readonly string[];
  readonly offset: number;
  readonly isDoubtful: boolean;
}

export interface Seen {
  readonly prefixes: SeenPrefix[];
  readonly ports: SeenPorts[];
}

/** Shorter prefixes may hold both sides, as 10.0.0.0/8 of a company with a branch at 10.1.0.0/16. */
const BITS_MIN = { 4: 16, 6: 48 } as const;
/** About a second. Files with longer lists of addresses get no warnings of sides. */
const COMPARISONS_MAX = 2e7;
/** Devices behind which private addresses are the usual thing: tunnels and the inner side of a router. */
const INNER_DEVICE = /^(wg|tun|tap|vti|ipsec|gre|sit|tailscale|zt|br|lan|veth|docker|virbr)/;

/** The prefixes that matchers name, by direction and side. */
type Said = Record<Direction, Record<'src' | 'dst', PrefixSpec[]>>;

const INSIDE_SIDE = { up: 'src', down: 'dst' } as const;

export function warnWrongSides(reader: YamlReader, device: string, { prefixes, ports }: Seen): void {
  warnPrefixes(reader, device, prefixes);
  warnPorts(reader, ports);
}

/**
 * Warns of a class of `down` with the ports of the class of the same name in `up`, on the same side: they are
 * those of other hosts then. One that names both sides means it.
 */
function warnPorts(reader: YamlReader, seen: readonly SeenPorts[]): void {
  const byPorts = new Map<string, SeenPorts[]>();
  const keyOf = ({ place, ports }: SeenPorts): string => `${place} ${ports}`;
  for (const one of seen) {
    const key = keyOf(one);
    if (!byPorts.get(key)?.push(one)) byPorts.set(key, [one]);
  }
  for (const one of seen) {
    const { direction, place, side, offset, isDoubtful } = one;
    if (direction !== 'down' || !isDoubtful) continue;
    const alike = byPorts.get(keyOf(one))!;
    const isInUp = alike.some((other) => other.direction === 'up' && other.side === side);
    if (!isInUp || alike.some((other) => other.side !== side)) continue;
    const [where, right] = side === 'dport' ? ['outside', 'sport'] : ['inside', 'dport'];
    const message = `${side}: ${place} of up has the same ports on this side; in down those of hosts ${where} are ${right}`;
    reader.problems.warn(offset, message);
  }
}

/**
 * Warns of `src` in `down` and of `dst` in `up` if the other direction says that the prefix is inside, and of
 * private sources in `down` if nothing says that they are outside.
 */
function warnPrefixes(reader: YamlReader, device: string, seen: readonly SeenPrefix[]): void {
  const said = { up: { src: [], dst: [] }, down: { src: [], dst: [] } } as Said;
  for (const { direction, side, prefix } of seen)
    if (prefix.bits >= BITS_MIN[prefix.family]) said[direction][side].push(prefix);
  const longest = Math.max(...Object.values(said).flatMap(({ src, dst }) => [src.length, dst.length]));
  if (seen.length * longest > COMPARISONS_MAX) return;
  const isSaid = (direction: Direction, side: 'src' | 'dst', prefix: PrefixSpec): boolean =>
    said[direction][side].some((other) => prefixCovers(other, prefix));
  for (const { direction, side, prefix, offset, isDoubtful } of seen) {
    const inside = INSIDE_SIDE[direction];
    if (!isDoubtful) continue;
    // A direction that names the prefix on both sides does not leave it to chance.
    if (side === inside || isSaid(direction, inside, prefix)) continue;
    const reverse = direction === 'up' ? 'down' : 'up';
    if (isSaid(reverse, side, prefix)) {
      const message = `${side}: the other direction has the same hosts on this side; in ${direction} they are ${inside}`;
      reader.problems.warn(offset, message);
    } else if (direction === 'down' && !isSaid('up', 'dst', prefix) && isInnerNetwork(prefix)) {
      if (INNER_DEVICE.test(device)) continue;
      reader.problems.warn(offset, 'src: this network is private; in down the hosts inside are dst');
    }
  }
}

/** A private network (RFC 1918, RFC 4193). A single address may well be a modem. */
function isInnerNetwork({ family, words, bits }: PrefixSpec): boolean {
  const [first] = words;
  if (family === 6) return bits >= 7 && bits < 128 && first >>> 25 === 0xfc >>> 1;
  if (bits === 32) return false;
  const is10 = bits >= 8 && first >>> 24 === 10;
  const is172 = bits >= 12 && first >>> 20 === 0xac1;
  return is10 || is172 || (bits >= 16 && first >>> 16 === 0xc0a8);
}
