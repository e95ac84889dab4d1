import { describe, expect, it } from 'vitest';
import { HISTOGRAM_BINS, histogramBin } from '../../../src/base/histogram.ts';
import { NONE } from '../../../src/base/none.ts';
import type { ClassLabel, Snapshot } from '../../../src/control/snapshot.ts';
import { type StatusSubject, statusReport, sumKernelDrops } from '../../../src/control/status.ts';
import { statusTable } from '../../../src/control/status-table.ts';
import { createStats, type Stats, TOTAL, withChildren } from '../../../src/core/packets/stats.ts';
import type { KernelQueue } from '../../../src/io/proc/nfqueues.ts';

const SUBJECT: StatusSubject = { version: '1.2.3', backend: 'nft', firstQueue: 100, queueCount: 4 };
const CLASSES: readonly ClassLabel[] = [
  { path: 'wan/up', rateBytesPerSec: 2_500_000, ceilBytesPerSec: 2_500_000, parent: NONE },
  { path: 'wan/up/bulk', rateBytesPerSec: 0, ceilBytesPerSec: 1_250_000, parent: 0 },
  { path: 'wan/up/default', rateBytesPerSec: 0, ceilBytesPerSec: 2_500_000, parent: 0 },
  { path: 'wan/down', rateBytesPerSec: 125, ceilBytesPerSec: 125, parent: NONE },
];
const NO_DROPS = { queueFull: 0, socketFull: 0 };

function sample(): Stats {
  const stats = createStats(4);
  const { totals } = stats;
  totals[TOTAL.receivedPackets] = 100;
  totals[TOTAL.receivedBytes] = 100_000;
  totals[TOTAL.acceptedPackets] = 80;
  totals[TOTAL.acceptedBytes] = 80_000;
  totals[TOTAL.droppedPackets] = 15;
  totals[TOTAL.droppedBytes] = 15_000;
  totals[TOTAL.heldPackets] = 3;
  totals[TOTAL.heldBytes] = 3000;
  totals[TOTAL.lostPackets] = 2;
  stats.sentPackets.set([1, 20, 30, 7]);
  stats.sentBytes.set([10, 2000, 3000, 700]);
  stats.backlogPackets.set([0, 1, 2, 0]);
  stats.backlogBytes.set([0, 100, 200, 0]);
  stats.dropTail.set([0, 1, 2, 0]);
  stats.dropEarly.set([0, 3, 0, 0]);
  stats.dropPolice.set([4, 5, 0, 0]);
  stats.dropAqm.set([0, 0, 6, 0]);
  stats.marked.set([0, 0, 1, 0]);
  stats.flows.set([0, 2, 3, 1]);
  stats.delay[1 * HISTOGRAM_BINS + histogramBin(10)] = 99;
  stats.delay[2 * HISTOGRAM_BINS + histogramBin(1000)] = 1;
  stats.lateness[histogramBin(50)] = 5;
  return stats;
}

/** A snapshot of `stats` as the control thread reads it. */
function snapshotOf(stats = sample(), more: Partial<Snapshot> = {}): Snapshot {
  const socket = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };
  return { classes: CLASSES, takenNs: 1.5e9, socket, stats: withChildren(stats, CLASSES), ...more };
}

describe('the report', () => {
  const report = statusReport(snapshotOf(), SUBJECT, { queueFull: 11, socketFull: 12 });

  it('has the keys of the contract', () => {
    expect(report).toMatchObject({
      version: '1.2.3',
      uptimeSeconds: 1.5,
      backend: 'nft',
      totals: {
        received: { packets: 100, bytes: 100_000 },
        accepted: { packets: 80, bytes: 80_000 },
        dropped: { packets: 15, bytes: 15_000 },
        held: { packets: 3, bytes: 3000 },
        kernel: { queueFull: 11, socketFull: 12, lost: 2 },
      },
    });
    expect(report.classes[1]).toEqual({
      path: 'wan/up/bulk',
      rateBitsPerSecond: 0,
      ceilBitsPerSecond: 10_000_000,
      sent: { packets: 20, bytes: 2000 },
      backlog: { packets: 1, bytes: 100 },
      dropped: { tail: 1, early: 3, police: 5, aqm: 0 },
      marked: 0,
      flows: 2,
      delayMicroseconds: { p50: 10, p99: 10 },
    });
  });

  it('received = accepted + dropped + held + lost', () => {
    const { received, accepted, dropped, held, kernel } = report.totals;
    expect(received.packets).toBe(accepted.packets + dropped.packets + held.packets + kernel.lost);
  });

  it("a parent shows its own counts and its children's, and its delays are theirs together", () => {
    expect(report.classes[0]).toMatchObject({
      path: 'wan/up',
      rateBitsPerSecond: 20_000_000,
      sent: { packets: 51, bytes: 5010 },
      backlog: { packets: 3, bytes: 300 },
      dropped: { tail: 3, early: 3, police: 9, aqm: 6 },
      marked: 1,
      flows: 5,
      delayMicroseconds: { p50: 10, p99: 10 },
    });
    expect(report.classes[3]).toMatchObject({ sent: { packets: 7 }, rateBitsPerSecond: 1000 });
  });
});

describe("the kernel's counters", () => {
  const queue = (number: number, queueFull: number, socketFull: number): KernelQueue => ({
    number,
    portId: 1,
    heldPackets: 0,
    queueFull,
    socketFull,
  });
  const queues = [queue(99, 5, 6), queue(100, 1, 2), queue(103, 10, 20), queue(104, 100, 200)];

  it('are summed over our queues only', () => {
    expect(sumKernelDrops(queues, { firstQueue: 100, queueCount: 4 })).toEqual({
      queueFull: 11,
      socketFull: 22,
    });
    expect(sumKernelDrops(queues, { firstQueue: 99, queueCount: 1 })).toEqual({
      queueFull: 5,
      socketFull: 6,
    });
    expect(sumKernelDrops([], { firstQueue: 0, queueCount: 65536 })).toEqual(NO_DROPS);
  });
});

describe('the table', () => {
  it('has a line per class with aligned columns', () => {
    const lines = statusTable(statusReport(snapshotOf(), SUBJECT, NO_DROPS)).split('\n');
    expect(lines[0]).toBe('shaper 1.2.3, back end nft, up 1.5 s');
    expect(lines[1]).toBe(
      'received 100 (100 kB) = accepted 80 (80.0 kB) + dropped 15 (15.0 kB) + held 3 (3.00 kB) + lost in the kernel 2',
    );
    const rest = lines.find((line) => line.startsWith('wan/up/default'))!;
    const head = lines.find((line) => line.startsWith('class'))!;
    const words = (line: string): string[] => line.split(/\s{2,}/);
    expect(Object.fromEntries(words(head).map((title, i) => [title, words(rest)[i]]))).toEqual({
      class: 'wan/up/default',
      rate: '-',
      ceil: '20mbit',
      sent: '3.00 kB',
      packets: '30',
      backlog: '200 B',
      tail: '2',
      early: '0',
      police: '0',
      aqm: '6',
      marked: '1',
      flows: '3',
      p50: '992 us',
      p99: '992 us',
    });
    expect(rest.length).toBe(head.length);
  });

  it.each([
    [59.9, 'up 59.9 s'],
    [61, 'up 1 min'],
    [3700, 'up 1 h 1 min'],
    [200_000, 'up 2 d 7 h'],
  ])('uptime %d: %s', (seconds, text) => {
    const snapshot = snapshotOf(sample(), { takenNs: seconds * 1e9 });
    expect(statusTable(statusReport(snapshot, SUBJECT, NO_DROPS))).toContain(text);
  });

  it('a bound that was reached is said, others are not', () => {
    const bounds = (change: (totals: Float64Array) => void): string[] => {
      const stats = sample();
      change(stats.totals);
      return statusTable(statusReport(snapshotOf(stats), SUBJECT, NO_DROPS))
        .split('\n')
        .slice(4, -7);
    };
    expect(bounds(() => undefined)).toEqual([]);
    const names = [
      'unmatchedPackets',
      'flowsEvicted',
      'eachEvicted',
      'eachFull',
      'fairFull',
      'heldFull',
    ] as const;
    const all = bounds((totals) => {
      for (const [i, name] of names.entries()) totals[TOTAL[name]] = i + 1;
    });
    expect(all.map((line) => line.slice(0, 10))).toEqual([
      '1 packets ',
      '2 flows fo',
      '3 buckets ',
      '4 packets ',
      '5 packets ',
      '6 packets ',
    ]);
    expect(bounds((totals) => totals.fill(3, TOTAL.fairFull, TOTAL.fairFull + 1))).toEqual([
      '3 packets dropped: the table of the queues of fair leaves is full',
    ]);
  });

  it("so is the port's own trouble", () => {
    const socket = { truncated: 1, malformed: 2, sendErrors: 3, verdictErrors: 4 };
    const lines = statusTable(statusReport(snapshotOf(sample(), { socket }), SUBJECT, NO_DROPS)).split('\n');
    expect(lines.slice(4, -7)).toEqual([
      '1 messages of the kernel cut off: longer than their slot',
      '2 messages of the kernel not understood: they break the format',
      '3 verdicts not sent: the socket failed',
      '4 verdicts refused: the kernel no longer had the packet',
    ]);
  });
});
