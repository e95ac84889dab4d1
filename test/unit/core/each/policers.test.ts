import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { EachBuckets } from '../../../../src/core/each/buckets.ts';
import { EACH_DROP, EACH_FULL, EACH_PASS, EachPolicers } from '../../../../src/core/each/policers.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { type EachInput, shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { bucketQueues } from './parts.ts';

const LEAF = 1;
const PACKET_BYTES = 1000;
const policer = (by: EachInput['by'], packets: number): EachInput => ({
  by,
  exceed: 'drop',
  rateBytesPerSec: 1,
  burstBytes: packets * PACKET_BYTES,
});

/** A leaf with a policer per flow inside a class with one per source. */
function bench(rows: number, flowPackets: number, sourcePackets: number) {
  const leaves = [{ name: 'default', each: policer('flow', flowPackets) }];
  const up = { rate: 1e9, burst: 1e6, each: policer('src', sourcePackets), leaves };
  const classes = listClasses(shaper({ wan: { up } }));
  const held = new HeldTable(64);
  const ledger = new Ledger(classes.length, held);
  const flows = new FlowTable(64, 1, 2, ledger);
  const policers = new EachPolicers(
    classes,
    new EachBuckets(rows, 3, 4, classes, held, flows, ledger, bucketQueues(rows, classes, held, flows)),
  );
  const packet = (flow: number): number => {
    const h = held.take();
    held.flow[h] = flows.findOrMake(parsedOf(udp(flow)), 0, 0);
    held.chargeBytes[h] = PACKET_BYTES;
    return h;
  };
  /** Packets of the flow that pass one after the other, at most ten. */
  const passing = (flow: number): number => {
    let count = 0;
    for (; count < 10; count++) {
      const h = packet(flow);
      if (policers.ask(LEAF, h, 0) !== EACH_PASS) break;
      policers.charge(LEAF, h, 0);
    }
    return count;
  };
  return { policers, packet, passing };
}

test('the policers of the leaf and of the class above must both have the tokens', () => {
  const { passing } = bench(16, 2, 3);
  expect([passing(1), passing(2), passing(3)]).toEqual([2, 1, 0]);
});

test('to ask costs no tokens', () => {
  const { policers, packet } = bench(16, 1, 1);
  const h = packet(1);
  expect([policers.ask(LEAF, h, 0), policers.ask(LEAF, h, 0)]).toEqual([EACH_PASS, EACH_PASS]);
  policers.charge(LEAF, h, 0);
  expect(policers.ask(LEAF, h, 0)).toBe(EACH_DROP);
});

test('without room for one more bucket the packet is refused as such', () => {
  const { policers, packet } = bench(2, 1, 9);
  const first = packet(1);
  policers.ask(LEAF, first, 0);
  policers.charge(LEAF, first, 0);
  expect(policers.ask(LEAF, packet(2), 0)).toBe(EACH_FULL);
});
