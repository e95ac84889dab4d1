/** Growth against the formulas, fed with acknowledgements by hand. */
import { expect, test } from 'vitest';
import { Congestion, type Growth } from '../../../../src/sim/tcp/congestion.ts';

const SECOND = 1e9;

/** Windows at the ends of round trips: `cwnd` acknowledgements in each. */
function grow(growth: Growth, from: number, rttNs: number, roundTrips: number): number[] {
  const congestion = new Congestion([growth]);
  congestion.open(0, from);
  congestion.reduce(0, from);
  congestion.cwnd[0] = congestion.ssthresh[0];
  const windows = [congestion.cwnd[0]];
  for (let n = 1; n <= roundTrips; n++) {
    const acks = Math.floor(congestion.cwnd[0]);
    for (let i = 0; i < acks; i++) congestion.grow(0, 1, (n + i / acks) * rttNs, rttNs);
    windows.push(congestion.cwnd[0]);
  }
  return windows;
}

test('slow start adds what is acknowledged, up to ssthresh; Reno a segment per round trip after it', () => {
  const congestion = new Congestion(['reno']);
  congestion.open(0, 10);
  congestion.grow(0, 7, 0, 1);
  expect(congestion.cwnd[0]).toBe(17);
  congestion.reduce(0, 40);
  expect(congestion.ssthresh[0]).toBe(20);
  congestion.grow(0, 5, 0, 1);
  expect(congestion.cwnd[0]).toBe(20 + 2 / 20);
  const windows = grow('reno', 100, 20e6, 50);
  expect(windows[0]).toBe(50);
  for (let n = 1; n <= 50; n++) {
    expect(windows[n] - windows[n - 1]).toBeGreaterThan(0.97);
    expect(windows[n] - windows[n - 1]).toBeLessThanOrEqual(1);
  }
});

test('CUBIC follows W(t) = 0.4 (t - K)^3 + W_max: back at W_max after K, flat there, faster beyond', () => {
  const wMax = 1000;
  const rttNs = 100e6;
  const k = Math.cbrt((wMax * 0.3) / 0.4);
  const windows = grow('cubic', wMax, rttNs, 180);
  expect(windows[0]).toBe(700);
  // The first acknowledgement, at the start of round trip 1, begins the epoch; W is aimed at one round trip
  // ahead.
  for (let n = 5; n <= 180; n++) {
    const t = (n * rttNs) / SECOND;
    const wanted = 0.4 * (t - k) ** 3 + wMax;
    expect(Math.abs(windows[n] - wanted), `at ${t} s`).toBeLessThan(0.02 * wanted);
  }
  const slope = (n: number): number => windows[n + 1] - windows[n];
  const plateau = Math.round((k * SECOND) / rttNs);
  expect(slope(plateau)).toBeLessThan(0.2);
  expect(slope(5)).toBeGreaterThan(5);
  expect(slope(170)).toBeGreaterThan(7);
});

test('on short paths CUBIC is no slower than Reno with its own beta (RFC 9438, 4.3)', () => {
  const rttNs = 10e6;
  const windows = grow('cubic', 40, rttNs, 100);
  const alpha = (3 * 0.3) / 1.7;
  // W_est grows by alpha per round trip until it is back at 40, by one after that.
  const backAt = Math.ceil(12 / alpha);
  for (let n = 2; n <= backAt; n++) expect(windows[n]).toBeGreaterThan(28 + alpha * n * 0.93 - 0.5);
  expect(windows[100] - windows[backAt + 2]).toBeGreaterThan(0.9 * (98 - backAt));
});

test('fast convergence: a window below the former maximum aims lower', () => {
  const reach = (second: number): number => {
    const congestion = new Congestion(['cubic']);
    congestion.open(0, 1000);
    congestion.reduce(0, 1000);
    congestion.reduce(0, second);
    congestion.cwnd[0] = congestion.ssthresh[0];
    // At the plateau the window stands still at W_max, where the formula's slope is nought.
    let least = Number.POSITIVE_INFINITY;
    let plateau = 0;
    for (let n = 1; n < 300; n++) {
      const before = congestion.cwnd[0];
      for (let i = 0; i < before; i++) congestion.grow(0, 1, n * 100e6, 100e6);
      if (congestion.cwnd[0] - before < least) {
        least = congestion.cwnd[0] - before;
        plateau = before;
      }
    }
    return plateau;
  };
  expect(reach(900)).toBeGreaterThan(0.84 * 900);
  expect(reach(900)).toBeLessThan(0.86 * 900);
  expect(reach(1100)).toBeGreaterThan(0.99 * 1100);
});
