/** What a host that is stopped with the page still reaches. */
import { describe, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { allowList, isAllowed, isNeighbourMessage } from '../../../../src/core/quotas/allowed.ts';
import { createBatch } from '../../../../src/packet/batch.ts';
import { createParsed } from '../../../../src/packet/parse.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../../../src/sim/packets/packets.ts';
import type { PrefixSpec } from '../../../../src/spec/spec.ts';
import { shaper, World } from '../../../sim/world.ts';

const HOST = ipv4(10, 0, 0, 1);

/** Whether a packet of this shape, which the stopped host sends, may pass. */
function passes(shape: Partial<PacketShape>, isUp: boolean, ...allow: PrefixSpec[]): boolean {
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
  const whole = {
    src: HOST,
    dst: ipv4(192, 0, 2, 1),
    protocol: IPPROTO_UDP,
    sport: 4000,
    dport: 443,
    ...shape,
  };
  world.inject([{ timeNs: 0, lengthBytes: 100, shape: whole, ifIndexIn: 99, ifIndexOut: 1 }]);
  world.run(0);
  const f = world.flows.next(NONE);
  return isAllowed(world.engine.flows, f, isUp, allowList(allow));
}

describe('ports', () => {
  test.each<[string, Partial<PacketShape>, boolean, boolean]>([
    ['a question for a name', { dport: 53 }, true, true],
    ['by TCP', { dport: 53, protocol: 6 }, true, true],
    ['by another protocol', { dport: 53, protocol: 132 }, true, false],
    ['its answer', { sport: 53 }, false, true],
    ['what only pretends to be an answer', { sport: 53 }, true, false],
    ['DHCP', { sport: 68, dport: 67 }, true, true],
    ['DHCP of IPv6', { sport: 547, dport: 546 }, false, true],
    ['a port of DHCP alone', { sport: 68, dport: 443 }, true, false],
    ['DHCP by TCP', { sport: 68, dport: 67, protocol: 6 }, true, false],
    ['the web', { dport: 443 }, true, false],
  ])('%s', (_, shape, isUp, expected) => {
    expect(passes(shape, isUp)).toBe(expected);
  });
});

describe('addresses', () => {
  const four = (address: number, bits: number): PrefixSpec => ({
    family: 4,
    words: [address, 0, 0, 0],
    bits,
  });
  const six = (words: PrefixSpec['words'], bits: number): PrefixSpec => ({ family: 6, words, bits });

  test('the other end is compared: the destination of what leaves, the source of what arrives', () => {
    const net = four(ipv4(192, 0, 2, 0), 24);
    expect([passes({}, true, net), passes({}, false, net)]).toEqual([true, false]);
    expect([passes({}, true, four(HOST, 32)), passes({}, false, four(HOST, 32))]).toEqual([false, true]);
    expect(passes({}, true, four(ipv4(192, 0, 3, 0), 24), net)).toBe(true);
    expect(passes({}, true, four(ipv4(192, 0, 2, 2), 32))).toBe(false);
    expect(passes({}, true, four(0, 0))).toBe(true);
  });

  test('all words of IPv6 count, and the families stay apart', () => {
    const src = [0xfd000000, 0, 0, 1] as const;
    const dst = [0x20010db8, 0xffff0000, 7, 9] as const;
    const with6 = (prefix: PrefixSpec): boolean => passes({ src, dst }, true, prefix);
    expect(with6(six(dst, 128))).toBe(true);
    expect(with6(six([0x20010db8, 0xffff0000, 7, 8], 128))).toBe(false);
    expect(with6(six([0x20010db8, 0xffff0000, 0, 0], 48))).toBe(true);
    expect(with6(six([0x20010db8, 0xfffe0000, 0, 0], 48))).toBe(false);
    expect(with6(four(0, 0))).toBe(false);
  });

  test('a packet without a flow may not pass', () => {
    const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6 } } }));
    expect(isAllowed(world.engine.flows, NONE, true, allowList([four(0, 0)]))).toBe(false);
  });
});

test('messages between neighbours are those of RFC 4861, if their type was copied', () => {
  const { arrivals } = createBatch();
  const parsed = createParsed();
  const slab = new Uint8Array(64);
  arrivals.slabOffset[0] = 8;
  arrivals.copiedBytes[0] = 48;
  parsed.l4Offset[0] = 40;
  const is = (protocol: number, type: number, copiedBytes = 48): boolean => {
    parsed.protocol[0] = protocol;
    slab[48] = type;
    arrivals.copiedBytes[0] = copiedBytes;
    return isNeighbourMessage(arrivals, slab, parsed, 0);
  };
  expect([132, 133, 135, 137, 138, 128].map((type) => is(58, type))).toEqual([
    false,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(is(1, 135)).toBe(false);
  expect(is(58, 135, 40)).toBe(false);
});
