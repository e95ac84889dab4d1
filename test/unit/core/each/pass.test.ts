import { expect, test } from 'vitest';
import { chainOf, listClasses } from '../../../../src/core/classes/classes.ts';
import { EachTable, NO_ROOM, PASSES, WAITS } from '../../../../src/core/each/each.ts';
import { passBuckets } from '../../../../src/core/each/pass.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { FLAG_NEVER_DROP, HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';
import { type EachInput, SECOND, shaper, udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';
import { waitingParts } from './parts.ts';

const ROOT = 0;
const LEAF = 1;
const each = (by: EachInput['by'], packets: number): EachInput => ({
  by,
  exceed: 'delay',
  rateBytesPerSec: 1000,
  burstBytes: packets * 1000,
});

/** A leaf with a bucket for every flow, which holds one packet, inside a class with one for every source. */
function bench(rows: number, sourcePackets: number) {
  const leaves = [{ name: 'default', each: each('flow', 1) }];
  const up = { rate: 1e9, burst: 1e6, each: each('src', sourcePackets), leaves };
  const classes = listClasses(shaper({ wan: { up } }));
  const held = new HeldTable(64);
  const ledger = new Ledger(classes.length, held);
  const flows = new FlowTable(64, 1, 2, ledger);
  const table = new EachTable(rows, 3, 4, classes, waitingParts(classes, held, flows), ledger);
  const waits = chainOf(classes, ({ spec }) => spec.each?.exceed === 'delay');
  const packet = (flow: number, flags = 0): number => {
    const h = held.take();
    held.leaf[h] = LEAF;
    held.flow[h] = flows.findOrMake(parsedOf(udp(flow)), 0, 0);
    held.lengthBytes[h] = 1000;
    held.chargeBytes[h] = 1000;
    held.flags[h] = flags;
    held.enter(h, 0, 0);
    return h;
  };
  const pass = (h: number, horizonNs = 0): number =>
    passBuckets(table, waits, ledger, held, h, LEAF, 0, horizonNs);
  const waiting = (c: number, h: number): number => table.waitingPackets(table.find(c, h));
  return { table, held, ledger, packet, pass, waiting };
}

test('a packet passes the bucket of its leaf, then that of the class around it', () => {
  const { pass, packet, waiting } = bench(16, 1);
  expect(pass(packet(1))).toBe(PASSES);
  // The second flow has tokens of its own, the source has none left.
  const h = packet(2);
  expect(pass(h)).toBe(WAITS);
  expect([waiting(LEAF, h), waiting(ROOT, h)]).toEqual([0, 1]);
});

test('a packet that waits in the bucket of its leaf costs the bucket above nothing yet', () => {
  const { pass, packet, waiting } = bench(16, 2);
  expect([pass(packet(1)), pass(packet(1))]).toEqual([PASSES, WAITS]);
  const h = packet(2);
  expect(pass(h)).toBe(PASSES);
  expect([waiting(LEAF, packet(1)), waiting(ROOT, h)]).toEqual([1, 0]);
});

test('a packet that conforms by the horizon passes, with its instant', () => {
  const { pass, packet, held } = bench(16, 9);
  expect(pass(packet(1))).toBe(PASSES);
  const h = packet(1);
  expect(pass(h, SECOND)).toBe(PASSES);
  expect(held.readyNs(h)).toBe(SECOND);
});

test('without room for a bucket a packet has no room, is counted, and passes if it must not be dropped', () => {
  // One row: the bucket of the flow takes it, and the source finds none.
  const { pass, packet, ledger } = bench(1, 9);
  expect(pass(packet(1))).toBe(NO_ROOM);
  expect(ledger.stats.totals[TOTAL.eachFull]).toBe(1);
  expect(pass(packet(2, FLAG_NEVER_DROP))).toBe(PASSES);
  expect(ledger.stats.totals[TOTAL.eachFull]).toBe(3);
});
