/**
 * Who shares equally in a fair leaf: CAKE's isolation modes, each with traffic that tells it from the others.
 */
import { describe, expect, test } from 'vitest';
import type { Isolation } from '../../src/algo/queues/host-isolation.ts';
import { jainIndex } from '../../src/base/fairness.ts';
import { IPPROTO_UDP, ipv4 } from '../../src/sim/packets/packets.ts';
import { runTraffic } from '../../src/sim/simulation.ts';
import type { FlowSpec, HostSpec } from '../../src/sim/traffic/traffic.ts';
import { config, flowsOf, SEEDS, sum } from './experiments.ts';
import { MS, mean, SECOND, tcp } from './net.ts';

const LINE = 1_250_000;
const HOSTS: readonly HostSpec[] = [
  { name: 'a', side: 'inside', address: ipv4(10, 0, 0, 1) },
  { name: 'b', side: 'inside', address: ipv4(10, 0, 0, 2) },
  { name: 'x', side: 'outside', address: ipv4(198, 51, 100, 1) },
  { name: 'y', side: 'outside', address: ipv4(198, 51, 100, 2) },
];

/** Random gaps, so that a full queue of several flows loses from each in proportion. */
function poisson(name: string, from: string, to: string, n: number, rateBytesPerSec = LINE / 2): FlowSpec {
  const source = { kind: 'poisson', protocol: IPPROTO_UDP, rateBytesPerSec, packetBytes: 1500 } as const;
  return { name, from, to, source, rttNs: 20 * MS, sport: 5000 + n, dport: 5001 };
}

/** Four flows from a to x, the first of them twice as fast; one from a to y; one from b to y. */
const FLOWS = [
  poisson('ax fast', 'a', 'x', 0, LINE),
  ...[1, 2, 3].map((n) => poisson(`ax ${n}`, 'a', 'x', n)),
  poisson('ay', 'a', 'y', 4),
  poisson('by', 'b', 'y', 5),
];

/**
 * Shares of ax fast, each other ax, ay, by. Where flows share a queue (src, dst, host), the fast one has
 * twice what the others have; where each has its own, nobody has more for sending more.
 */
const SHARES: Readonly<Record<Isolation, readonly [number, number, number, number]>> = {
  flow: [1 / 6, 1 / 6, 1 / 6, 1 / 6],
  src: [1 / 6, 1 / 12, 1 / 12, 1 / 2],
  dst: [1 / 5, 1 / 10, 1 / 4, 1 / 4],
  host: [2 / 15, 1 / 15, 1 / 3, 1 / 3],
  // The quantum of a flow of a is a fifth, that of b's a whole.
  'dual-src': [1 / 10, 1 / 10, 1 / 10, 1 / 2],
  // A quarter for those to x, half for those to y.
  'dual-dst': [1 / 8, 1 / 8, 1 / 4, 1 / 4],
  // The larger of both loads: 5, 5, 5, 5 and 5 for a's, 2 for b's, as it shares y.
  triple: [2 / 15, 2 / 15, 2 / 15, 1 / 3],
};

describe.each(Object.entries(SHARES))('%s', (isolation, [fast, ax, ay, by]) => {
  test.each(SEEDS)('seed %i: everybody has the share that the mode promises', (seed) => {
    const queue = `{ isolation: ${isolation}, aqm: none }`;
    const spec = config(
      `links: { wan: { device: w, up: { rate: 10mbit, classes: { default: { queue: ${queue} } } } } }`,
    );
    const { report } = runTraffic(
      spec,
      { durationNs: 20 * SECOND, hosts: HOSTS, flows: FLOWS },
      'shares',
      seed,
    );
    const total = sum(report.flows.map((flow) => flow.throughputBitsPerSecond));
    expect(total).toBeGreaterThan(0.999 * 8 * LINE);
    const wanted = [fast, ax, ax, ax, ay, by];
    for (const [f, flow] of report.flows.entries()) {
      const share = flow.throughputBitsPerSecond / total;
      // The mix within a shared queue is drawn: 1400 packets of 16,700 for the least of them.
      expect(Math.abs(share - wanted[f]), `${flow.name}: ${share}`).toBeLessThan(0.1 * wanted[f]);
    }
  });
});

describe.each(['up', 'down'] as const)('the default in %s', (way) => {
  test.each(SEEDS)('seed %i: eight TCP flows of one host and one of another share 50:50', (seed) => {
    const ends = (inside: string) => (way === 'up' ? { from: inside, to: 'x' } : { from: 'x', to: inside });
    const ports = (n: number) =>
      way === 'up' ? { sport: 4000 + n, dport: 443 } : { sport: 443, dport: 4000 + n };
    const flows = [
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) =>
        tcp(`eight ${n}`, (20 + 2 * n) * MS, { ...ends('a'), ...ports(n), startNs: n * (50 + seed) * MS }),
      ),
      tcp('one 9', 30 * MS, { ...ends('b'), ...ports(9), startNs: 500 * MS }),
    ];
    const spec = config(`links: { wan: { device: w, ${way}: 10mbit } }`);
    const run = runTraffic(spec, { durationNs: 30 * SECOND, hosts: HOSTS, flows }, 'hosts', seed);
    // A single flow needs its window back after slow start: what counts is from the tenth second on.
    const from = run.series.timesSeconds.findIndex((t) => t > 10);
    const rates = new Map(
      run.series.flows.map((flow) => [flow.name, mean(flow.throughputBitsPerSecond, from)]),
    );
    const one = rates.get('one 9') ?? 0;
    const eight = flowsOf(run, 'eight').map((flow) => rates.get(flow.name) ?? 0);
    expect(Math.abs(one / (one + sum(eight)) - 0.5)).toBeLessThan(0.03);
    expect(jainIndex(eight)).toBeGreaterThan(0.98);
  });
});
