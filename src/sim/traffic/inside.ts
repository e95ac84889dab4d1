/**
 * Inside hosts of a scenario with addresses that the configuration matches, so that classes by address see
 * traffic. A scenario makes its hosts without knowing the configuration: 10.0.x.y and fd00::y.
 */
import type { ClassSpec, PrefixSpec, ShaperSpec } from '../../spec/spec.ts';
import type { HostSpec, Traffic } from './traffic.ts';

/** Hosts are numbered from here on in their prefix: the first addresses are often the gateway's own. */
const FIRST_HOST = 10;
/** The class for packets that no other one matches. */
const DEFAULT_CLASS = 'default';

interface InsidePrefix {
  readonly prefix: PrefixSpec;
  /** Its class may send less than the class for all others, so it is for some hosts and not for most. */
  readonly isOfFew: boolean;
}

/**
 * Moves the inside hosts into the largest prefix of each family that the first link matches on its inside:
 * sources in `up`, destinations in `down`. Hosts stay where no prefix is matched, if theirs is matched
 * already, or if the largest prefix is that of guests, say, and the other hosts are matched by nothing.
 */
export function addressInside(traffic: Traffic, spec: ShaperSpec): Traffic {
  const prefixes = insidePrefixes(spec);
  let moved = 0;
  const hosts = traffic.hosts.map((host): HostSpec => {
    if (host.side !== 'inside') return host;
    const family = typeof host.address === 'number' ? 4 : 6;
    const ofFamily = prefixes.filter(({ prefix }) => prefix.family === family);
    if (ofFamily.length === 0 || ofFamily.some(({ prefix }) => contains(prefix, host.address))) return host;
    const largest = ofFamily.reduce((best, one) => (one.prefix.bits < best.prefix.bits ? one : best));
    if (largest.isOfFew) return host;
    return { ...host, address: hostOf(largest.prefix, FIRST_HOST + moved++) };
  });
  return moved === 0 ? traffic : { ...traffic, hosts };
}

function insidePrefixes({ links }: ShaperSpec): InsidePrefix[] {
  const [link] = links;
  return link ? [...prefixesOf(link.up, 'src'), ...prefixesOf(link.down, 'dst')] : [];
}

function prefixesOf(root: ClassSpec | null, side: 'src' | 'dst'): InsidePrefix[] {
  if (root === null) return [];
  const rest = root.children.find(({ name }) => name === DEFAULT_CLASS)?.ceilBytesPerSec ?? 0;
  const all = (node: ClassSpec, outer: number): InsidePrefix[] => {
    const ceilBytesPerSec = Math.min(outer, node.ceilBytesPerSec);
    const matched = (node.match ?? []).flatMap((matcher) => [
      ...(matcher[side] ?? []),
      ...(matcher.host ?? []),
    ]);
    return [
      ...matched.map((prefix) => ({ prefix, isOfFew: ceilBytesPerSec < rest })),
      ...node.children.flatMap((child) => all(child, ceilBytesPerSec)),
    ];
  };
  return all(root, root.ceilBytesPerSec);
}

function wordsOf(address: HostSpec['address']): readonly [number, number, number, number] {
  return typeof address === 'number' ? [address, 0, 0, 0] : address;
}

function contains({ bits, words }: PrefixSpec, address: HostSpec['address']): boolean {
  return wordsOf(address).every((word, w) => {
    const left = Math.max(0, Math.min(32, bits - 32 * w));
    const mask = left === 0 ? 0 : (-1 << (32 - left)) >>> 0;
    return (word & mask) >>> 0 === (words[w] & mask) >>> 0;
  });
}

/** Address number `n` of a prefix; a small prefix starts again at its first address. */
function hostOf({ family, bits, words }: PrefixSpec, n: number): HostSpec['address'] {
  const hostBits = Math.min(31, (family === 4 ? 32 : 128) - bits);
  const number = n % 2 ** hostBits;
  if (family === 4) return (words[0] | number) >>> 0;
  return [words[0], words[1], words[2], (words[3] | number) >>> 0];
}
