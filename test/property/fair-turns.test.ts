/**
 * The turns of a fair leaf through the whole engine: as RFC 8290 writes them, and by shares where a turn
 * takes many rounds.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Isolation } from '../../src/algo/queues/host-isolation.ts';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { runs } from '../effort.ts';
import { fairOrder, type Waiting } from '../oracle/fair-rounds.ts';
import { SECOND, shaper, udp, up, World } from '../sim/world.ts';

const SEED = 8290;
/** A quantum of 300 bytes: ceil / 4096 is less. */
const RATE = 1e6;
const QUANTUM_BYTES = 300;
const FIRST_ID = 2;

/**
 * Ids in the order in which a fair leaf serves packets that all came while another one had the root's tokens.
 */
function served(packets: readonly Omit<Waiting, 'id'>[], isolation: Isolation, hostOf = (f: number) => f) {
  const queue = { discipline: 'fair', isolation, limitBytes: 1e12 } as const;
  const leaves = [
    { name: 'other', match: [{ dport: [{ from: 9, to: 9 }] }], ceil: Number.POSITIVE_INFINITY },
    { name: 'fair', ceil: RATE, burst: 1e9, queue },
  ];
  const world = new World(shaper({ wan: { up: { rate: RATE, burst: 1, leaves } } }));
  const arrivals = packets.map(({ flow, lengthBytes }) => {
    const shape = { ...udp(5000 + flow, { dport: 80 }), src: ipv4(10, 0, 0, hostOf(flow)) };
    return up(0, lengthBytes, { shape });
  });
  world.inject([up(0, 64, { shape: udp(1, { dport: 9 }) }), ...arrivals]);
  world.run(1000 * SECOND);
  return world
    .accepted()
    .map((v) => v.id)
    .slice(1);
}

const numbered = (packets: readonly Omit<Waiting, 'id'>[]): Waiting[] =>
  packets.map((packet, i) => ({ ...packet, id: FIRST_ID + i }));

/**
 * Where packets of `a` and of `b` still wait, what both have been sent differs by no more than `boundBytes`.
 */
function expectEqualShares(
  order: readonly number[],
  waiting: readonly Waiting[],
  isOfA: (packet: Waiting) => boolean,
  boundBytes: number,
): void {
  const byId = new Map(waiting.map((packet) => [packet.id, packet]));
  const left = [waiting.filter(isOfA).length, waiting.filter((packet) => !isOfA(packet)).length];
  let difference = 0;
  for (const id of order) {
    const packet = byId.get(id)!;
    const side = isOfA(packet) ? 0 : 1;
    difference += side === 0 ? packet.lengthBytes : -packet.lengthBytes;
    left[side]--;
    if (left[0] === 0 || left[1] === 0) return;
    expect(Math.abs(difference)).toBeLessThanOrEqual(boundBytes);
  }
}

test('packets up to a full-sized frame leave in the order of RFC 8290, whatever the quantum', () => {
  const arrival = fc.record({
    flow: fc.nat(5),
    lengthBytes: fc.constantFrom(64, 299, 300, 301, 600, 1200, 1500, 1514),
  });
  fc.assert(
    fc.property(fc.array(arrival, { minLength: 1, maxLength: 60 }), (packets) => {
      expect(served(packets, 'flow')).toEqual(fairOrder(numbered(packets), QUANTUM_BYTES));
    }),
    { seed: SEED, numRuns: runs(80) },
  );
});

test('superpackets of hundreds of quanta: two flows that wait have had the same within a packet and a quantum', () => {
  const lengthBytes = fc.constantFrom(64, 1500, 9000, 40_000, 65_535);
  const ofFlow = (flow: number) =>
    fc.array(fc.record({ flow: fc.constant(flow), lengthBytes }), { minLength: 5, maxLength: 30 });
  fc.assert(
    fc.property(ofFlow(1), ofFlow(2), (one, two) => {
      const waiting = numbered([...one, ...two]);
      const bound = 65_535 + 2 * QUANTUM_BYTES;
      expectEqualShares(served([...one, ...two], 'flow'), waiting, (packet) => packet.flow === 1, bound);
    }),
    { seed: SEED, numRuns: runs(60) },
  );
});

test.each([2, 30, 300, 700])('one flow of a host and %i of another: as many bytes each', (many) => {
  const perFlow = Math.max(6, Math.ceil(600 / many));
  const single = Array.from({ length: many * perFlow }, () => ({ flow: 0, lengthBytes: 1500 }));
  const others = Array.from({ length: many * perFlow }, (_, i) => ({
    flow: 1 + (i % many),
    lengthBytes: 1500,
  }));
  const packets = [...single, ...others];
  const order = served(packets, 'dual-src', (flow) => (flow === 0 ? 1 : 2));
  expect(new Set(order).size).toBe(packets.length);
  // The many began together, so their turns come together; and at first each counts as sparse and has one for
  // nothing.
  const bound = 2 * 1500 * (many + 2) + 1500;
  expectEqualShares(order, numbered(packets), (packet) => packet.flow === 0, bound);
});
