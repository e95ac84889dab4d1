/**
 * Global synchronisation (Floyd, Jacobson 1993, section 1): eight Reno flows at 10 Mbit/s with 60 ms. A full queue makes them halve
 * together, RED takes them one by one. Orientation: QUALITATIVE.json, "global-synchronisation".
 */
import { expect, test } from 'vitest';
import { runScenario } from '../../src/sim/simulation.ts';
import { bottleneck, correlation, mean, TEN_MBIT } from './net.ts';
import type { ClassInput } from './world.ts';

const SEEDS = [1, 2, 3];
/** A sample every 20 ms; the first ten seconds are left out. */
const SAMPLES = 3000;
const FROM = 500;
/** Samples per bin of the Fano factor: 120 ms. */
const BIN = 6;

const DROP_TAIL = { limitPackets: 60 };
const RED = {
  limitBytes: 500_000,
  red: {
    minBytes: 15_000,
    maxBytes: 45_000,
    probability: 0.1,
    weight: 0.002,
    gentle: true,
    byteMode: false,
    adaptive: false,
    meanPacketBytes: 1000,
  },
};

function synchronisation(leaf: Omit<ClassInput, 'name'>, seed: number) {
  const { report, series } = runScenario(bottleneck(leaf), 'eight-flows', seed, { samples: SAMPLES });
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

test.each(SEEDS)('seed %i: windows move together under drop tail and not under RED', (seed) => {
  const dropTail = synchronisation(DROP_TAIL, seed);
  const red = synchronisation(RED, seed);
  expect(dropTail.correlation - red.correlation).toBeGreaterThan(0.4);
  expect(dropTail.fano).toBeGreaterThan(1.5 * red.fano);
  expect(dropTail.utilisation).toBeGreaterThan(0.99);
  expect(red.utilisation).toBeGreaterThan(dropTail.utilisation - 0.03);
  expect(red.delayMs).toBeLessThan(0.5 * dropTail.delayMs);
});
