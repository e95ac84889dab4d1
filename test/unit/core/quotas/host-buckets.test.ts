/** Buckets of hosts by themselves: rates, what waits, what goes. */
import { beforeEach, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { NO_ROOM, PASSES, WAITS } from '../../../../src/core/each/each.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { HostBuckets } from '../../../../src/core/quotas/host-buckets.ts';
import { ARRIVAL_ROWS } from '../../../../src/limits.ts';
import { SECOND, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

const E = 5;
let held: HeldTable;
let flows: FlowTable;
let buckets: HostBuckets;

beforeEach(() => {
  held = new HeldTable(200 + ARRIVAL_ROWS);
  flows = new FlowTable(64, 1, 2, new Ledger(1, held));
  buckets = new HostBuckets(8, { held, flows, acks: new AckFilter([], held), keysOf: () => [3, 4] });
  buckets.setRate(E, 1000, 0);
});

function packet(flow = 1, lengthBytes = 1000): number {
  const h = held.take();
  held.flow[h] = flows.findOrMake(parsedOf(udp(flow)), 0, 0);
  held.lengthBytes[h] = lengthBytes;
  held.flags[h] = 0;
  held.leaf[h] = flow;
  return h;
}

const pass = (h: number, nowNs: number, mayWait = true): number => buckets.pass(E, h, mayWait, nowNs, nowNs);

/** The packets that leave, with the seconds at which they conform. */
function leave(): [h: number, seconds: number][] {
  const left: [number, number][] = [];
  while (buckets.nextDueNs() < Number.POSITIVE_INFINITY) {
    expect(buckets.dueBucket()).toBe(E);
    const h = buckets.pop();
    left.push([h, held.readyNs(h) / SECOND]);
  }
  return left;
}

test('a bucket starts full; what does not conform waits, and leaves at the instants at which it does', () => {
  const all = Array.from({ length: 5 }, () => packet());
  expect(all.map((h) => pass(h, 0))).toEqual([PASSES, PASSES, PASSES, WAITS, WAITS]);
  expect([buckets.waitingPackets(E), buckets.busy()]).toEqual([2, [E]]);
  const left = leave();
  expect(left.map(([h]) => h)).toEqual(all.slice(3));
  expect(left[0][1]).toBeCloseTo(0.972, 9);
  expect(left[1][1]).toBeCloseTo(1.972, 9);
  expect(buckets.busy()).toEqual([]);
});

test('a packet that may not wait has no room', () => {
  for (let n = 0; n < 3; n++) pass(packet(), 0);
  expect(pass(packet(), 0, false)).toBe(NO_ROOM);
  expect(buckets.waitingPackets(E)).toBe(0);
});

test('another rate moves no tokens, but cuts them to its burst', () => {
  buckets.setRate(E, 100e6, 0);
  expect(buckets.tokensAt(E, 0)).toBeCloseTo(3028, 6);
  expect(buckets.tokensAt(E, SECOND)).toBe(100_000);
  buckets.setRate(E, 1000, SECOND);
  expect(buckets.tokensAt(E, SECOND)).toBeCloseTo(3028, 6);
  expect(buckets.rateBytesPerSec(E)).toBeCloseTo(1000, 9);
  // No rate is 0: a packet would wait for ever.
  buckets.setRate(E, 0, SECOND);
  expect(buckets.rateBytesPerSec(E)).toBeCloseTo(10, 9);
});

test('a full bucket evicts from whoever holds the most, whatever the leaf', () => {
  for (let n = 0; n < 3; n++) pass(packet(1), 0);
  for (let n = 0; n < 30; n++) pass(packet(1), 0);
  expect(buckets.popEvicted()).toBe(NONE);
  const newcomer = packet(2);
  expect(pass(newcomer, 0)).toBe(WAITS);
  const evicted = buckets.popEvicted();
  expect([held.leaf[evicted], buckets.popEvicted()]).toEqual([1, NONE]);
  expect(buckets.waitingPackets(E)).toBe(30);
  // Its own flow holds the most, and has nothing else to lose.
  const alone = packet(3, 40_000);
  expect(pass(alone, 0)).toBe(NO_ROOM);
});

test('what is drained comes flow by flow, in order, and may wait again', () => {
  for (let n = 0; n < 3; n++) pass(packet(1), 0);
  const all = [1, 2, 1, 2, 1].map((flow) => packet(flow, 500));
  for (const h of all) pass(h, 0);
  expect([...buckets.list(E)].sort()).toEqual([...all].sort());
  const drained = buckets.drain(E);
  for (const flow of [1, 2]) {
    const own = (list: number[]): number[] => list.filter((h) => held.leaf[h] === flow);
    expect(own(drained)).toEqual(own(all));
  }
  expect([buckets.waitingPackets(E), buckets.nextDueNs()]).toEqual([0, Number.POSITIVE_INFINITY]);
  for (const h of drained) expect(buckets.rejoin(E, h, 0)).toBe(true);
  expect(leave()).toHaveLength(5);
});

test('what a lost packet took comes back, less what has grown since', () => {
  for (let n = 0; n < 3; n++) pass(packet(), 0);
  const waiting = packet();
  pass(waiting, 0.5 * SECOND);
  buckets.giveBack(E, 1000, 0, 0.5 * SECOND);
  expect(buckets.nextDueNs()).toBeCloseTo(0.5 * SECOND, 0);
});

test('CoDel of the bucket signals at its rate', () => {
  const dropped: number[] = [];
  for (let n = 0; n < 33; n++) pass(packet(), 0);
  while (buckets.nextDueNs() < Number.POSITIVE_INFINITY) {
    const h = buckets.pop();
    if (buckets.lastIsDropped) dropped.push(h);
  }
  // Thirty packets wait for up to thirty seconds; an interval is about seven.
  expect(dropped.length).toBeGreaterThan(0);
  expect(dropped.length).toBeLessThan(10);
});

test('a bucket of another host is full again', () => {
  for (let n = 0; n < 3; n++) pass(packet(), 0);
  buckets.reset(E);
  buckets.setRate(E, 2000, 0);
  expect(buckets.tokensAt(E, 0)).toBe(3028);
});
