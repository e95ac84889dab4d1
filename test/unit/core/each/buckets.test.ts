import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { EachBuckets } from '../../../../src/core/each/buckets.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { type EachInput, SECOND, shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { bucketQueues } from './parts.ts';

const LEAF = 1;
/** 1000 B/s, 2000 B at once. */
const EACH: EachInput = { by: 'src', exceed: 'drop', rateBytesPerSec: 1000, burstBytes: 2000 };

function bench() {
  const leaves = [{ name: 'default', each: EACH }];
  const classes = listClasses(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
  const held = new HeldTable(64);
  const ledger = new Ledger(classes.length, held);
  const flows = new FlowTable(64, 1, 2, ledger);
  const buckets = new EachBuckets(
    16,
    3,
    4,
    classes,
    held,
    flows,
    ledger,
    bucketQueues(16, classes, held, flows),
  );
  const packet = (src: number, chargeBytes: number): number => {
    const h = held.take();
    held.flow[h] = flows.findOrMake(parsedOf(udp(1, { src })), 0, 0);
    held.chargeBytes[h] = chargeBytes;
    return h;
  };
  return { buckets, packet };
}

test('find() makes no bucket; bucketOf() makes one for each source', () => {
  const { buckets, packet } = bench();
  const [a, b] = [packet(1, 100), packet(2, 100)];
  expect(buckets.find(LEAF, a)).toBe(NONE);
  const e = buckets.bucketOf(LEAF, a, 0);
  expect([buckets.find(LEAF, a), buckets.bucketOf(LEAF, a, 0)]).toEqual([e, e]);
  expect(buckets.bucketOf(LEAF, b, 0)).not.toBe(e);
});

test('conforms() takes nothing, take() takes the tokens, and they come back at the rate of the class', () => {
  const { buckets, packet } = bench();
  const h = packet(1, 1500);
  const e = buckets.bucketOf(LEAF, h, 0);
  expect([buckets.conforms(e, h, 0), buckets.conforms(e, h, 0)]).toEqual([true, true]);
  buckets.take(e, h, 0);
  expect([0, 0.9, 1].map((s) => buckets.conforms(e, h, s * SECOND))).toEqual([false, false, true]);
  expect(buckets.conformNs(e, h, 0)).toBe(SECOND);
});

test('a packet longer than the burst never conforms', () => {
  const { buckets, packet } = bench();
  const h = packet(1, 2001);
  expect(buckets.conforms(buckets.bucketOf(LEAF, h, 0), h, 100 * SECOND)).toBe(false);
});

test('charge() leaves a debt of one burst at most', () => {
  const { buckets, packet } = bench();
  const h = packet(1, 2000);
  const e = buckets.bucketOf(LEAF, h, 0);
  for (let n = 0; n < 10; n++) buckets.charge(e, h, 0);
  expect(buckets.conformNs(e, h, 0)).toBe(4 * SECOND);
});
