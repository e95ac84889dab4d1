/**
 * Four hundred changes of values and two hundred of the whole configuration, in six seconds beside bulk: a
 * flow that stays below every limit feels none of them, and no count is ever wrong.
 */
import { expect, test } from 'vitest';
import { NF_ACCEPT } from '../../src/packet/batch.ts';
import type { MatcherSpec, QueueSpec, ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import {
  type ClassInput,
  type LinkInput,
  MS,
  repeat,
  shaper,
  type TreeInput,
  udp,
  up,
  World,
} from './world.ts';

const [LAN, WAN, DMZ] = [1, 2, 3];
const INDEXES = new Map([
  ['lan0', LAN],
  ['wan0', WAN],
  ['dmz0', DMZ],
]);
const [SMALL, BULK] = [1, 2];
const CHANGES = 600;
const EVERY_NS = 10 * MS;
const END_NS = CHANGES * EVERY_NS;
const RATE = 1_250_000;

const to = (dport: number): MatcherSpec[] => [{ dport: [{ from: dport, to: dport }] }];
const fair: Partial<QueueSpec> = {
  discipline: 'fair',
  aqm: { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } },
};
const smallLeaf: ClassInput = { name: 'small', match: to(SMALL), rate: 100_000, priority: 0, queue: fair };
/** `ceil` is what a change of values changes. */
const bulk = (ceil: number): ClassInput => ({
  name: 'bulk',
  match: to(BULK),
  ceil,
  burst: 15_000,
  queue: fair,
  limitPackets: 200,
});
const tree = (leaves: readonly ClassInput[], rate = RATE): TreeInput => ({ rate, burst: 15_000, leaves });

/** The configurations that reloads go through: where the small flow belongs, and which links there are. */
const SHAPES: readonly ((ceil: number) => Readonly<Record<string, LinkInput>>)[] = [
  (ceil) => ({ wan: { up: tree([smallLeaf, bulk(ceil)]) } }),
  // The class of the small flow is gone: the default takes it, with a fair queue.
  (ceil) => ({
    wan: { up: tree([bulk(ceil), { name: 'default', rate: 100_000, priority: 0, queue: fair }]) },
  }),
  // It is inside another class, and a link before has come.
  (ceil) => ({
    lan: { down: tree([], 8 * RATE) },
    wan: {
      up: tree([
        {
          name: 'in',
          match: [{ dport: [{ from: SMALL, to: BULK }] }],
          rate: 100_000,
          classes: [smallLeaf, bulk(ceil)],
        },
      ]),
    },
  }),
  // Buckets of hosts, another link, and no link before.
  (ceil) => ({
    dmz: { up: tree([]) },
    wan: {
      up: tree([
        smallLeaf,
        { ...bulk(ceil), each: { by: 'src', rateBytesPerSec: ceil, burstBytes: 15_000, exceed: 'delay' } },
      ]),
    },
  }),
  // Only the link before.
  () => ({ lan: { down: tree([], 8 * RATE) } }),
];

function configAt(change: number): ShaperSpec {
  // Two changes of values, then a reload.
  const shape = SHAPES[Math.floor(change / 3) % SHAPES.length];
  return shaper(shape(change % 3 === 0 ? RATE : RATE / 2 + 1000 * (change % 7)));
}

/** Moved into `in` and back. */
function renamedAt(change: number): ReadonlyMap<string, string> {
  const [before, now] = [configAt(change - 1), configAt(change)].map((spec) => JSON.stringify(spec));
  const paths = ['small', 'bulk'].map((name): [string, string] => [`wan/up/${name}`, `wan/up/in/${name}`]);
  const has = (text: string, path: string): boolean => text.includes(`"path":"${path}"`);
  return new Map(
    paths.flatMap(([outer, inner]): [string, string][] => {
      if (has(before, outer) && has(now, inner)) return [[inner, outer]];
      return has(before, inner) && has(now, outer) ? [[outer, inner]] : [];
    }),
  );
}

function arrivals(): SimArrival[] {
  const way = { ifIndexIn: LAN, ifIndexOut: WAN };
  // 25 kB/s and, in bursts, twice what the link carries.
  const calm = repeat(END_NS / (4 * MS), 4 * MS, (t) =>
    up(t, 100, { ...way, shape: udp(1, { dport: SMALL }) }),
  );
  const heavy = Array.from({ length: END_NS / (12 * MS) }, (_, n) =>
    repeat(20, 0, (t) => up(t, 1500, { ...way, shape: udp(2, { dport: BULK }) }), n * 12 * MS),
  ).flat();
  return [...calm, ...heavy].sort((a, b) => a.timeNs - b.timeNs);
}

function play(): { world: World; small: Set<number> } {
  const world = new World(configAt(0), { releaseSlackNs: 100e3, nameOf: () => '' });
  for (const [device, index] of INDEXES) world.engine.intake.setDeviceIndex(device, index);
  const all = arrivals();
  const small = new Set(all.flatMap(({ shape }, n) => (shape.dport === SMALL ? [n + 1] : [])));
  world.inject(all);
  for (let change = 1; change < CHANGES; change++) {
    world.run(change * EVERY_NS);
    const told = { spec: configAt(change), renamed: renamedAt(change), deviceIndexes: INDEXES };
    world.engine.reconfigure(world.port, told, world.port.nowNs);
    world.checkBooks();
  }
  world.run(END_NS + 1e10);
  return { world, small };
}

test('a flow below every limit loses nothing and keeps its order, the books balance, and all of it repeats', () => {
  const { world, small } = play();
  const mine = world.port.trace.filter(({ packetId }) => small.has(packetId));
  expect(mine.every(({ verdict }) => verdict === NF_ACCEPT)).toBe(true);
  expect(mine.map(({ packetId }) => packetId)).toEqual([...small]);
  // Limits hold beside the changes: the bulk does lose packets.
  const { receivedPackets, acceptedPackets, droppedPackets, heldPackets, lostPackets } = world.totals;
  expect([acceptedPackets + droppedPackets, heldPackets, lostPackets]).toEqual([receivedPackets, 0, 0]);
  expect(droppedPackets).toBeGreaterThan(0);
  expect(world.port.trace.length).toBe(receivedPackets);
  const bulkIds = world.port.trace
    .filter((v) => v.verdict === NF_ACCEPT && !small.has(v.packetId))
    .map((v) => v.packetId);
  expect(bulkIds).toEqual(bulkIds.toSorted((a, b) => a - b));
  expect(play().world.port.traceHash).toBe(world.port.traceHash);
});
