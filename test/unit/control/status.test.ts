import { describe, expect, it } from 'vitest';
import { UNLIMITED_BYTES_PER_SEC } from '../../../src/base/units.ts';
import { Samples } from '../../../src/control/samples.ts';
import { statusTable } from '../../../src/control/status-table.ts';
import { NO_DROPS, reportOf, sample, snapshotOf } from './sample.ts';

describe('the report', () => {
  const report = reportOf(snapshotOf(), new Samples(), { queueFull: 11, socketFull: 12 });

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
      effectiveCeilBitsPerSecond: 10_000_000,
      sent: { packets: 20, bytes: 2000 },
      backlog: { packets: 1, bytes: 100 },
      dropped: { tail: 1, early: 3, police: 5, aqm: 0, module: 0 },
      marked: 0,
      flows: 2,
      delayMicroseconds: { p50: 10, p99: 10 },
      scheduled: null,
      recent: {
        bitsPerSecond: { over1s: 0, over10s: 0, over60s: 0 },
        packetsPerSecond: 0,
        droppedPerSecond: 0,
        markedPerSecond: 0,
        delayMicroseconds: null,
      },
      each: null,
      paced: { connections: 4, shareBitsPerSecond: 2_500_000, rewritten: 1500, heldAcks: 70 },
    });
    expect(report.pid).toBe(77);
  });

  it('tells a ceiling that adjust has moved, which is no sum of those of its classes', () => {
    const stats = sample();
    stats.ceilBytesPerSec.set([2_500_000, 1_000_000, 1_500_000, 0]);
    const { classes } = reportOf(snapshotOf(stats));
    expect(classes.slice(0, 2).map((one) => one.effectiveCeilBitsPerSecond)).toEqual([20e6, 8e6]);
    expect(classes[1]!.ceilBitsPerSecond).toBe(10e6);
  });

  it('null is a rate without a limit', () => {
    const stats = sample();
    stats.ceilBytesPerSec.set([UNLIMITED_BYTES_PER_SEC, UNLIMITED_BYTES_PER_SEC, 1_250_000, 0]);
    const { classes, ...snapshot } = snapshotOf(stats);
    const unlimited = classes.map((label, c) => {
      const ceilBytesPerSec = c < 2 ? UNLIMITED_BYTES_PER_SEC : label.ceilBytesPerSec;
      return {
        ...label,
        ceilBytesPerSec,
        rateBytesPerSec: c === 0 ? ceilBytesPerSec : label.rateBytesPerSec,
      };
    });
    const told = reportOf({ ...snapshot, classes: unlimited });
    expect(told.classes[0]).toMatchObject({
      rateBitsPerSecond: null,
      ceilBitsPerSecond: null,
      effectiveCeilBitsPerSecond: null,
    });
    expect(told.classes[1]).toMatchObject({ rateBitsPerSecond: 0, ceilBitsPerSecond: null });
    expect(statusTable(told, 120)).toMatch(/^wan\/up +unlimited /m);
    expect(JSON.parse(JSON.stringify(told)).classes[0].ceilBitsPerSecond).toBeNull();
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

it('a class with each shows its fullest buckets by name', () => {
  const words = [0x0a000904, 0, 0, 0];
  const key = { kind: 'address' as const, family: 4, words, bits: 32 };
  const fullest = [{ key, backlogPackets: 2, backlogBytes: 3000 }];
  const of = { path: 'wan/up/bulk', by: 'host' as const, rateBytesPerSec: 250_000, fullest };
  const { classes } = reportOf(snapshotOf(), new Samples(), NO_DROPS, [of]);
  expect(classes.map(({ each }) => each)).toEqual([
    null,
    {
      by: 'host',
      rateBitsPerSecond: 2_000_000,
      fullest: [{ bucket: '10.0.9.4', backlog: { packets: 2, bytes: 3000 } }],
    },
    null,
    null,
  ]);
});
