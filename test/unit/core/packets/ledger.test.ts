/** What the ledger counts, and that backlog and ledger keep their columns over a change of classes. */
import { expect, test } from 'vitest';
import { HISTOGRAM_BINS, histogramBin } from '../../../../src/base/histogram.ts';
import { NONE } from '../../../../src/base/none.ts';
import { Backlog } from '../../../../src/core/packets/backlog.ts';
import { FLAG_CE, HeldTable } from '../../../../src/core/packets/held.ts';
import { DROP_AQM, DROP_EARLY, DROP_POLICE, DROP_TAIL, Ledger } from '../../../../src/core/packets/ledger.ts';
import { TOTAL } from '../../../../src/core/packets/stats.ts';

function bench(classes = 3) {
  const held = new HeldTable(300);
  const ledger = new Ledger(classes, held);
  const packet = (leaf: number, lengthBytes: number): number => {
    const h = held.take();
    held.leaf[h] = leaf;
    held.lengthBytes[h] = lengthBytes;
    held.flags[h] = 0;
    ledger.received(lengthBytes);
    return h;
  };
  const total = (name: keyof typeof TOTAL): number => ledger.stats.totals[TOTAL[name]];
  return { held, ledger, backlog: new Backlog(ledger.stats, held), packet, total };
}

test('a packet is received, sent with its delay and lateness, accepted', () => {
  const { held, ledger, packet, total } = bench();
  const h = packet(1, 100);
  expect([total('receivedBytes'), total('heldBytes')]).toEqual([100, 100]);
  held.enter(h, 4000e3, 1000e3);
  held.flags[h] = FLAG_CE;
  ledger.sent(h, 4500e3);
  ledger.accepted(h);
  const { stats } = ledger;
  expect([...stats.sentBytes, ...stats.marked]).toEqual([0, 100, 0, 0, 1, 0]);
  expect(stats.delay[HISTOGRAM_BINS + histogramBin(3500)]).toBe(1);
  expect(stats.lateness[histogramBin(500)]).toBe(1);
  expect([
    total('acceptedPackets'),
    total('acceptedBytes'),
    total('heldPackets'),
    total('heldBytes'),
  ]).toEqual([1, 100, 0, 0]);
});

test('what is done to paced connections is counted by class', () => {
  const { ledger } = bench();
  ledger.paced(1, 4, 2500);
  ledger.windowRewritten(1);
  ledger.windowRewritten(1);
  ledger.ackHeld(2);
  const { pacedConnections, shareBytesPerSec, windowsRewritten, acksHeld } = ledger.stats;
  expect([...pacedConnections, ...shareBytesPerSec]).toEqual([0, 4, 0, 0, 2500, 0]);
  expect([...windowsRewritten, ...acksHeld]).toEqual([0, 2, 0, 0, 0, 1]);
});

test('a packet that never waited for a bucket or a ceiling is not late', () => {
  const { held, ledger, packet } = bench();
  const h = packet(1, 100);
  held.enter(h, 1000e3, 1000e3);
  ledger.sent(h, 9000e3);
  expect(ledger.stats.lateness.every((count) => count === 0)).toBe(true);
});

test.each([
  [DROP_TAIL, 'dropTail'],
  [DROP_EARLY, 'dropEarly'],
  [DROP_POLICE, 'dropPolice'],
  [DROP_AQM, 'dropAqm'],
] as const)('reason %i is counted in %s, once', (reason, column) => {
  const { ledger, packet, total } = bench();
  ledger.dropped(packet(2, 40), reason);
  const { stats } = ledger;
  const all = [stats.dropTail, stats.dropEarly, stats.dropPolice, stats.dropAqm].map((drops) => drops[2]);
  expect([stats[column][2], all.reduce((a, b) => a + b)]).toEqual([1, 1]);
  expect([total('droppedPackets'), total('droppedBytes'), total('heldPackets')]).toEqual([1, 40, 0]);
});

test('a lost packet is taken back where it was counted as sent, in both trees', () => {
  const { held, ledger, packet, total } = bench();
  const h = packet(0, 70);
  held.enter(h, 0, 0);
  ledger.sent(h, 0);
  held.leaf[h] = 1;
  ledger.sent(h, 0);
  ledger.accepted(h);
  ledger.lost(70, true, 1, 0);
  expect([...ledger.stats.sentPackets, ...ledger.stats.sentBytes]).toEqual([0, 0, 0, 0, 0, 0]);
  expect([total('acceptedPackets'), total('lostPackets'), total('lostBytes')]).toEqual([0, 1, 70]);
  ledger.dropped(packet(1, 30), DROP_TAIL);
  ledger.lost(30, false, NONE, NONE);
  expect([total('droppedPackets'), total('droppedBytes'), total('lostPackets')]).toEqual([0, 0, 2]);
});

test('ledger and backlog go on in the columns of a change of classes', () => {
  const { held, ledger, backlog, packet } = bench(2);
  const waits = packet(1, 500);
  backlog.enter(waits);
  // Class 1 becomes class 2.
  const flat = (n: number) => Array.from({ length: n }, () => ({ parent: NONE }));
  ledger.regroup({ before: flat(2), classes: flat(3), oldRow: [0, NONE, 1], heir: [0, 2] });
  backlog.regroup();
  held.leaf[waits] = 2;
  expect([backlog.packets(2), backlog.bytes(2)]).toEqual([1, 500]);
  held.enter(waits, 0, 0);
  backlog.leave(waits);
  ledger.sent(waits, 0);
  ledger.accepted(waits);
  expect([...ledger.stats.backlogBytes, ...ledger.stats.sentBytes]).toEqual([0, 0, 0, 0, 0, 500]);
  expect(ledger.stats.totals[TOTAL.acceptedBytes]).toBe(500);
});
