/**
 * Pacing with senders and receivers in a closed loop: CUBIC with tail loss probe and retransmission timer,
 * receivers that delay acknowledgements. Windows alone would leave a standing queue, or half of the line.
 */
import { expect, test } from 'vitest';
import { jainIndex } from '../../src/base/fairness.ts';
import { runTraffic } from '../../src/sim/simulation.ts';
import { LINUX_TCP } from '../../src/sim/traffic/traffic.ts';
import { bottleneck, MS, SECOND, tcp, traffic } from './net.ts';

const PACE = { activeBytesPerSec: 2000, ageNs: SECOND, delayNs: 100 * MS };
const SECONDS = 40;
/** Enough for the first flights of twenty connections: 20 * 10 * 1500 bytes. */
const limitBytes = 400_000;

/** What `count` transfers make of a line, with the queue of the second half of the run. */
function run(count: number, bitsPerSec: number, rttMs: number) {
  const flows = Array.from({ length: count }, (_, n) =>
    tcp(`tcp ${n}`, rttMs * MS, { startNs: 37 * n * MS, options: LINUX_TCP }),
  );
  const spec = bottleneck({ limitBytes, pace: PACE }, bitsPerSec / 8);
  const { report, series } = runTraffic(spec, traffic(SECONDS, flows), 'paced', 1, { samples: SECONDS });
  const rates = report.flows.map(({ goodputBitsPerSecond = 0 }) => goodputBitsPerSecond);
  const leaf = series.classes[0]!;
  const later = (values: Float64Array): number[] => [...values.slice(SECONDS / 2)];
  return {
    /** Of the last twenty seconds, in bits on the line. */
    used: later(leaf.throughputBitsPerSecond).reduce((sum, one) => sum + one, 0) / (SECONDS / 2) / bitsPerSec,
    delayP99: Math.max(...later(leaf.delayP99Milliseconds)),
    jain: jainIndex(rates),
    resent:
      report.flows.reduce((sum, { retransmits = 0 }) => sum + retransmits, 0) /
      report.totals.received.packets,
    timeouts: report.flows.reduce((sum, { timeouts = 0 }) => sum + timeouts, 0),
  };
}

test.each([
  ['1 at 512 kbit/s', 1, 512e3, 20],
  ['4 at 2 Mbit/s', 4, 2e6, 20],
  ['20 at 2 Mbit/s: two segments of each are twelve times what the path carries', 20, 2e6, 20],
  ['4 at 10 Mbit/s', 4, 10e6, 20],
  ['3 at 3 Mbit/s, 50 ms away: windows of a few segments are coarse', 3, 3e6, 50],
] as const)('%s: full, even, a short queue, next to nothing sent again', (_, count, bitsPerSec, rttMs) => {
  const found = run(count, bitsPerSec, rttMs);
  expect(found.used).toBeGreaterThan(0.98);
  expect(found.used).toBeLessThan(1.005);
  // At 512 kbit/s one segment takes 23 ms.
  expect(found.delayP99).toBeLessThan(30);
  expect(found.jain).toBeGreaterThan(0.98);
  // While twenty first flights fill the queue, round trips grow faster than a probe expects.
  expect(found.resent).toBeLessThan(0.001);
  expect(found.timeouts).toBe(0);
});
