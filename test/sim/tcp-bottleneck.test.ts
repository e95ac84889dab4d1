/** One and a few TCP flows at a bottleneck: what textbooks and QUALITATIVE.json say must come out. */
import { describe, expect, test } from 'vitest';
import { jainIndex } from '../../src/base/fairness.ts';
import { runTraffic } from '../../src/sim/simulation.ts';
import { buildWorld } from '../../src/sim/traffic/build.ts';
import { delayLine } from '../../src/sim/world/lines.ts';
import { seeds } from '../effort.ts';
import { bottleneck, MS, mean, SECOND, TEN_MBIT, tcp, traffic, udp } from './net.ts';

describe('one flow', () => {
  test.each(['reno', 'cubic'] as const)('%s fills a FIFO bottleneck', (growth) => {
    const { report, series } = runTraffic(
      bottleneck({ limitPackets: 60 }),
      traffic(40, [tcp('tcp', 40 * MS, { options: { growth } })]),
      'one',
      1,
    );
    const from = series.timesSeconds.findIndex((t) => t > 5);
    expect(mean(series.classes[0].throughputBitsPerSecond, from)).toBeGreaterThan(0.95 * 8 * TEN_MBIT);
    expect(report.flows[0].timeouts).toBe(0);
    expect(report.flows[0].retransmits).toBe(report.flows[0].dropped);
  });

  test("Reno's sawtooth: from the full queue to half of it, a segment more per round trip", () => {
    const spec = bottleneck({ limitPackets: 60 });
    const options = { growth: 'reno', delayedAcks: false } as const;
    const world = buildWorld(spec, traffic(60, [tcp('tcp', 40 * MS, { options })]), { seed: 1 });
    const { congestion, meter } = world;
    const peaks: number[] = [];
    world.runUntil(20 * SECOND);
    for (let ms = 20_000; ms < 60_000; ms++) {
      const reductions = meter.reductions[0];
      const before = congestion.cwnd[0];
      world.runUntil(ms * MS);
      if (meter.reductions[0] === reductions) continue;
      peaks.push(before);
      // What the last millisecond's acknowledgements added is not in `before`.
      expect(Math.abs(2 * congestion.ssthresh[0] - before)).toBeLessThan(0.5);
      expect(congestion.cwnd[0]).toBe(congestion.ssthresh[0]);
    }
    expect(peaks.length).toBeGreaterThan(4);
    // 33 packets fit the path, 60 the queue; one more is dropped, and known to be a round trip later.
    for (const peak of peaks) expect(Math.abs(peak - 94)).toBeLessThan(3);
  });

  test('a FIFO of a thousand packets holds them: hundreds of milliseconds', () => {
    const flow = tcp('tcp', 40 * MS, { options: { growth: 'reno' } });
    const { report } = runTraffic(bottleneck({ limitPackets: 1000 }), traffic(30, [flow]), 'fifo-1000', 1);
    expect(report.flows[0].delayMilliseconds.p50).toBeGreaterThan(200);
  });

  test('CUBIC beside the formula: after a loss, C (t - K)^3 + W_max', () => {
    // 40 Mbit/s and 100 ms: 333 segments fit the path, few wait, so the round trip hardly changes.
    const world = buildWorld(
      bottleneck({ limitPackets: 30 }, 5_000_000),
      traffic(60, [tcp('tcp', 100 * MS, { options: { growth: 'cubic' } })]),
      { seed: 1 },
    );
    const { congestion, meter } = world;
    const peaks: number[] = [];
    let wMax = 0;
    let sinceNs = 0;
    let compared = 0;
    world.runUntil(10 * SECOND);
    for (let ms = 10_000; ms < 60_000; ms += 10) {
      const reductions = meter.reductions[0];
      const before = congestion.cwnd[0];
      world.runUntil(ms * MS);
      if (meter.reductions[0] > reductions) {
        // Fast convergence aims lower where the peak before was higher.
        wMax = before < (peaks.at(-1) ?? 0) ? (before * 1.7) / 2 : before;
        peaks.push(before);
        sinceNs = world.nowNs;
      }
      const t = (world.nowNs - sinceNs) / SECOND;
      if (peaks.length < 2 || t < 0.5) continue;
      const from = 0.7 * peaks[peaks.length - 1];
      const k = Math.cbrt((wMax - from) / 0.4);
      // The epoch begins with the first acknowledgement after recovery, one round trip later, and aims a
      // round trip ahead.
      const wanted = 0.4 * (t - k) ** 3 + wMax;
      expect(Math.abs(congestion.cwnd[0] - wanted), `${t} s after`).toBeLessThan(0.06 * wanted);
      compared++;
    }
    expect(peaks.length).toBeGreaterThanOrEqual(3);
    expect(compared).toBeGreaterThan(1000);
  });
});

describe('lossy lines', () => {
  const lossy = (lossProbability: number) => ({
    line: { up: { ...delayLine(0), lossProbability } },
  });

  test.each(seeds([1, 2, 3, 4, 5]))('seed %i: what is lost is sent again, and nothing else', (seed) => {
    const bytes = 3000 * 1448;
    const flow = tcp('tcp', 30 * MS, { bytes, options: { initialWindow: 20 } });
    const { report } = runTraffic(
      bottleneck({ limitPackets: 10_000 }),
      traffic(120, [flow], lossy(0.005)),
      'lossy',
      seed,
    );
    const [{ completions, dropped, retransmits, timeouts, goodputBitsPerSecond }] = report.flows;
    expect(completions?.count).toBe(1);
    expect(goodputBitsPerSecond * 15).toBeCloseTo(bytes, 3);
    expect(dropped).toBeGreaterThan(5);
    // The timer sends everything that was not acknowledged; recovery only what is missing.
    if (timeouts === 0) expect(retransmits).toBe(dropped);
    else expect(retransmits).toBeGreaterThanOrEqual(dropped);
  });

  test.each(['reno', 'cubic'] as const)(
    '%s: timeout after timeout makes the window smaller (RFC 5681, 3.1)',
    (growth) => {
      // A window that was opened on an idle line meets a flood of one and a half times its rate: every third
      // packet is lost.
      const flow = tcp('tcp', 30 * MS, { options: { growth } });
      const flood = { ...udp('flood', 1.5 * TEN_MBIT, 1500), startNs: 10 * SECOND };
      const { series } = runTraffic(bottleneck({ limitPackets: 300 }), traffic(90, [flow, flood]), 'x', 1);
      const [{ cwnd }] = series.flows;
      const late = cwnd.slice(series.timesSeconds.findIndex((t) => t > 60));
      expect(Math.max(...late)).toBeLessThan(15);
    },
  );

  test('throughput follows the square root of the loss (Mathis et al. 1997)', () => {
    const rate = (lossProbability: number): number => {
      const options = { growth: 'reno', delayedAcks: false } as const;
      const flow = tcp('tcp', 50 * MS, { options });
      const run = runTraffic(bottleneck({}, 1e8), traffic(120, [flow], lossy(lossProbability)), 'x', 1);
      return run.report.flows[0].throughputBitsPerSecond;
    };
    // MSS / RTT * sqrt(3/2) / sqrt(p): 2.9 Mbit/s at 1 %.
    const at = (p: number): number => (8 * 1500 * Math.sqrt(1.5 / p)) / 0.05;
    const [often, seldom] = [rate(0.01), rate(0.0025)];
    expect(seldom / often).toBeGreaterThan(1.6);
    expect(seldom / often).toBeLessThan(2.6);
    // Losses at random are worth 1.31 instead of 1.22, and two in one window count once.
    for (const ratio of [often / at(0.01), seldom / at(0.0025)]) {
      expect(ratio).toBeGreaterThan(0.75);
      expect(ratio).toBeLessThan(1.3);
    }
  });
});

describe('marks instead of drops', () => {
  test.each(['reno', 'cubic'] as const)('%s keeps the line busy without a retransmission', (growth) => {
    // The shaper is as fast as can be; the line behind it marks what finds more than 30 packets.
    const line = { ...delayLine(0), rateBytesPerSec: TEN_MBIT, limitBytes: 1e6, ceAboveBytes: 45_000 };
    const flow = tcp('tcp', 30 * MS, { options: { growth, ecn: true } });
    const { report } = runTraffic(bottleneck({}, 1e8), traffic(30, [flow], { line: { up: line } }), 'ecn', 1);
    const [{ throughputBitsPerSecond, marked, retransmits, dropped, timeouts }] = report.flows;
    expect({ retransmits, dropped, timeouts }).toEqual({ retransmits: 0, dropped: 0, timeouts: 0 });
    expect(marked).toBeGreaterThan(20);
    expect(throughputBitsPerSecond).toBeGreaterThan(0.95 * 8 * TEN_MBIT);
    // At the first peak slow start doubles what it will be told of; never more.
    expect(report.flows[0].delayMilliseconds.p99).toBeLessThan(80);
  });
});

describe('several flows', () => {
  test('windows that fit the path need no queue: full rate of the windows, nothing dropped, all alike', () => {
    const flows = Array.from({ length: 6 }, (_, i) =>
      tcp(`tcp ${i}`, 50 * MS, { options: { windowPackets: 6 }, startNs: i * 7 * MS }),
    );
    const { report } = runTraffic(bottleneck({ limitPackets: 60 }), traffic(30, flows), 'windows', 1);
    expect(report.totals.dropped.packets).toBe(0);
    const rates = report.flows.map((flow) => flow.throughputBitsPerSecond);
    expect(jainIndex(rates)).toBeGreaterThan(0.999);
    // 36 packets per round trip of 50 ms plus transmission.
    const utilisation = rates.reduce((a, b) => a + b, 0) / (8 * TEN_MBIT);
    expect(utilisation).toBeGreaterThan(0.8);
    expect(utilisation).toBeLessThan(0.865);
    for (const flow of report.flows) expect(flow.delayMilliseconds.p99).toBeLessThan(8);
  });
});
