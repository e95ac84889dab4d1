/**
 * CoDel against a source that does not slow down (RFC 8289, section 5.5; facts in src/algo/aqm/codel.ts):
 * signals come at the instants of the square-root law, so the queue grows, peaks and drains as the law's
 * integral says, through the whole engine.
 */
import { describe, expect, test } from 'vitest';
import { prepareTraffic } from '../../src/sim/simulation.ts';
import { example } from './experiments.ts';
import { MS, SECOND, TEN_MBIT, traffic, udp } from './net.ts';

const INTERVAL_SEC = 0.1;
const PACKET = 1500;
const LEAF = 2;

/** Backlog in packets and drops so far, every ten milliseconds. */
function overload(rateBytesPerSec: number, seconds: number) {
  const run = prepareTraffic(
    example('codel'),
    traffic(seconds, [udp('constant', rateBytesPerSec, PACKET)]),
    'overload',
    1,
  );
  const { world } = run;
  const { stats, classes } = world.engine;
  expect(classes[LEAF - 1].path).toBe('wan/up/default');
  const rows: { ms: number; backlog: number; drops: number }[] = [];
  for (let ms = 1; ms <= 1000 * seconds; ms++) {
    world.runUntil(ms * MS);
    rows.push({ ms, backlog: stats.backlogPackets[LEAF - 1], drops: stats.dropAqm[LEAF - 1] });
  }
  return rows;
}

/** Drops by `sec` after the first, by the law: instants 0, 1, 1 + 1/sqrt 2, ... intervals after it. */
function dropsOfLaw(sec: number): number {
  let drops = 0;
  for (let atSec = 0; atSec <= sec + 1e-9; atSec += INTERVAL_SEC / Math.sqrt(drops)) drops++;
  return drops;
}

describe.each([11, 12, 13])('%i Mbit/s into 10 Mbit/s', (mbit) => {
  const rate = (mbit * 1e6) / 8;
  const excessPerSec = (rate - TEN_MBIT) / PACKET;
  const peakSec = 2 * excessPerSec * INTERVAL_SEC ** 2;
  const rows = overload(rate, Math.ceil(2.2 * peakSec + 1));
  const first = rows.find((row) => row.drops > 0)!;
  const sinceFirst = (row: { ms: number }): number => (row.ms - first.ms) / 1000;
  const peak = rows.reduce((most, row) => (row.backlog > most.backlog ? row : most));
  /** The queue is short for the first time after the peak: the law has caught up. */
  const drained = rows.find((row) => row.ms > peak.ms && row.backlog < 6);

  test('the first signal comes an interval after the queue began to stand', () => {
    // A packet waits 5 ms when what came since the start exceeds what left by 5 ms of the line.
    const standingMs = (5 * TEN_MBIT) / (rate - TEN_MBIT) + 5;
    expect(Math.abs(first.ms - standingMs - 100)).toBeLessThan(20);
  });

  test('every signal comes when the law says, up to the packet that was on the line', () => {
    for (const row of rows.filter(({ ms }) => ms >= first.ms && (!drained || ms < drained.ms - 50))) {
      // The law names an instant; the packet that leaves next is dropped, 1.2 ms later at most, and is seen a
      // millisecond later.
      const latest = dropsOfLaw(sinceFirst(row) + 0.001);
      const earliest = dropsOfLaw(Math.max(0, sinceFirst(row) - 0.0035));
      expect(row.drops, `at ${row.ms} ms`).toBeGreaterThanOrEqual(earliest);
      expect(row.drops, `at ${row.ms} ms`).toBeLessThanOrEqual(latest);
    }
  });

  test('the queue peaks and drains as the law says', () => {
    // What came too much, less what the law has dropped by then.
    const byLaw = rows.map(({ ms }) => (excessPerSec * ms) / 1000 - dropsOfLaw((ms - first.ms) / 1000));
    const peakOfLaw = Math.max(...byLaw);
    expect(Math.abs(peak.backlog - peakOfLaw)).toBeLessThan(5);
    const lawDrained = rows.find((row, i) => row.ms > peak.ms && byLaw[i] < 6)!;
    expect(drained).toBeDefined();
    expect(Math.abs(drained!.ms - lawDrained.ms)).toBeLessThan(150);
    for (const row of rows.filter(({ ms }) => ms > first.ms && ms < drained!.ms - 150)) {
      expect(Math.abs(row.backlog - byLaw[row.ms - 1]), `at ${row.ms} ms`).toBeLessThan(5);
    }
  });

  test('the integral in closed form tells the size of it', () => {
    // The law's n-th instant is 2 sqrt n - 1.46 intervals after the first, so the continuous form is early by
    // 1.46 intervals.
    const lateSec = 1.46 * INTERVAL_SEC;
    expect(Math.abs(sinceFirst(peak) + lateSec - peakSec)).toBeLessThan(0.1 * peakSec + 0.1);
    const wanted = (excessPerSec * INTERVAL_SEC) ** 2 + first.backlog - excessPerSec * lateSec;
    expect(Math.abs(peak.backlog - wanted)).toBeLessThan(0.05 * wanted + 3);
  });
});

test('an end of the overload ends the signals: the next packets pass', () => {
  const flow = { ...udp('constant', 1_500_000, PACKET), stopNs: 2 * SECOND };
  const calm = { ...udp('calm', 500_000, PACKET), sport: 7, startNs: 4 * SECOND };
  const run = prepareTraffic(example('codel'), traffic(8, [flow, calm]), 'overload', 1);
  run.world.runUntil(4 * SECOND);
  const { stats } = run.world.engine;
  const before = stats.dropAqm[LEAF - 1];
  expect(before).toBeGreaterThan(50);
  expect(stats.backlogPackets[LEAF - 1]).toBe(0);
  run.world.runUntil(8 * SECOND);
  expect(stats.dropAqm[LEAF - 1]).toBe(before);
});
