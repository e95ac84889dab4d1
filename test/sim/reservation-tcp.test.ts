/**
 * Voice over IP beside uploads on a line of 2 Mbit/s, as in the application note that reservation comes from:
 * the call's class first, then one that lends what the call leaves.
 */
import { expect, test } from 'vitest';
import { runTraffic } from '../../src/sim/simulation.ts';
import { config, flowOf, flowsOf, SEEDS, sum } from './experiments.ts';
import { MS, mean, SECOND, tcp, traffic, udp } from './net.ts';

const SECONDS = 40;
const TALKS = { fromSec: 10, toSec: 30 };

const specOf = (rest: string) =>
  config(`
  links:
    wan:
      device: w
      up:
        rate: 2mbit
        classes:
          call: { match: { proto: udp }, ceil: 128kbit }
          rest: ${rest}
      down: 1gbit`);

function run(rest: string, seed: number) {
  const uploads = [1, 2, 3, 4].map((n) =>
    tcp(`upload ${n}`, (30 + 3 * n + seed) * MS, { startNs: n * 31 * MS }),
  );
  // 250 B every 20 ms: 100 kbit/s.
  const call = {
    ...udp('call', 12_500, 250),
    startNs: TALKS.fromSec * SECOND,
    stopNs: TALKS.toSec * SECOND,
  };
  return runTraffic(specOf(rest), traffic(SECONDS, [...uploads, call]), 'voip', seed, { samples: SECONDS });
}

test.each(SEEDS)('seed %i: the call waits for nothing, and the uploads have all the rest', (seed) => {
  const reserved = run('{ adjust: true }', seed);
  const shared = run('{}', seed);
  const [call, beside] = [flowOf(reserved, 'call'), flowOf(shared, 'call')];
  // Once the call has its reservation the line is never full, and its packets find their tokens. Until then,
  // for half a second of twenty, they wait for one packet of the uploads.
  expect(call.delayMilliseconds.p50).toBe(0);
  expect(call.delayMilliseconds.p99).toBeLessThan(7);
  expect(call.dropped).toBe(0);
  // A packet of 1500 B takes 6 ms of the line.
  expect(beside.delayMilliseconds.p50).toBeGreaterThan(2);
  const rest = reserved.series.classes.find(({ path }) => path === 'wan/up/rest')!.throughputBitsPerSecond;
  const inMbit = (fromSec: number, toSec: number): number => mean(rest.slice(fromSec, toSec)) / 1e6;
  // Within a packet or two of each second: TCP keeps the queue of its class busy.
  expect(inMbit(2, TALKS.fromSec)).toBeGreaterThan(1.98);
  expect(Math.abs(inMbit(TALKS.fromSec + 2, TALKS.toSec) - 1.872)).toBeLessThan(0.01);
  expect(inMbit(TALKS.toSec + 2, SECONDS)).toBeGreaterThan(1.98);
  expect(sum(flowsOf(reserved, 'upload').map((flow) => flow.throughputBitsPerSecond))).toBeGreaterThan(1.8e6);
});
