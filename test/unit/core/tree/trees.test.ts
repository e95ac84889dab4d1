/** Ceilings and turns, through the whole engine; rates and shares over time are in test/sim/shaping. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../../../effort.ts';
import { drrOrder } from '../../../oracle/drr.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from '../../../sim/world.ts';

const SEED = 120;
const QUANTUM_BYTES = 1514;
const LEAVES = 4;

const leaf = (n: number, more: Partial<ClassInput> = {}): ClassInput => ({
  name: `leaf${n}`,
  match: [{ dport: [{ from: n, to: n }] }],
  ceil: Number.POSITIVE_INFINITY,
  ...more,
});
const packet = (timeNs: number, n: number, lengthBytes: number) =>
  up(timeNs, lengthBytes, { shape: udp(n, { dport: n }) });

test('packets that wait are served as the slow twin serves them', () => {
  const arrival = fc.tuple(fc.nat(LEAVES - 1), fc.constantFrom(64, 500, 1500, 1514, 1515, 9000));
  const leaves = Array.from({ length: LEAVES + 1 }, (_, n) => leaf(n));
  fc.assert(
    fc.property(fc.array(arrival, { minLength: 1, maxLength: 60 }), (arrivals) => {
      const world = new World(shaper({ wan: { up: { rate: 1e6, burst: 1, leaves } } }));
      // A first packet in a leaf of its own takes the root's only token, so that all others wait.
      world.inject([packet(0, LEAVES, 64), ...arrivals.map(([n, lengthBytes]) => packet(0, n, lengthBytes))]);
      world.run(10 * SECOND);
      const waiting = arrivals.map(([n, lengthBytes], i) => ({ id: i + 2, leaf: n, lengthBytes }));
      expect(world.accepted().map((v) => v.id)).toEqual([1, ...drrOrder(waiting, QUANTUM_BYTES)]);
    }),
    { seed: SEED, numRuns: runs(60) },
  );
});

test('every packet of a full root leaves when the root has its bytes', () => {
  const lengths = [100, 1500, 700, 64, 9000, 1000];
  const world = new World(shaper({ wan: { up: { rate: 1000, burst: 1, leaves: [leaf(0), leaf(1)] } } }));
  world.inject(lengths.map((lengthBytes, i) => packet(0, i % 2, lengthBytes)));
  world.run(60 * SECOND);
  const order = world.accepted().map((v) => v.id);
  // In debt mode a packet leaves when those before it are paid for: a token of burst, a byte a millisecond.
  let dueNs = 0;
  for (const [i, { timeNs }] of world.accepted().entries()) {
    expect(timeNs).toBe(dueNs);
    dueNs += lengths[order[i] - 1] * MS;
  }
  expect([...order].sort()).toEqual([1, 2, 3, 4, 5, 6]);
});

test('leaves that wait for their ceilings come back in the order in which they are due', () => {
  const leaves = [
    leaf(0, { ceil: 1000, burst: 100 }),
    leaf(1, { ceil: 3000, burst: 100 }),
    leaf(2, { ceil: 2000, burst: 100 }),
  ];
  const world = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
  world.inject([0, 1, 2, 0, 1, 2].map((n) => packet(0, n, 600)));
  world.run(SECOND);
  // 600 B of debt, then 600 B wait for a bucket that is full again: after 0.6, 0.2 and 0.3 s.
  expect(world.accepted()).toEqual([
    { id: 1, timeNs: 0 },
    { id: 2, timeNs: 0 },
    { id: 3, timeNs: 0 },
    { id: 5, timeNs: 200 * MS },
    { id: 6, timeNs: 300 * MS },
    { id: 4, timeNs: 600 * MS },
  ]);
});

test('a leaf takes its own tokens only when the root lets the packet go too', () => {
  const leaves = [leaf(0, { ceil: 2000, burst: 1000 }), leaf(1)];
  const world = new World(shaper({ wan: { up: { rate: 1000, burst: 1000, leaves } } }));
  // Leaf 1 has the root for a second; leaf 0 waits with a full bucket and then has a packet of 1000 B at
  // once.
  world.inject([packet(0, 1, 1000), packet(0, 0, 1000), packet(0, 0, 1000)]);
  world.run(10 * SECOND);
  expect(world.acceptedNs()).toEqual([0, SECOND, 2 * SECOND]);
});

test('roots do not share tokens', () => {
  const slow = { rate: 1000, burst: 1000 };
  const world = new World(shaper({ wan: { up: slow, down: slow }, lan: { up: slow } }));
  const to = (ifIndexIn: number, ifIndexOut: number) => up(0, 1000, { ifIndexIn, ifIndexOut });
  world.inject([to(99, 1), to(99, 1), to(1, 99), to(1, 99), to(99, 2), to(99, 2)]);
  world.run(10 * SECOND);
  expect(world.acceptedNs()).toEqual([0, 0, 0, SECOND, SECOND, SECOND]);
});
