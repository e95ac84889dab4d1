/** The addresses of this machine, as rows of the kernel tell them, and what lies behind its devices. */
import { IPV6_BITS, prefixMasks, wordMask } from '../base/prefix.ts';
import type { HostColumns } from '../io/nfqueue/host-columns.ts';
import type { PrefixSpec } from '../spec/spec.ts';

/** linux/rtnetlink.h */
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RT_SCOPE_HOST = 254;

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

  /** What lies behind these devices. */
  behind(isMeant: (ifIndex: number) => boolean): PrefixSpec[] {
    const meant = [...this.known.values()].filter(({ ifIndex }) => isMeant(ifIndex));
    return distinct(meant.map(({ behind }) => behind).filter((prefix) => prefix !== null));
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

/** Each once, and in an order of their own, so that two lists of the same compare equal. */
function distinct(prefixes: readonly PrefixSpec[]): PrefixSpec[] {
  const byText = new Map(
    prefixes.map((prefix) => [`${prefix.family} ${prefix.words} ${prefix.bits}`, prefix]),
  );
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, prefix]) => prefix);
}
