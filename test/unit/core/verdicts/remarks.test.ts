/** Which code point the verdicts of a class ask for, through the whole engine. */
import { expect, test } from 'vitest';
import {
  acceptUnrouted,
  NF_ACCEPT,
  NF_INET_LOCAL_OUT,
  VERDICT_SET_MARK,
} from '../../../../src/packet/batch.ts';
import { MARK_CE, markAsks, markDscp } from '../../../../src/spec/mark-codes.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import type { MeterSpec } from '../../../../src/spec/spec.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, SECOND, shaper, type TreeInput, udp, up, World } from '../../../sim/world.ts';

const MASK = 0xff000000;
const [AF11, AF12, AF13, EF, CS1] = [10, 12, 14, 46, 8];
const METER: MeterSpec = {
  kind: 'single-rate',
  committedBytesPerSec: 1000,
  committedBytes: 1000,
  excessBytesPerSec: 0,
  excessBytes: 1000,
  aware: false,
};
const FAST = { rate: 1e9, burst: 1e6 };

const with_ = (tree: Partial<TreeInput>, ...leaves: ClassInput[]): TreeInput => ({
  ...FAST,
  ...tree,
  leaves,
});

/**
 * Code points asked for, packet by packet; null: none. `points` are all that the configuration has,
 * ascending.
 */
function asked(world: World, points: readonly number[], arrivals: readonly SimArrival[]): (number | null)[] {
  world.inject(arrivals);
  world.run(10 * SECOND);
  // Packets with the same mark have one verdict: spread them.
  return world.port.rows.map(({ mark }) => points[markDscp(MASK, mark) - 1] ?? null);
}

/** Packets of 1000 B, a microsecond apart, with these code points. */
const packets = (dscps: readonly number[], more: Partial<SimArrival> = {}): SimArrival[] =>
  dscps.map((dscp, n) => up(n * 1000, 1000, { shape: udp(1, { dscp, dport: 5000 }), ...more }));

test('everything of a class leaves with its code point; what has it already is not asked for', () => {
  const world = new World(shaper({ wan: { up: with_({}, { name: 'default', remark: [EF, EF, EF] }) } }));
  expect(asked(world, [EF], packets([0, EF, CS1]))).toEqual([EF, null, EF]);
  for (const { verdict } of world.port.rows) expect(verdict & 0xff).toBe(NF_ACCEPT);
});

test('classes below have what their nearest ancestor asks for', () => {
  const tree = with_(
    { remark: [CS1, CS1, CS1] },
    { name: 'own', match: [{ dscp: [0] }], remark: [EF, EF, EF] },
  );
  expect(asked(new World(shaper({ wan: { up: tree } })), [CS1, EF], packets([0, AF11]))).toEqual([EF, CS1]);
});

test('by colour; what is not named stays', () => {
  const leaf = { name: 'default', meter: METER, remark: [AF11, null, AF13] } as const;
  const world = new World(shaper({ wan: { up: with_({}, leaf) } }));
  expect(asked(world, [AF11, AF13], packets([0, 0, 0, 0]))).toEqual([AF11, null, AF13, AF13]);
});

test('the second tree sees what the first one made of it, and has the last word', () => {
  const through = { ifIndexIn: 1, ifIndexOut: 2 };
  const aware = { ...METER, aware: true, committedBytes: 9000, excessBytes: 9000 };
  const lan = { down: with_({}, { name: 'default', remark: [AF12, AF12, AF12] }) };
  const second = (remark: ClassInput['remark']) => ({
    up: with_({}, { name: 'default', meter: aware, ...(remark && { remark }) }),
  });
  const yellow = new World(shaper({ lan, wan: second([CS1, EF, CS1]) }));
  expect(asked(yellow, [CS1, AF12, EF], packets([0, AF11], through))).toEqual([EF, EF]);
  const silent = new World(shaper({ lan, wan: second(undefined) }));
  expect(asked(silent, [AF12], packets([0, AF12], through))).toEqual([AF12, null]);
  // Back to what it came with: asked for, as it would leave with the first tree's otherwise.
  const back = new World(shaper({ lan, wan: second([null, 0, null]) }));
  expect(asked(back, [0, AF12], packets([0], through))).toEqual([0]);
});

test('beside CE, both are asked for', () => {
  const leaf = { name: 'default', remark: [EF, EF, EF], queue: { ecn: true } } as const;
  const red = {
    adaptive: false,
    minBytes: 1,
    maxBytes: 1e6,
    probability: 1,
    weight: 1,
    gentle: false,
  } as const;
  const aqm = { kind: 'red', red: { ...red, byteMode: false, meanPacketBytes: 1000 } } as const;
  const slow = { rate: 1e6, burst: 1, leaves: [{ ...leaf, queue: { ecn: true, aqm } }] };
  const world = new World(shaper({ wan: { up: slow } }));
  world.inject(Array.from({ length: 300 }, () => up(0, 1000, { shape: udp(1, { ecn: 2 }) })));
  world.run(10 * SECOND);
  const marks = world.port.rows
    .filter(({ verdict }) => (verdict & 0xff) === NF_ACCEPT)
    .map(({ mark }) => mark);
  const ce = marks.filter((mark) => markAsks(MASK, mark, MARK_CE));
  expect(ce.length).toBeGreaterThan(5);
  expect(ce.length).toBeLessThan(marks.length);
  for (const mark of marks) expect(markDscp(MASK, mark)).toBe(1);
});

test('a local packet is asked for by a verdict that does not route, and keeps the bits of others', () => {
  const tree = with_({}, { name: 'default', remark: [EF, EF, EF] });
  const spec = shaper({ wan: { up: tree } });
  const local = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
  for (const mark of [0, 0x1234]) {
    const world = new World(spec);
    expect(asked(world, [EF], packets([0], { ...local, mark }))).toEqual([EF]);
    const unrouted = (acceptUnrouted(planQueues(spec).unreadNfqueue) | VERDICT_SET_MARK) >>> 0;
    expect(world.port.rows[0]!.verdict).toBe(unrouted);
    expect(world.port.rows[0]!.mark & ~MASK).toBe(mark);
  }
  const forwarded = new World(spec);
  expect(asked(forwarded, [EF], packets([0], { mark: 0x1234 }))).toEqual([EF]);
  expect(forwarded.port.rows[0]!.verdict).toBe(NF_ACCEPT | VERDICT_SET_MARK);
  expect(forwarded.port.rows[0]!.mark & ~MASK).toBe(0x1234);
});

test('while the shaper stops, packets still get their code point', () => {
  const world = new World(shaper({ wan: { up: with_({}, { name: 'default', remark: [EF, EF, EF] }) } }));
  world.inject(packets([0]));
  world.engine.releaseAll(world.port, 0);
  expect(world.port.rows.map(({ mark }) => markDscp(MASK, mark))).toEqual([1]);
});
