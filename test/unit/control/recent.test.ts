import { describe, expect, it } from 'vitest';
import { HISTOGRAM_BINS, histogramBin } from '../../../src/base/histogram.ts';
import { NONE } from '../../../src/base/none.ts';
import { recentClasses, recentTotals } from '../../../src/control/recent.ts';
import { Samples } from '../../../src/control/samples.ts';
import type { Snapshot } from '../../../src/control/snapshot.ts';
import { createStats, type Stats, TOTAL } from '../../../src/core/packets/stats.ts';

const label = (path: string) => ({
  path,
  rateBytesPerSec: 1,
  ceilBytesPerSec: 1,
  isPaced: false,
  parent: NONE,
});

function snapshotAt(seconds: number, stats: Stats, paths: readonly string[] = ['w/up']): Snapshot {
  const socket = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };
  return {
    generation: 0,
    classes: paths.map(label),
    classChanges: 0,
    takenNs: seconds * 1e9,
    nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
    socket,
    warnings: [],
    stats,
  };
}

/** A class that has sent `bytes` in packets of 100 bytes, each after `delayUs`. */
function counted(bytes: number, delayUs = 5): Stats {
  const stats = createStats(1);
  stats.sentBytes[0] = bytes;
  stats.sentPackets[0] = bytes / 100;
  stats.delay[histogramBin(delayUs)] = bytes / 100;
  return stats;
}

const classAt = (snapshot: Snapshot, samples: Samples, c = 0) => recentClasses(snapshot, samples)[c]!;
const QUIET = { over1s: 0, over10s: 0, over60s: 0 };

describe('rates of a class', () => {
  it('are the difference to a sample of then, by the time that has really passed', () => {
    const samples = new Samples();
    // 1000 bytes a second for 50 s, then 4000.
    for (let s = 0; s <= 50; s++) samples.add(snapshotAt(s, counted(1000 * s)));
    for (let s = 51; s <= 55; s++) samples.add(snapshotAt(s, counted(50_000 + 4000 * (s - 50))));
    const { bitsPerSecond, packetsPerSecond } = classAt(snapshotAt(55.5, counted(72_000)), samples);
    expect(bitsPerSecond.over1s).toBe(32_000);
    expect(bitsPerSecond.over10s).toBeCloseTo((8 * (72_000 - 45_000)) / 10.5, 6);
    expect(bitsPerSecond.over60s).toBeCloseTo((8 * 72_000) / 55.5, 6);
    expect(packetsPerSecond).toBeCloseTo(270 / 10.5, 6);
  });

  it('are 0 without an older sample, and with one of the same instant', () => {
    const samples = new Samples();
    const now = snapshotAt(3, counted(1000));
    expect(classAt(now, samples).bitsPerSecond).toEqual(QUIET);
    samples.add(now);
    expect(classAt(now, samples).bitsPerSecond).toEqual(QUIET);
  });

  it('count drops of every reason, and marks', () => {
    const samples = new Samples();
    samples.add(snapshotAt(0, counted(0)));
    const stats = counted(0);
    for (const column of ['dropTail', 'dropEarly', 'dropPolice', 'dropAqm'] as const) stats[column][0] = 10;
    stats.marked[0] = 6;
    const { droppedPerSecond, markedPerSecond } = classAt(snapshotAt(2, stats), samples);
    expect([droppedPerSecond, markedPerSecond]).toEqual([20, 3]);
  });
});

describe('classes that change', () => {
  const two = (a: number, b: number): Stats => {
    const stats = createStats(2);
    stats.sentBytes.set([a, b]);
    stats.sentPackets.set([a / 100, b / 100]);
    return stats;
  };

  it('a class that has another row is found by its path', () => {
    const samples = new Samples();
    samples.add(snapshotAt(0, two(100, 50_000), ['w/up/a', 'w/up/b']));
    const now = snapshotAt(1, two(51_000, 300), ['w/up/b', 'w/up/a']);
    expect(classAt(now, samples, 0).bitsPerSecond.over1s).toBe(8000);
    expect(classAt(now, samples, 1).bitsPerSecond.over1s).toBe(1600);
  });

  it('a new one has a rate since it was first seen', () => {
    const samples = new Samples();
    samples.add(snapshotAt(0, counted(0)));
    samples.add(snapshotAt(5, two(0, 1000), ['w/up', 'w/up/new']));
    const now = snapshotAt(7, two(0, 3000), ['w/up', 'w/up/new']);
    expect(classAt(now, samples, 1).bitsPerSecond).toEqual({ over1s: 8000, over10s: 8000, over60s: 8000 });
  });

  it('one that was removed and made again is not the old one', () => {
    const samples = new Samples();
    samples.add(snapshotAt(0, counted(1_000_000)));
    samples.add(snapshotAt(5, counted(200)));
    const { bitsPerSecond, delayMicroseconds } = classAt(snapshotAt(6, counted(400)), samples);
    expect(bitsPerSecond).toEqual({ over1s: 1600, over10s: 1600, over60s: 1600 });
    expect(delayMicroseconds).toBeNull();
  });
});

describe('delays', () => {
  it('are those of the last ten seconds', () => {
    const samples = new Samples();
    for (let s = 0; s <= 20; s++) samples.add(snapshotAt(s, counted(10_000, 5)));
    const stats = counted(10_000, 5);
    stats.sentPackets[0] += 4;
    stats.delay[histogramBin(9000)] = 4;
    const now = snapshotAt(20.5, stats);
    const { p50, p99 } = classAt(now, samples).delayMicroseconds!;
    expect([p50, p99]).toEqual([p50, p50]);
    expect(Math.abs(p50 - 9000)).toBeLessThan(9000 / 8);
  });

  it('are null if no packet left, and right when a count passes 2^32', () => {
    const samples = new Samples();
    const then = counted(0);
    then.delay[3] = 2 ** 32 - 1;
    samples.add(snapshotAt(0, then));
    expect(classAt(snapshotAt(1, then), samples).delayMicroseconds).toBeNull();
    const now = counted(0);
    now.delay[3] = 2 ** 32 + 1;
    now.delay[HISTOGRAM_BINS - 1] = 0;
    expect(classAt(snapshotAt(1, now), samples).delayMicroseconds).toEqual({ p50: 3, p99: 3 });
  });
});

it('totals: what was accepted in bit/s, what was received and dropped in packets, and how late packets left', () => {
  const samples = new Samples();
  const at = (accepted: number, packets: number, dropped: number): Stats => {
    const stats = createStats(1);
    stats.totals[TOTAL.acceptedBytes] = accepted;
    stats.totals[TOTAL.receivedPackets] = packets;
    stats.totals[TOTAL.droppedPackets] = dropped;
    return stats;
  };
  expect(recentTotals(snapshotAt(1, at(0, 0, 0)), samples)).toEqual({
    seconds: 0,
    bitsPerSecond: QUIET,
    packetsPerSecond: 0,
    droppedPerSecond: 0,
    latenessMicroseconds: null,
  });
  samples.add(snapshotAt(1, at(1000, 10, 0)));
  const now = at(3000, 50, 8);
  now.lateness[7] = 3;
  expect(recentTotals(snapshotAt(5, now), samples)).toEqual({
    seconds: 4,
    bitsPerSecond: { over1s: 4000, over10s: 4000, over60s: 4000 },
    packetsPerSecond: 10,
    droppedPerSecond: 2,
    latenessMicroseconds: { p50: 7, p99: 7 },
  });
});
