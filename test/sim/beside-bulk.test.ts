/**
 * Who suffers beside whom at 10 Mbit/s: a call beside uploads, TCP beside a flood, short transfers beside
 * long ones.
 */
import { describe, expect, test } from 'vitest';
import { jainIndex } from '../../src/base/fairness.ts';
import { runTraffic } from '../../src/sim/simulation.ts';
import type { FlowSpec } from '../../src/sim/traffic/traffic.ts';
import { example, experiment, flowOf, flowsOf, SEEDS, sum } from './experiments.ts';
import { MS, mean, SECOND, tcp, traffic, udp } from './net.ts';

describe('a sparse flow beside bulk (RFC 8290, section 1)', () => {
  test.each(SEEDS)('seed %i: a call waits under 5 ms in a fair queue and not in a FIFO', (seed) => {
    const fair = experiment('fair', 'call-beside-uploads', seed);
    const fifo = experiment('drop-tail', 'call-beside-uploads', seed);
    for (const name of ['call up', 'ping']) {
      expect(flowOf(fair, name).delayMilliseconds.p99, name).toBeLessThan(5);
      expect(flowOf(fair, name).dropped, name).toBe(0);
      expect(flowOf(fifo, name).delayMilliseconds.p50, name).toBeGreaterThan(40);
    }
  });

  test.each(SEEDS)('seed %i: also where the bulk comes from the same host', (seed) => {
    const bulk = [1, 2, 3, 4].map((n) =>
      tcp(`bulk ${n}`, (30 + 3 * n + seed) * MS, { startNs: n * 31 * MS }),
    );
    const run = runTraffic(
      example('fair'),
      traffic(40, [...bulk, udp('sparse', 10_000, 200)]),
      'sparse',
      seed,
    );
    const sparse = flowOf(run, 'sparse');
    // A packet of 1500 B is 1.2 ms: one may be on the line, one more before it in turn.
    expect(sparse.delayMilliseconds.p99).toBeLessThan(3);
    expect(sparse.dropped).toBe(0);
    expect(jainIndex(flowsOf(run, 'bulk').map((flow) => flow.throughputBitsPerSecond))).toBeGreaterThan(0.99);
  });
});

describe('a flow that slows down for nothing', () => {
  test.each(SEEDS)(
    'seed %i: RED takes the same share from it as from TCP, a fair queue bounds it',
    (seed) => {
      const flows = [1, 2, 3, 4, 5].map((n) =>
        tcp(`tcp ${n}`, 60 * MS, {
          startNs: n * (80 + seed) * MS,
          options: { growth: 'reno', delayedAcks: false },
        }),
      );
      const offered = 750_000;
      const run = (name: string) =>
        runTraffic(example(name), traffic(60, [...flows, udp('udp', offered, 1500)]), 'unresponsive', seed);
      const red = run('red');
      const throughRed = flowOf(red, 'udp');
      expect(throughRed.throughputBitsPerSecond).toBeGreaterThan(0.9 * 8 * offered);
      const lossOfUdp = throughRed.dropped / ((60 * offered) / 1500);
      const lost = sum(flowsOf(red, 'tcp').map((flow) => flow.dropped));
      const arrived = sum(flowsOf(red, 'tcp').map((flow) => (flow.throughputBitsPerSecond * 60) / 8 / 1500));
      const lossOfTcp = lost / (arrived + lost);
      expect(Math.abs(lossOfUdp - lossOfTcp)).toBeLessThan(0.25 * lossOfTcp);

      const fair = run('fair');
      // A sixth for each; what Reno leaves of its own while it grows back goes to who asks for it. How much
      // that is depends on the phases in which the senders come: at most a thirteenth of each share.
      const share = 1e7 / 6;
      expect(flowOf(fair, 'udp').throughputBitsPerSecond).toBeLessThan(1.4 * share);
      for (const flow of flowsOf(fair, 'tcp')) {
        expect(flow.throughputBitsPerSecond, flow.name).toBeGreaterThan(0.9 * share);
      }
    },
  );

  test.each(SEEDS)(
    'seed %i: above the rate of the line it takes from TCP everywhere but in a fair queue',
    (seed) => {
      // All sources have started after ten seconds.
      const tcpBitsPerSec = (name: string): number => {
        const { series } = experiment(name, 'flood', seed);
        const from = series.timesSeconds.findIndex((t) => t > 10);
        return sum(series.flows.map((flow) => mean(flow.throughputBitsPerSecond, from)));
      };
      for (const name of ['drop-tail', 'red', 'codel', 'pie']) {
        expect(tcpBitsPerSec(name), name).toBeLessThan(3.6e6);
      }
      // Two hosts, one with the flood, one with five transfers: half for each.
      expect(Math.abs(tcpBitsPerSec('fair') - 5e6)).toBeLessThan(0.15e6);
    },
  );
});

describe('short flows first', () => {
  test.each(SEEDS)('seed %i: halves their mean time, the long ones keep their throughput', (seed) => {
    const fifo = experiment('drop-tail', 'short-beside-long', seed);
    const first = experiment('short-first', 'short-beside-long', seed);
    const meanMs = (run: typeof fifo): number =>
      flowOf(run, 'short').completions?.meanMilliseconds ?? Number.NaN;
    const long = (run: typeof fifo): number =>
      sum(flowsOf(run, 'long').map((flow) => flow.throughputBitsPerSecond));
    expect(meanMs(first)).toBeLessThan(0.5 * meanMs(fifo));
    expect(long(first)).toBeGreaterThan(0.97 * long(fifo));
  });

  test('a flood of new flows leaves the long ones their part', () => {
    // A thousand flows a second of four packets, 4.8 times what the line carries, all of them short.
    const flood: FlowSpec[] = Array.from({ length: 20_000 }, (_, n) => ({
      ...udp('new', 6e6, 1500),
      sport: 1024 + n,
      startNs: 5 * SECOND + n * MS,
      stopNs: 5 * SECOND + n * MS + MS,
    }));
    const long = [1, 2]
      .map((n) => udp(`long ${n}`, 600_000, 1500))
      .map((flow, n) => ({ ...flow, sport: n + 1 }));
    const run = runTraffic(example('short-first'), traffic(25, [...long, ...flood]), 'flood', 1, {
      samples: 250,
    });
    const before = 5 * 9.6e6;
    const during = sum(flowsOf(run, 'long').map((flow) => flow.throughputBitsPerSecond)) * 25 - before;
    // One packet of theirs in four.
    expect(during / 20).toBeGreaterThan(0.245 * 1e7);
    expect(during / 20).toBeLessThan(0.255 * 1e7);
  });
});
