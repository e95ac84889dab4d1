import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { bucketKinds } from '../../../../src/core/each/bucket-queues.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { type EachInput, shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { bucketQueues } from './parts.ts';

const LEAF = 1;
const EACH: EachInput = { by: 'src', rateBytesPerSec: 250_000, burstBytes: 3000, exceed: 'delay' };

function classesOf(each: EachInput, discipline: 'fair' | 'fifo' = 'fair') {
  const leaves = [{ name: 'default', each, queue: { discipline, isolation: 'triple' as const } }];
  return listClasses(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
}

function bench(discipline: 'fair' | 'fifo') {
  const classes = classesOf(EACH, discipline);
  const held = new HeldTable(64);
  const flows = new FlowTable(64, 1, 2, new Ledger(classes.length, held));
  const buckets = bucketQueues(8, classes, held, flows);
  const wait = (set: number, flow: number): number => {
    const h = held.take();
    held.leaf[h] = LEAF;
    held.flow[h] = flows.findOrMake(parsedOf(udp(flow)), 0, 0);
    held.lengthBytes[h] = 1000;
    held.chargeBytes[h] = 1000;
    held.enter(h, 0, 0);
    expect(buckets.queues.push(set, h, 0)).toBe(true);
    return h;
  };
  return { buckets, wait };
}

test('a kind has the rate of the bucket, and shares between hosts of the other side only', () => {
  const kindOf = (each: Partial<EachInput>) => bucketKinds(classesOf({ ...EACH, ...each }))[LEAF];
  expect(kindOf({})?.quantumBytes).toBe(300);
  expect(kindOf({ rateBytesPerSec: 4096 * 1000 })?.quantumBytes).toBe(1000);
  expect(kindOf({})?.fair).toMatchObject({ loadOfSource: false, loadOfDestination: true });
  expect(kindOf({ by: 'dst' })?.fair).toMatchObject({ loadOfSource: true, loadOfDestination: false });
  expect(kindOf({ exceed: 'drop' })).toBe(null);
});

test.each(['fair', 'fifo'] as const)('a %s set that was given back is lent again, empty', (discipline) => {
  const { buckets, wait } = bench(discipline);
  const [first, second] = [buckets.lend(LEAF, 0), buckets.lend(LEAF, 16)];
  expect(second).not.toBe(first);
  // The same flow has a queue of its own in each bucket.
  const packets = [wait(first, 1), wait(first, 2), wait(second, 1)];
  expect(buckets.queues.list(first).sort()).toEqual([packets[0], packets[1]]);
  expect([buckets.queues.head(first), buckets.queues.head(second)]).toEqual([packets[0], packets[2]]);
  expect([buckets.queues.shiftOne(first, 0), buckets.queues.lastIsDropped]).toEqual([packets[0], false]);
  expect(buckets.queues.drain(first)).toEqual([packets[1]]);
  buckets.giveBack(first);
  expect(buckets.lend(LEAF, 32)).toBe(first);
  expect([buckets.queues.isEmpty(first), buckets.queues.list(first)]).toEqual([true, []]);
  const next = wait(first, 2);
  expect(buckets.queues.head(first)).toBe(next);
});
