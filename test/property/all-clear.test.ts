/**
 * Batches that no limit of a host can meet are let through as a whole. A twin that asks for every packet
 * gives the same verdicts at the same instants.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { runs } from '../effort.ts';
import { limit } from '../sim/host-limits.ts';
import { from, to } from '../sim/host-limits-world.ts';
import { MS, shaper, World } from '../sim/world.ts';

const HOSTS = 3;
const maximum = fc.constantFrom(3000, 60_000, 300_000, 300_000, Number.POSITIVE_INFINITY);
const event = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('packets' as const),
      gapNs: fc.oneof(fc.constant(0), fc.nat(2 * MS), fc.nat(400 * MS)),
      host: fc.nat(HOSTS - 1),
      isUp: fc.boolean(),
      bytes: fc.constantFrom(64, 576, 1500, 9000),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      host: fc.nat(HOSTS - 1),
      how: fc.oneof(
        { weight: 9, arbitrary: fc.constant('none' as const) },
        { weight: 1, arbitrary: fc.constant('throttle' as const) },
      ),
      upMax: maximum,
      downMax: maximum,
      totalMax: maximum,
      thenKind: fc.constantFrom('block' as const, 'throttle' as const),
    }),
  },
);
const addressOf = (host: number): number => ipv4(10, 0, 0, host + 1);

function play(events: readonly (typeof event extends fc.Arbitrary<infer T> ? T : never)[], asksAll: boolean) {
  // Packets wait in the class of `up`, so counts grow by packets of earlier batches.
  const wide = { rate: 1e9, burst: 1e6 };
  const world = new World(shaper({ wan: { up: { rate: 20_000, burst: 3000 }, down: wide } }));
  let letThrough = 0;
  const { limits } = world.engine;
  const lets = limits.lets.bind(limits);
  limits.lets = (bytes, atNs) => {
    const isLet = lets(bytes, atNs);
    if (isLet) letThrough++;
    return isLet && !asksAll;
  };
  let nowNs = 0;
  world.inject(Array.from({ length: HOSTS }, (_, host) => from(addressOf(host), 0, 0, 64)));
  world.run(0);
  for (const one of events) {
    const of = addressOf(one.host);
    if (one.kind === 'limit') {
      const { how, upMax, downMax, totalMax, thenKind } = one;
      const beyond = { kind: thenKind, up: 4000, down: 4000 };
      limit(world.engine, nowNs, { of, kind: how, up: 8000, down: 8000, upMax, downMax, totalMax, beyond });
      continue;
    }
    nowNs += one.gapNs;
    const packet = one.isUp ? from(of, nowNs, 1, one.bytes) : to(of, nowNs);
    world.inject(Array.from({ length: one.count }, () => ({ ...packet })));
    world.run(nowNs);
  }
  world.run(nowNs + 3600e9);
  return { trace: world.port.trace, totals: world.totals, letThrough };
}

test('a batch that is let through as a whole has the verdicts that its packets would have had', () => {
  let letThrough = 0;
  let dropped = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 60, size: 'max' }), (events) => {
      const [quick, slow] = [play(events, false), play(events, true)];
      expect(quick.trace).toEqual(slow.trace);
      expect(quick.totals).toEqual(slow.totals);
      letThrough += quick.letThrough;
      dropped += quick.totals.droppedPackets;
    }),
    { numRuns: runs(300), seed: Number(process.env.SEED ?? 12) },
  );
  // Both ways were taken.
  expect([letThrough > 100, dropped > 100]).toEqual([true, true]);
});
