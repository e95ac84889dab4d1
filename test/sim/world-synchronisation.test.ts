/**
 * Global synchronisation (Floyd, Jacobson 1993, section 1): eight Reno flows at 10 Mbit/s with 60 ms. A full
 * queue makes them halve together, RED takes them one by one. Orientation: QUALITATIVE.json,
 * "global-synchronisation".
 */
import { expect, test } from 'vitest';
import { experiment, SEEDS } from './experiments.ts';
import { correlation, mean, TEN_MBIT } from './net.ts';

/** A sample every 20 ms; the first ten seconds are left out. */
const SAMPLES = 3000;
const FROM = 500;
/** Samples per bin of the Fano factor: 120 ms. */
const BIN = 6;

function synchronisation(name: string, seed: number) {
  const { report, series } = experiment(name, 'eight-flows', seed, { samples: SAMPLES });
  const windows = series.flows.map((flow) => flow.cwnd.slice(FROM));
  const pairs = windows.flatMap((a, i) => windows.slice(0, i).map((b) => correlation(a, b)));
  const halvings: number[] = [];
  for (let k = FROM; k < SAMPLES; k += BIN) {
    halvings.push(series.flows.reduce((sum, { reductions }) => sum + count(reductions, k), 0));
  }
  return {
    correlation: mean(Float64Array.from(pairs)),
    fano: variance(halvings) / mean(Float64Array.from(halvings)),
    utilisation: mean(series.classes[0].throughputBitsPerSecond, FROM) / (8 * TEN_MBIT),
    delayMs: report.classes[1].delayMilliseconds.p50,
  };
}

function count(reductions: Float64Array, from: number): number {
  return reductions.slice(from, from + BIN).reduce((sum, n) => sum + n, 0);
}

function variance(samples: readonly number[]): number {
  const middle = mean(Float64Array.from(samples));
  return mean(Float64Array.from(samples, (x) => (x - middle) ** 2));
}

test.each(SEEDS)('seed %i: windows move together under drop tail and not under RED or CoDel', (seed) => {
  const dropTail = synchronisation('drop-tail', seed);
  expect(dropTail.utilisation).toBeGreaterThan(0.99);
  for (const name of ['red', 'codel']) {
    const early = synchronisation(name, seed);
    expect(dropTail.correlation - early.correlation, name).toBeGreaterThan(0.4);
    expect(dropTail.fano, name).toBeGreaterThan(1.5 * early.fano);
    expect(early.utilisation, name).toBeGreaterThan(dropTail.utilisation - 0.03);
    expect(early.delayMs, name).toBeLessThan(0.5 * dropTail.delayMs);
  }
});
