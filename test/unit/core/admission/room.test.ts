/** A full leaf: who is dropped for an arriving packet, by hand and judged by a slow twin. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NF_ACCEPT, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { runs } from '../../../effort.ts';
import { type FullLeaf, FullLeafTwin } from '../../../oracle/full-leaf.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, type EachInput, shaper, udp, up, World } from '../../../sim/world.ts';

const SEED = 340;
const NO_AQM = { aqm: { kind: 'none' as const } };
const FAIR: ClassInput['queue'] = { ...NO_AQM, discipline: 'fair', isolation: 'src' };
/** The first packet of each source passes, those that follow wait for ever. */
const EACH: EachInput = { by: 'src', rateBytesPerSec: 1, burstBytes: 1, exceed: 'delay' };

/** A leaf from which nothing leaves: a packet of another has the root's only token. */
function fullWorld(leaf: Omit<ClassInput, 'name'>): World {
  const first = { name: 'first', match: [{ dport: [{ from: 9, to: 9 }] }] };
  const leaves = [first, { name: 'default', ...leaf }];
  const w = new World(shaper({ wan: { up: { rate: 1, burst: 1, leaves } } }));
  w.inject([up(0, 64, { shape: udp(1, { dport: 9 }) })]);
  w.run(0);
  return w;
}

/** Packet of source `n`; `ssh`: one that must not be dropped. */
function packet(n: number, lengthBytes: number, ssh = false): Partial<SimArrival> & { lengthBytes: number } {
  const src = ipv4(10, 0, 0, n);
  if (!ssh) return { lengthBytes, shape: udp(n, { src }) };
  const shape = { ...udp(n, { src }), protocol: IPPROTO_TCP, sport: 22 };
  return { lengthBytes, shape, hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
}

/** Sends one packet; ids that were dropped then, the first packet after the world's own being 1. */
function send(w: World, arrival: Partial<SimArrival> & { lengthBytes: number }): number[] {
  const before = w.port.trace.length;
  w.inject([up(w.port.nowNs + 1, arrival.lengthBytes, arrival)]);
  w.run(w.port.nowNs + 1);
  const answers = w.port.trace.slice(before);
  expect(answers.filter((v) => v.verdict === NF_ACCEPT)).toEqual([]);
  return answers.map((v) => v.packetId - 1);
}

describe('by hand', () => {
  const sendAll = (w: World, packets: readonly [n: number, lengthBytes: number, ssh?: boolean][]) =>
    packets.map(([n, lengthBytes, ssh]) => send(w, packet(n, lengthBytes, ssh)));

  test('the longest queue of a fair leaf makes room, from its head, half of it at once', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 5000 });
    const drops = sendAll(w, [
      ...([1, 1, 1, 1] as const).map((n): [number, number] => [n, 1000]),
      [2, 1000],
      [3, 1500],
      [2, 100],
    ]);
    expect(drops).toEqual([[], [], [], [], [], [1, 2], []]);
  });

  test('a packet whose own queue is the longest pays for itself, or is dropped if that is not enough', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 5000 });
    const drops = sendAll(w, [
      [1, 2400],
      [2, 2400],
      [1, 1000],
      [3, 4000],
      [2, 4900],
    ]);
    expect(drops).toEqual([[], [], [1], [4], [5]]);
  });

  test('a line that fills the limit beyond the buckets costs the waiting packets nothing', () => {
    const w = fullWorld({ each: EACH, limitPackets: 6 });
    // Five sources pass their buckets into the line, one packet waits in a bucket.
    const filling = ([1, 2, 3, 4, 5, 5] as const).map((n): [number, number] => [n, 100]);
    expect(sendAll(w, filling).flat()).toEqual([]);
    expect(
      sendAll(w, [
        [6, 1500],
        [6, 100],
        [5, 100],
        [6, 64],
      ]),
    ).toEqual([[7], [8], [6], [9]]);
  });

  test.each([{ queue: FAIR }, { each: EACH }])(
    '%o: more than 2^31 bytes are the longest victim too',
    (leaf) => {
      const w = fullWorld({ ...leaf, limitBytes: 3.2e9 });
      // Few long ones here, thousands of superpackets in truth. The first of each source has its tokens.
      const filling = [1, 1, 1, 1, 1, 1, 1].map((n): [number, number] => [n, 4e8]);
      const [first] = sendAll(w, [...filling, [2, 1e8], [2, 1e8], [2, 4e8]]).slice(-1);
      expect(first[0]).toBe(leaf.each ? 2 : 1);
      expect(first).not.toContain(10);
    },
  );

  test('a packet that must not be dropped is passed over, in a bucket and in a fair queue', () => {
    for (const leaf of [{ queue: FAIR }, { each: EACH }]) {
      const w = fullWorld({ ...leaf, limitBytes: 6000 });
      const drops = sendAll(w, [
        [1, 1000],
        [1, 1000, true],
        [1, 1000],
        [1, 1500, true],
        [1, 1500],
        [2, 600],
      ]);
      expect(drops.flat()).toEqual(leaf.queue ? [1, 3, 5] : [3]);
    }
  });

  test('who waits for a bucket of the class around the leaf makes room for others, by packets of the leaf', () => {
    const web = { name: 'web', match: [{ dport: [{ from: 5000, to: 5000 }] }], limitBytes: 4000 };
    const w = fullWorld({ each: EACH, classes: [web] });
    const other = (n: number, lengthBytes: number) => {
      const { shape } = packet(n, lengthBytes);
      return send(w, { lengthBytes, shape: { ...shape!, dport: 7 } });
    };
    // The first packet of each source has its tokens.
    for (const n of [1, 2, 3, 4]) other(n, 64);
    // Most of source 1 and all of source 2, which has most, wait in the default class; web is full of 3 and
    // of a little of 1.
    expect([1500, 1500, 1500].flatMap((bytes) => other(1, bytes))).toEqual([]);
    expect([3000, 3000].flatMap((bytes) => other(2, bytes))).toEqual([]);
    const drops = sendAll(w, [
      [1, 500],
      [3, 1700],
      [3, 1700],
      [4, 400],
      [4, 1000],
    ]);
    // Source 1 pays with the one packet that it has in web, then 3 does.
    expect(drops).toEqual([[], [], [], [10], [11]]);
  });

  test('a packet that must not be dropped makes room too, and else gets in over the limit', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 3000 });
    const drops = sendAll(w, [
      [1, 1000],
      [2, 1000],
      [1, 1500, true],
    ]);
    expect(drops).toEqual([[], [], [1]]);
    const few = fullWorld({ limitBytes: 3000 });
    expect(
      sendAll(few, [
        [1, 2000],
        [2, 1500, true],
      ]),
    ).toEqual([[], []]);
    expect(few.classOf('wan/up/default').backlog).toBe(2);
  });

  test('beyond what must not be dropped there is no room, and nothing is dropped in vain', () => {
    const w = fullWorld({ queue: FAIR, limitBytes: 3000 });
    const drops = sendAll(w, [
      [1, 2900, true],
      [3, 200],
      [3, 64],
    ]);
    expect(drops).toEqual([[], [2], []]);
  });
});

test('nothing is dropped in vain: whoever holds the most pays for the packet, or the packet is dropped', () => {
  const leaf: fc.Arbitrary<FullLeaf> = fc.record({
    isFair: fc.boolean(),
    hasEach: fc.boolean(),
    limitBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 3000, 8000, 30_000),
    limitPackets: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 5, 8, 24),
  });
  const arrival = fc.tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.oneof(fc.integer({ min: 64, max: 1500 }), fc.constantFrom(64, 1500, 3000)),
    fc.integer({ min: 0, max: 9 }),
  );
  let [evictions, refusals] = [0, 0];
  fc.assert(
    fc.property(leaf, fc.array(arrival, { minLength: 20, maxLength: 60 }), (input, arrivals) => {
      const { isFair, hasEach, limitBytes, limitPackets } = input;
      const w = fullWorld({
        ...(isFair && { queue: FAIR }),
        ...(hasEach && { each: EACH }),
        limitBytes,
        limitPackets,
      });
      const twin = new FullLeafTwin(input);
      for (const [i, [n, lengthBytes, ninth]] of arrivals.entries()) {
        const ssh = ninth === 9 && twin.exempts(lengthBytes);
        const dropped = send(w, packet(n, lengthBytes, ninth === 9));
        expect(twin.judge(n, { id: i + 1, lengthBytes, ssh }, dropped), `packet ${i + 1}: ${dropped}`).toBe(
          null,
        );
        if (dropped[0] === i + 1) refusals++;
        else evictions += dropped.length;
      }
    }),
    { seed: SEED, numRuns: runs(40) },
  );
  expect(Math.min(evictions, refusals)).toBeGreaterThan(runs(40));
});
