/** Lines: exact instants, order, limits, loss and marks. */
import { expect, test } from 'vitest';
import { chanceStream } from '../../../../src/base/chance.ts';
import { CE, ECT_0, KIND_DATAGRAM, PacketTable } from '../../../../src/sim/packets/packet-table.ts';
import { EventHeap } from '../../../../src/sim/world/event-heap.ts';
import {
  delayLine,
  type LineSpec,
  Lines,
  LOST,
  QUEUE_FULL,
  TRAVELS,
} from '../../../../src/sim/world/lines.ts';

const MS = 1e6;

function line(spec: Partial<LineSpec>, seed = 1) {
  const packets = new PacketTable();
  const agenda = new EventHeap(1);
  const lines = new Lines([{ ...delayLine(0), ...spec }], [chanceStream(seed, 0)], packets, agenda);
  return {
    packets,
    lines,
    give(nowNs: number, lengthBytes: number, ecn = 0): number {
      const p = packets.take(0, KIND_DATAGRAM, 0, lengthBytes);
      packets.ecn[p] = ecn;
      return lines.give(0, p, nowNs);
    },
    /** Instants and rows of all that arrives. */
    arrivals(): { ns: number; p: number }[] {
      const seen: { ns: number; p: number }[] = [];
      while (agenda.size > 0) {
        const ns = agenda.topNs();
        seen.push({ ns, p: lines.take(0) });
      }
      return seen;
    },
  };
}

test('transmission one after the other, then propagation', () => {
  const { give, arrivals, packets } = line({ rateBytesPerSec: 1.5e6, delayNs: 10 * MS });
  for (const ns of [0, 0, 0.5 * MS, 9 * MS]) expect(give(ns, 1500)).toBe(TRAVELS);
  const seen = arrivals();
  expect(seen.map(({ ns }) => ns)).toEqual([11, 12, 13, 20].map((ms) => ms * MS));
  expect(seen.map(({ p }) => p)).toEqual([0, 1, 2, 3]);
  expect(seen.map(({ p }) => packets.queuedNs[p])).toEqual([1, 2, 2.5, 1].map((ms) => ms * MS));
});

test('a line without a rate only delays', () => {
  const { give, arrivals, packets } = line({ delayNs: 7 * MS });
  give(1, 1500);
  give(1, 64);
  give(5, 9000);
  expect(arrivals().map(({ ns }) => ns)).toEqual([7 * MS + 1, 7 * MS + 1, 7 * MS + 5]);
  expect(packets.queuedNs[0]).toBe(0);
});

test('a full queue refuses, an empty one takes anything', () => {
  const { give, lines, packets } = line({ rateBytesPerSec: 1e6, limitBytes: 3000 });
  expect([0, 0, 0].map((ns) => give(ns, 1500))).toEqual([TRAVELS, TRAVELS, QUEUE_FULL]);
  packets.give(2);
  // Half a packet has left: 2250 B wait, 750 more fit.
  expect(lines.backlogBytes(0, 0.75 * MS)).toBe(2250);
  expect(give(0.75 * MS, 751)).toBe(QUEUE_FULL);
  expect(give(0.75 * MS, 750)).toBe(TRAVELS);
  expect(give(10 * MS, 64_000)).toBe(TRAVELS);
  expect(lines.fullPackets[0]).toBe(2);
});

test('loss takes its share, after transmission, and repeats with the seed', () => {
  const run = (seed: number): number[] => {
    const { give, arrivals } = line({ rateBytesPerSec: 1e6, lossProbability: 0.25 }, seed);
    const outcomes = Array.from({ length: 4000 }, (_, i) => give(i * 10 * MS, 1000));
    const lost = outcomes.filter((outcome) => outcome === LOST).length;
    expect(Math.abs(lost - 1000)).toBeLessThan(100);
    expect(arrivals().length).toBe(4000 - lost);
    return outcomes;
  };
  expect(run(1)).toEqual(run(1));
  expect(run(1)).not.toEqual(run(2));
});

test('ECN-capable packets that find more than the threshold are marked, others are not', () => {
  const { give, packets, lines } = line({ rateBytesPerSec: 1e6, ceAboveBytes: 2000 });
  for (const ecn of [ECT_0, ECT_0, ECT_0, 0]) give(0, 1500, ecn);
  expect([...packets.ecn.slice(0, 4)]).toEqual([ECT_0, ECT_0, CE, 0]);
  expect(lines.markedPackets[0]).toBe(1);
});
