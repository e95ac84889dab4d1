import { describe, expect, it } from 'vitest';
import { OwnAddresses, RTM_DELADDR } from '../../../src/live/own-addresses.ts';
import { columnsOf, type HostRow, neighbour, ownAddress } from './host-rows.ts';

function take(addresses: OwnAddresses, ...rows: HostRow[]): void {
  const columns = columnsOf(rows);
  for (let r = 0; r < rows.length; r++) addresses.take(columns, r);
}

const v4 = (word: number, bits: number) => ({ family: 4, words: [word, 0, 0, 0], bits });

describe('own addresses', () => {
  it('are the address itself, and what lies behind its device', () => {
    const addresses = new OwnAddresses();
    take(addresses, ownAddress(1, 24), ownAddress(1, 24, { ifIndex: 4 }), ownAddress(129, 25));
    expect(addresses.own()).toEqual([v4(0x0a000001, 32), v4(0x0a000081, 32)]);
    expect(addresses.behind((ifIndex) => ifIndex === 3)).toEqual([v4(0x0a000000, 24), v4(0x0a000080, 25)]);
    expect(addresses.behind((ifIndex) => ifIndex === 4)).toEqual([v4(0x0a000000, 24)]);
  });

  it('have the other end of a point-to-point device behind it', () => {
    const addresses = new OwnAddresses();
    take(addresses, { ...ownAddress(1, 32), peer0: 0x0a000009 });
    expect(addresses.own()).toEqual([v4(0x0a000001, 32)]);
    expect(addresses.behind(() => true)).toEqual([v4(0x0a000009, 32)]);
  });

  it('have nothing behind them if the prefix is whole, or if they are of this machine alone', () => {
    const addresses = new OwnAddresses();
    take(addresses, ownAddress(1, 32), { ...ownAddress(2, 8), scope: 254 }, ownAddress(3, 77));
    expect(addresses.own()).toHaveLength(3);
    expect(addresses.behind(() => true)).toEqual([]);
  });

  it('of IPv6 have the bits of their prefix', () => {
    const addresses = new OwnAddresses();
    const words = { word0: 0x20010db8, word1: 0xabcd, word2: 0, word3: 1 };
    const peer = { peer0: 0x20010db8, peer1: 0xabcd, peer2: 0, peer3: 1 };
    take(addresses, { change: 20, ifIndex: 3, family: 6, prefixBits: 60, ...words, ...peer });
    expect(addresses.own()).toEqual([{ family: 6, words: [0x20010db8, 0xabcd, 0, 1], bits: 128 }]);
    expect(addresses.behind(() => true)).toEqual([
      { family: 6, words: [0x20010db8, 0xabc0, 0, 0], bits: 60 },
    ]);
  });

  it('go when the kernel says so, and when a list has come without them', () => {
    const addresses = new OwnAddresses();
    take(addresses, ownAddress(1, 24), ownAddress(2, 24), ownAddress(3, 24));
    take(addresses, { ...ownAddress(2, 24), change: RTM_DELADDR });
    expect(addresses.own()).toEqual([v4(0x0a000001, 32), v4(0x0a000003, 32)]);
    addresses.beginList();
    // One that comes while the kernel lists the others stays, too.
    take(addresses, ownAddress(3, 24), ownAddress(4, 24));
    expect(addresses.own()).toHaveLength(3);
    addresses.endList();
    expect(addresses.own()).toEqual([v4(0x0a000003, 32), v4(0x0a000004, 32)]);
  });

  it('have networks of neighbours behind them that no address of theirs shows', () => {
    const addresses = new OwnAddresses();
    take(addresses, ownAddress(1, 24));
    const near = addresses.behind(() => true);
    const six = (word1: number, word3: number): HostRow =>
      neighbour(0, 1, { family: 6, word0: 0x20010db8, word1, word2: 9, word3 });
    const rows = [neighbour(77, 1), neighbour(0, 1, { word0: 0x0a010005 }), six(1, 1), six(1, 2), six(2, 1)];
    const columns = columnsOf(rows);
    expect(rows.map((_, r) => addresses.takeNeighbour(columns, r, near))).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
    expect(addresses.behind(() => true)).toEqual([
      v4(0x0a000000, 24),
      v4(0x0a010005, 32),
      { family: 6, words: [0x20010db8, 1, 0, 0], bits: 64 },
      { family: 6, words: [0x20010db8, 2, 0, 0], bits: 64 },
    ]);
    // Without an address nothing says that others are no neighbours.
    expect(addresses.behind(() => false)).toEqual([]);
    addresses.forgetNeighbours();
    expect(addresses.behind(() => true)).toEqual(near);
  });

  it('remember a bounded number of networks of neighbours', () => {
    const addresses = new OwnAddresses();
    const rows = Array.from({ length: 300 }, (_, i) => neighbour(0, 1, { word0: 0x0a010000 + i }));
    const columns = columnsOf(rows);
    expect(rows.filter((_, r) => addresses.takeNeighbour(columns, r, []))).toHaveLength(256);
  });
});
