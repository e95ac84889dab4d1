/**
 * The addresses of this machine, as rows of the kernel tell them, and what lies behind its devices: the
 * networks of its addresses, and those of neighbours that the kernel has beyond them, by routes without a
 * gateway.
 */
import { IPV6_BITS, prefixMasks, wordMask } from '../base/prefix.ts';
import type { HostColumns } from '../io/nfqueue/host-columns.ts';
import type { PrefixSpec } from '../spec/spec.ts';

/** linux/rtnetlink.h */
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RT_SCOPE_HOST = 254;

/** Of IPv6 the neighbours of one link share so many bits (RFC 4291, 2.5.1); of IPv4 that is not known. */
const LINK_BITS = { 4: 32, 6: 64 } as const;
/** Networks of neighbours that are remembered; their neighbours beyond that count by address. */
const NETWORKS_MAX = 256;

type Words = PrefixSpec['words'];

interface OwnAddress {
  readonly ifIndex: number;
  readonly own: PrefixSpec;
  /** What the device reaches without a gateway; null if that is nothing but this machine. */
  readonly behind: PrefixSpec | null;
  /** Number of the list in which it stood last, or during which it came. */
  seenIn: number;
}

export class OwnAddresses {
  private readonly known = new Map<string, OwnAddress>();
  /** Networks of neighbours, by text. */
  private readonly networks = new Map<string, PrefixSpec>();
  private list = 0;

  /** Takes row `r`, which is about an address of this machine. */
  take(columns: HostColumns, r: number): void {
    const { family: families, ifIndex: ifIndexes, change } = columns;
    const family = families[r] === 6 ? 6 : 4;
    const ifIndex = ifIndexes[r]!;
    const bits = columns.prefixBits[r]!;
    const words = wordsOf(columns, r, 'word');
    const peer = wordsOf(columns, r, 'peer');
    const key = `${ifIndex} ${family} ${words} ${peer} ${bits}`;
    if (change[r] === RTM_DELADDR) {
      this.known.delete(key);
      return;
    }
    const widest = family === 6 ? IPV6_BITS : 32;
    const isBehind = columns.scope[r] !== RT_SCOPE_HOST && bits <= widest;
    // A whole address that is our own says nothing of what is behind the device.
    const isAlone = bits === widest && words.every((word, i) => word === peer[i]);
    this.known.set(key, {
      ifIndex,
      own: { family, words, bits: widest },
      behind: isBehind && !isAlone ? { family, words: masked(family, peer, bits), bits } : null,
      seenIn: this.list,
    });
  }

  /** Row `r` is about a neighbour that lies in none of these. Returns whether that says something new. */
  takeNeighbour(columns: HostColumns, r: number, behind: readonly PrefixSpec[]): boolean {
    if (this.networks.size >= NETWORKS_MAX || behind.length > NETWORKS_MAX) return false;
    const family = columns.family[r] === 6 ? 6 : 4;
    const words = wordsOf(columns, r, 'word');
    if (behind.some((prefix) => isWithin(prefix, family, words))) return false;
    const bits = LINK_BITS[family];
    const network = { family, words: masked(family, words, bits), bits } as const;
    const before = this.networks.size;
    this.networks.set(`${network.words}`, network);
    return this.networks.size > before;
  }

  /** Other devices are meant from now on. */
  forgetNeighbours(): void {
    this.networks.clear();
  }

  /** The kernel begins to list all addresses. */
  beginList(): void {
    this.list++;
  }

  /** It has listed all: addresses that were not in the list have gone. */
  endList(): void {
    for (const [key, { seenIn }] of this.known) if (seenIn !== this.list) this.known.delete(key);
  }

  own(): PrefixSpec[] {
    return distinct([...this.known.values()].map(({ own }) => own));
  }

  /** What lies behind these devices; nothing if none of them has an address. */
  behind(isMeant: (ifIndex: number) => boolean): PrefixSpec[] {
    const meant = [...this.known.values()].filter(({ ifIndex }) => isMeant(ifIndex));
    const behind = meant.map((address) => address.behind).filter((prefix) => prefix !== null);
    return behind.length === 0 ? [] : distinct([...behind, ...this.networks.values()]);
  }
}

function wordsOf(columns: HostColumns, r: number, name: 'word' | 'peer'): Words {
  const word = (i: 0 | 1 | 2 | 3): number => columns[`${name}${i}`][r]!;
  return [word(0), word(1), word(2), word(3)];
}

function masked(family: 4 | 6, words: Words, bits: number): Words {
  const masks = family === 6 ? prefixMasks(bits) : [wordMask(bits), 0, 0, 0];
  return words.map((word, i) => (word & masks[i]!) >>> 0) as unknown as Words;
}

function isWithin(prefix: PrefixSpec, family: 4 | 6, words: Words): boolean {
  if (prefix.family !== family) return false;
  return masked(family, words, prefix.bits).every((word, i) => word === prefix.words[i]);
}

/** Each once, and in an order of their own, so that two lists of the same compare equal. */
function distinct(prefixes: readonly PrefixSpec[]): PrefixSpec[] {
  const byText = new Map(
    prefixes.map((prefix) => [`${prefix.family} ${prefix.words} ${prefix.bits}`, prefix]),
  );
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, prefix]) => prefix);
}
