/** What sources send, when it arrives, and what is counted: exact where nothing is random. */
import { describe, expect, test } from 'vitest';
import { IPPROTO_UDP } from '../../src/sim/packets/packets.ts';
import { runTraffic } from '../../src/sim/simulation.ts';
import type { FlowSpec, SourceSpec, Traffic } from '../../src/sim/traffic/traffic.ts';
import { delayLine } from '../../src/sim/world/lines.ts';
import { bottleneck, HOSTS, MS, SECOND, tcp, traffic, udp } from './net.ts';

const FAST = bottleneck({}, 1.25e9);
const run = (flows: readonly FlowSpec[], seconds = 10, more: Partial<Traffic> = {}, seed = 1) =>
  runTraffic(FAST, traffic(seconds, flows, more), 'sources', seed).report;
const flow = (source: SourceSpec, more: Partial<FlowSpec> = {}): FlowSpec => ({
  ...udp('flow', 1, 1),
  source,
  ...more,
});

describe('datagrams', () => {
  test('a constant rate is exact, from start to stop', () => {
    const constant = { ...udp('flow', 150_000, 1500), startNs: SECOND, stopNs: 3 * SECOND };
    const report = run([constant]);
    // Every 10 ms from 1 s on, the last before 3 s.
    expect(report.totals.received).toEqual({ packets: 200, bytes: 300_000 });
    expect(report.flows[0]).toMatchObject({ protocol: 'udp', throughputBitsPerSecond: 240_000, dropped: 0 });
  });

  test('a gap that is no whole number of nanoseconds does not drift', () => {
    // 3 packets of 1000 B in 0.7 s.
    const report = run([udp('flow', 3000 / 0.7, 1000)], 700);
    expect(report.totals.received.packets).toBe(3000);
  });

  test('Poisson: the rate on average, gaps that vary as they should', () => {
    const source = {
      kind: 'poisson',
      protocol: IPPROTO_UDP,
      rateBytesPerSec: 100_000,
      packetBytes: 100,
    } as const;
    const counts = [1, 2, 3].map((seed) => run([flow(source)], 20, {}, seed).totals.received.packets);
    // 20,000 packets, standard deviation 141.
    for (const count of counts) expect(Math.abs(count - 20_000)).toBeLessThan(600);
    expect(new Set(counts).size).toBe(3);
  });

  test('on-off: its rate while on, a share of it over time', () => {
    const source = {
      kind: 'on-off',
      protocol: IPPROTO_UDP,
      rateBytesPerSec: 100_000,
      packetBytes: 100,
      onNs: 100 * MS,
      offNs: 300 * MS,
    } as const;
    const { series, report } = runTraffic(FAST, traffic(200, [flow(source)]), 'x', 1, { samples: 20_000 });
    expect(report.flows[0].throughputBitsPerSecond / 800_000).toBeGreaterThan(0.21);
    expect(report.flows[0].throughputBitsPerSecond / 800_000).toBeLessThan(0.29);
    const rates = series.classes[0].throughputBitsPerSecond;
    expect(Math.max(...rates)).toBeLessThanOrEqual(880_000);
    expect(rates.filter((rate) => rate === 0).length).toBeGreaterThan(0.65 * rates.length);
  });
});

describe('pings', () => {
  test('come back after the round trip, and those in a lossy line do not', () => {
    const source = { kind: 'ping', protocol: 1, packetBytes: 84, everyNs: 100 * MS } as const;
    const ping = flow(source, { rttNs: 30 * MS });
    const report = run([ping]);
    expect(report.flows[0]).toMatchObject({
      protocol: 'icmp',
      // The hundredth is sent at 9.9 s.
      completions: { count: 100, meanMilliseconds: 30 },
    });
    // A fifth, of the way forth only.
    const lossy = run([ping], 10, { line: { up: { ...delayLine(0), lossProbability: 0.2 } } });
    const [{ completions, dropped }] = lossy.flows;
    expect(completions!.count).toBe(100 - dropped);
    expect(dropped).toBeGreaterThan(8);
  });
});

describe('transfers', () => {
  test('one: handshake, slow start, last byte', () => {
    const [{ completions, count, retransmits }] = run([tcp('tcp', 40 * MS, { bytes: 30 * 1448 })]).flows;
    // SYN 40 ms, ten segments 40 ms, twenty more half of that on their way.
    expect(completions).toMatchObject({ count: 1, meanMilliseconds: 100 });
    expect([count, retransmits]).toEqual([1, 0]);
  });

  test('flows of one name are one row', () => {
    const flows = [0, 1, 2].map((i) => tcp('short', 40 * MS, { bytes: 1448, startNs: i * SECOND }));
    const report = run(flows);
    expect(report.flows).toHaveLength(1);
    expect(report.flows[0]).toMatchObject({ count: 3, completions: { count: 3, meanMilliseconds: 60 } });
    expect(report.flows[0].goodputBitsPerSecond).toBeCloseTo((3 * 1448 * 8) / 10);
  });

  test('rate and delay of an access line add up', () => {
    const access = { ...delayLine(5 * MS), rateBytesPerSec: 1.5e6 };
    const hosts = [{ ...HOSTS[0], access }, HOSTS[1]];
    const [udpFlow] = run([udp('flow', 15_000, 1500, 20 * MS)], 10, { hosts }).flows;
    // Percentiles are middles of bins.
    expect(udpFlow.delayMilliseconds).toEqual({ p50: 0.992, p99: 0.992, max: 1 });
    const ping = flow({ kind: 'ping', protocol: 1, packetBytes: 1500, everyNs: SECOND }, { rttNs: 20 * MS });
    const [pings] = run([ping], 10, { hosts }).flows;
    expect(pings.completions?.meanMilliseconds).toBe(20 + 2 * (5 + 1));
  });
});

describe('request and response', () => {
  const source = {
    kind: 'request-response',
    requestBytes: 400,
    responseBytes: [1448, 1448],
    thinkNs: SECOND,
  } as const;

  test('the host that is asked sends; a response takes a round trip, the first one two', () => {
    const web: FlowSpec = { ...tcp('web', 40 * MS), source };
    const { series, report } = runTraffic(FAST, traffic(100, [web]), 'x', 1);
    const [{ completions, retransmits }] = report.flows;
    expect(retransmits).toBe(0);
    // A second of thought and 40 ms of waiting each.
    expect(completions!.count).toBeGreaterThan(70);
    expect(completions!.count).toBeLessThan(125);
    expect(completions!.meanMilliseconds).toBeCloseTo(40 + 40 / completions!.count, 2);
    const down = series.classes.findIndex(({ path }) => path === 'wan/down/default');
    const bytes = (at: number): number =>
      series.classes[at].throughputBitsPerSecond.reduce((sum, bits) => sum + (bits * 100) / 240 / 8, 0);
    expect(bytes(down)).toBeGreaterThan(2.5 * bytes(0));
  });

  test('a lost request is asked again', () => {
    const web: FlowSpec = { ...tcp('web', 40 * MS), source };
    const line = { up: { ...delayLine(0), lossProbability: 0.3 } };
    const [{ completions, dropped }] = run([web], 300, { line }).flows;
    expect(dropped).toBeGreaterThan(20);
    expect(completions!.count).toBeGreaterThan(60);
    expect(completions!.p95Milliseconds).toBeGreaterThan(1000);
  });
});
