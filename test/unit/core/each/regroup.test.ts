/** What stays in its bucket by a change of classes, and what is handed over. */
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { planChange } from '../../../../src/core/classes/change.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { EachTable } from '../../../../src/core/each/each.ts';
import { regroupEach } from '../../../../src/core/each/regroup.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import { type ClassInput, type EachInput, MS, SECOND, shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { waitingParts } from './parts.ts';

const EACH: EachInput = { by: 'src', exceed: 'delay', rateBytesPerSec: 1000, burstBytes: 1000 };
const A: ClassInput = { name: 'a', match: [], each: EACH };
const B: ClassInput = { name: 'b', match: [] };
const specOf = (...leaves: ClassInput[]) => shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } });

interface Moved {
  readonly h: number;
  readonly leafBefore: number;
  readonly bucketClass: number;
}

/** Class a, row 1, in whose bucket packets wait; row 2 is `default`. */
function bench(a: ClassInput = A) {
  const spec = specOf(a);
  const before = listClasses(spec);
  const held = new HeldTable(64);
  const ledger = new Ledger(before.length, held);
  const flows = new FlowTable(64, 1, 2, ledger);
  const parts = waitingParts(before, held, flows);
  const each = new EachTable(16, 3, 4, before, parts, ledger);
  /** A packet that came at `ms`; whether it waits. */
  const packet = (flow: number, ms = 0, src: number | [number, number, number, number] = 1): number => {
    const h = held.take();
    held.leaf[h] = 1;
    held.flow[h] = flows.findOrMake(
      parsedOf(udp(flow, typeof src === 'number' ? { src } : { src, dst: src })),
      0,
      0,
    );
    held.lengthBytes[h] = 1000;
    held.chargeBytes[h] = 1000;
    held.enter(h, ms * MS, ms * MS);
    each.pass(each.bucketOf(1, h, ms * MS), h, ms * MS, 0);
    return h;
  };
  /** `leafOf` says to which new row a packet belongs. */
  const change = (leafOf: (h: number) => number, ...leaves: ClassInput[]): Moved[] => {
    const moved: Moved[] = [];
    const mover = {
      settle: (h: number): number => {
        held.leaf[h] = leafOf(h);
        return held.leaf[h];
      },
      move: (h: number, leafBefore: number, bucketClass: number): void => {
        moved.push({ h, leafBefore, bucketClass });
      },
    };
    regroupEach(each, planChange(before, spec, specOf(...leaves), new Map(), 0), held, parts.acks, mover);
    return moved;
  };
  const rest = (): number[] => {
    const out: number[] = [];
    for (let h = each.popDue(1e15, 0); h !== NONE; h = each.popDue(1e15, 0)) out.push(h);
    return out;
  };
  return { each, held, packet, change, rest, buckets: () => ledger.stats.totals[TOTAL.eachBuckets] };
}

test('a class that has another row keeps its bucket, with tokens, packets and counts', () => {
  const { each, packet, change, rest, buckets } = bench();
  const [, second, third] = [packet(1), packet(1), packet(1)];
  expect(change(() => 2, B, A)).toEqual([]);
  expect([buckets(), each.packetsOf(1), each.packetsOf(2), each.nextDueNs()]).toEqual([1, 0, 2, SECOND]);
  expect(rest()).toEqual([second, third]);
  expect(each.lastPoppedClass).toBe(2);
});

test('by another side, or without each, the bucket ends and all its packets are handed over', () => {
  for (const each of [{ ...EACH, by: 'dst' as const }, undefined]) {
    const { packet, change, buckets, rest } = bench();
    const [, second, third] = [packet(1), packet(1), packet(1)];
    const moved = change(() => 1, { name: 'a', match: [], ...(each && { each }) });
    expect(moved).toEqual([second, third].map((h) => ({ h, leafBefore: 1, bucketClass: 1 })));
    expect([buckets(), rest()]).toEqual([0, []]);
  }
});

test('by another prefix6 buckets of IPv6 end, and those of IPv4 go on', () => {
  const { packet, change, buckets, rest } = bench();
  const v6: [number, number, number, number] = [0x20010db8, 0, 0, 1];
  const [, four] = [packet(1), packet(1)];
  const [, six] = [packet(1, 0, v6), packet(1, 0, v6)];
  const moved = change(() => 1, { ...A, each: { ...EACH, prefix6Bits: 64 } });
  expect(moved.map(({ h }) => h)).toEqual([six]);
  expect([buckets(), rest()]).toEqual([1, [four]]);
});

test('other queues: the packets join them in order of arrival, and none is handed over', () => {
  const { packet, change, rest } = bench({ ...A, queue: { discipline: 'fair' } });
  // Two flows by turns: the fair queue would let 5 go before 4.
  const [, ...waiting] = [packet(1, 0), packet(1, 1), packet(1, 2), packet(1, 3), packet(2, 4)];
  expect(change(() => 1, { ...A, queue: { discipline: 'fifo' } })).toEqual([]);
  expect(rest()).toEqual(waiting);
});

test('a packet that belongs elsewhere now is handed over, and the others stay', () => {
  const { packet, change, rest, each } = bench();
  const [, second, third, fourth] = [packet(1), packet(1), packet(1), packet(1)];
  const moved = change((h) => (h === third ? 2 : 1), A, B);
  expect(moved).toEqual([{ h: third, leafBefore: 1, bucketClass: 1 }]);
  expect([each.packetsOf(1), rest()]).toEqual([2, [second, fourth]]);
});
