import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { type Stats, TOTAL } from '../../../../src/core/packets/stats.ts';
import { FLOW_IDLE_NS } from '../../../../src/limits.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import { runs } from '../../../effort.ts';
import { SECOND, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

const SEED = 100;
const ROWS = 16;

interface Bench {
  readonly flows: FlowTable;
  readonly stats: Stats;
  find(shape: PacketShape, nowNs?: number): number;
}

function bench(rows = ROWS): Bench {
  const ledger = new Ledger(4, new HeldTable(1));
  const { stats } = ledger;
  const flows = new FlowTable(rows, 1, 2, ledger);
  return { flows, stats, find: (shape, nowNs = 0) => flows.findOrMake(parsedOf(shape), 0, nowNs) };
}

/** Lets the hand pass every row several times, as busy batches do. */
function sweepUntil(flows: FlowTable, fromNs: number, untilNs: number): void {
  for (let t = fromNs; t <= untilNs; t += SECOND / 4) flows.sweep(t);
}

const V6: PacketShape = { ...udp(), src: [1, 2, 3, 4], dst: [5, 6, 7, 8] };

test('a flow is five-tuple and family: whatever differs makes another one', () => {
  const { find, flows } = bench();
  const f = find(udp(1));
  expect(find(udp(1))).toBe(f);
  const others: PacketShape[] = [
    udp(2),
    udp(1, { dport: 9 }),
    udp(1, { src: 1 }),
    udp(1, { dst: 1 }),
    udp(1, { protocol: IPPROTO_TCP }),
    V6,
    { ...V6, src: [1, 2, 3, 5] },
    { ...V6, src: [0, 2, 3, 4] },
    { ...V6, dst: [5, 6, 8, 8] },
    { ...V6, dst: [5, 7, 7, 8] },
  ];
  const rows = others.map((shape) => find(shape));
  expect(new Set([f, ...rows]).size).toBe(1 + others.length);
  expect(flows.size).toBe(1 + others.length);
  expect(others.map((shape) => find(shape))).toEqual(rows);
});

test('dscp and ecn do not make a flow', () => {
  const { find } = bench();
  expect(find(udp(1, { dscp: 46, ecn: 3 }))).toBe(find(udp(1)));
});

test('addresses of a flow can be read back', () => {
  const { find, flows } = bench();
  const four = find(udp(1, { src: 0x0a000001, dst: 0xc0000201 }));
  const six = find(V6);
  expect([flows.isIpv6(four), flows.isIpv6(six)]).toEqual([false, true]);
  expect([0, 1, 2, 3].map((w) => flows.srcWord(four, w) >>> 0)).toEqual([0x0a000001, 0, 0, 0]);
  expect([0, 1, 2, 3].map((w) => flows.dstWord(four, w) >>> 0)).toEqual([0xc0000201, 0, 0, 0]);
  expect([0, 1, 2, 3].map((w) => flows.srcWord(six, w))).toEqual([1, 2, 3, 4]);
  expect([0, 1, 2, 3].map((w) => flows.dstWord(six, w))).toEqual([5, 6, 7, 8]);
});

test('a new flow has no leaves and was classified by nothing', () => {
  const { find, flows } = bench();
  const f = find(udp());
  expect([flows.leaf(f), flows.secondLeaf(f), flows.eachBucket(f, 0), flows.eachBucket(f, 1)]).toEqual([
    NONE,
    NONE,
    NONE,
    NONE,
  ]);
  for (const hook of [1, 2, 3]) expect(flows.isClassifiedBy(f, hook, 0, 0, 0, 0)).toBe(false);
});

test('leaves are counted while the flow lives and moves', () => {
  const { find, flows, stats } = bench();
  const [a, b] = [find(udp(1)), find(udp(2))];
  flows.assign(a, 1, NONE);
  flows.assign(b, 1, 3);
  expect([...stats.flows]).toEqual([0, 2, 0, 1]);
  flows.assign(a, 2, 3);
  expect([...stats.flows]).toEqual([0, 1, 1, 2]);
  expect([flows.leaf(a), flows.secondLeaf(a), flows.leaf(b), flows.secondLeaf(b)]).toEqual([2, 3, 1, 3]);
  sweepUntil(flows, 0, 3 * FLOW_IDLE_NS);
  expect([...stats.flows]).toEqual([0, 0, 0, 0]);
});

test('each of the things a flow was classified by counts', () => {
  const { find, flows } = bench();
  const f = find(udp());
  flows.setClassifiedBy(f, 2, 46, 7, 8, -5);
  expect(flows.isClassifiedBy(f, 2, 46, 7, 8, -5)).toBe(true);
  const others: [number, number, number, number, number][] = [
    [1, 46, 7, 8, -5],
    [2, 45, 7, 8, -5],
    [2, 46, 6, 8, -5],
    [2, 46, 7, 9, -5],
    [2, 46, 7, 8, 5],
  ];
  for (const other of others) expect(flows.isClassifiedBy(f, ...other)).toBe(false);
  flows.reclassifyAll();
  expect(flows.isClassifiedBy(f, 2, 46, 7, 8, -5)).toBe(false);
});

test('an idle flow is forgotten after its time and at most a quarter more', () => {
  const { find, flows } = bench();
  find(udp(1), 0);
  sweepUntil(flows, 0, FLOW_IDLE_NS);
  expect(flows.size).toBe(1);
  sweepUntil(flows, FLOW_IDLE_NS, FLOW_IDLE_NS * 1.25 + SECOND);
  expect(flows.size).toBe(0);
});

test('a flow that was seen lately, has packets waiting, or a bucket not yet full, is kept', () => {
  const { find, flows } = bench();
  const [seen, waiting, busy] = [find(udp(1), 0), find(udp(2), 0), find(udp(3), 0)];
  find(udp(4), 0);
  flows.packetHeld(waiting, 100);
  flows.packetHeld(waiting, 100);
  flows.verdictGiven(waiting, NONE, NONE);
  flows.keepUntil(busy, 1000 * SECOND);
  flows.keepUntil(busy, 10 * SECOND);
  sweepUntil(flows, 0, 100 * SECOND);
  find(udp(1), 100 * SECOND);
  sweepUntil(flows, 100 * SECOND, 150 * SECOND);
  expect([1, 2, 3].map((n) => find(udp(n), 0))).toEqual([seen, waiting, busy]);
  expect(flows.size).toBe(3);
  flows.verdictGiven(waiting, NONE, NONE);
  sweepUntil(flows, 150 * SECOND, 1200 * SECOND);
  expect(flows.size).toBe(0);
});

test('a full table forgets the longest idle flow of those it looks at, and counts that', () => {
  const { find, flows, stats } = bench();
  for (let n = 0; n < ROWS; n++) find(udp(n), n === 5 ? 1 : 100 + n);
  const f = find(udp(99), 200);
  expect(f).not.toBe(NONE);
  expect([flows.size, stats.totals[TOTAL.flowsEvicted]]).toEqual([ROWS, 1]);
  const generation = flows.generation(f);
  // Flow 5 had the row; all others are where they were.
  expect(find(udp(5), 201)).not.toBe(f);
  expect(flows.generation(f)).toBe(generation);
});

test('a table full of flows with packets waiting takes no more', () => {
  const { find, flows, stats } = bench();
  for (let n = 0; n < ROWS; n++) flows.packetHeld(find(udp(n)), 100);
  expect(find(udp(99))).toBe(NONE);
  expect(find(udp(3))).not.toBe(NONE);
  flows.verdictGiven(find(udp(3)), NONE, NONE);
  expect(find(udp(99))).not.toBe(NONE);
  expect(stats.totals[TOTAL.flowsEvicted]).toBe(1);
});

test('a row that passes to another flow is told apart by its generation', () => {
  const { find, flows } = bench(2);
  const first = find(udp(1), 0);
  const generation = flows.generation(first);
  flows.assign(first, 1, 2);
  for (const place of [0, 1]) {
    flows.setEachBucket(first, place, 9);
    flows.setFairQueue(first, place, 9);
  }
  flows.setClassifiedBy(first, 2, 0, 7, 8, 0);
  flows.keepUntil(first, 5);
  sweepUntil(flows, 0, 2 * FLOW_IDLE_NS);
  const again = find(udp(2), 2 * FLOW_IDLE_NS);
  expect(again).toBe(first);
  expect(flows.generation(again)).not.toBe(generation);
  expect(flows.isClassifiedBy(again, 2, 0, 7, 8, 0)).toBe(false);
  expect([flows.leaf(again), flows.secondLeaf(again)]).toEqual([NONE, NONE]);
  for (const place of [0, 1])
    expect([flows.eachBucket(again, place), flows.fairQueue(again, place)]).toEqual([NONE, NONE]);
});

test('against a map, over random flows and times: found while kept, sizes agree, no two flows share a row', () => {
  const step = fc.tuple(fc.nat(40), fc.nat(20 * SECOND));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { find, flows } = bench(64);
      const model = new Map<number, { row: number; seenNs: number }>();
      let nowNs = 0;
      for (const [n, gapNs] of steps) {
        nowNs += gapNs;
        flows.sweep(nowNs);
        const row = find(udp(n), nowNs);
        const known = model.get(n);
        if (known && nowNs - known.seenNs <= FLOW_IDLE_NS) expect(row, `flow ${n} moved`).toBe(known.row);
        for (const [m, other] of model) if (m !== n && other.row === row) model.delete(m);
        model.set(n, { row, seenNs: nowNs });
      }
      const fresh = [...model.values()].filter((f) => nowNs - f.seenNs <= FLOW_IDLE_NS).length;
      expect(flows.size).toBeGreaterThanOrEqual(fresh);
      expect(flows.size).toBeLessThanOrEqual(41);
    }),
    { seed: SEED, numRuns: runs(60) },
  );
});
