/** The scenario for TCP rate control, in a queue without it: the line is full, and nothing but that waits. */
import { expect, test } from 'vitest';
import { runScenario } from '../../src/sim/simulation.ts';
import { bottleneck, TEN_MBIT } from './net.ts';

test('four transfers of Linux fill the line, and its queue with it', () => {
  const { report } = runScenario(bottleneck({ limitBytes: 125_000 }), 'uploads-paced', 1);
  const uploads = report.flows.filter(({ name }) => name.startsWith('tcp'));
  const goodput = uploads.reduce((sum, { goodputBitsPerSecond }) => sum + goodputBitsPerSecond, 0);
  // 1448 of 1500 bytes are payload; the ping takes 6.7 kbit/s.
  expect(goodput).toBeGreaterThan(0.93 * 8 * TEN_MBIT * (1448 / 1500));
  expect(goodput).toBeLessThan(8 * TEN_MBIT * (1448 / 1500));
  expect(uploads.length).toBe(4);
  const ping = report.flows.find(({ name }) => name === 'ping');
  expect(ping?.completions?.p50Milliseconds).toBeGreaterThan(20 + 30);
});
