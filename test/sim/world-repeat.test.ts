/** The same seed gives the same run, to the last verdict; and the books of every run balance. */
import { describe, expect, test } from 'vitest';
import { findScenario, SCENARIOS } from '../../src/sim/scenarios/index.ts';
import { prepareScenario, runScenario, runTraffic } from '../../src/sim/simulation.ts';
import { bottleneck, MS, SECOND, TEN_MBIT, tcp, traffic, udp } from './net.ts';

const SPEC = bottleneck({ limitPackets: 60 }, TEN_MBIT, {
  rate: TEN_MBIT,
  burst: 3028,
  leaves: [{ name: 'default', limitPackets: 60 }],
});
const DURATION_NS = 6 * SECOND;

describe.each(SCENARIOS.map(({ name }) => [name]))('%s', (name) => {
  const run = (seed: number, more = {}) =>
    runScenario(SPEC, name, seed, { durationNs: DURATION_NS, samples: 12, ...more });
  const { report, series } = run(1);

  test('repeats with its seed and differs with another', () => {
    expect(run(1).report).toEqual(report);
    expect(run(2).report.traceHash).not.toBe(report.traceHash);
    // How often somebody looks changes nothing.
    expect(run(1, { samples: 97 }).report.traceHash).toBe(report.traceHash);
  });

  test('draws starts and sizes from the seed', () => {
    const line = { upBytesPerSec: 1e6, downBytesPerSec: 1e6, shapesUp: true, shapesDown: true };
    const scenario = findScenario(name)!;
    expect(scenario.build(1, line)).toEqual(scenario.build(1, line));
    expect(scenario.build(1, line)).not.toEqual(scenario.build(2, line));
  });

  test('the books balance', () => {
    const { received, accepted, dropped, held, kernel } = report.totals;
    expect(kernel).toEqual({ queueFull: 0, socketFull: 0, lost: 0 });
    expect(received.packets).toBe(accepted.packets + dropped.packets + held.packets);
    expect(received.bytes).toBe(accepted.bytes + dropped.bytes + held.bytes);
    const [up, , down] = report.classes;
    expect(up.dropped + down.dropped).toBe(dropped.packets);
    expect(report.flows.reduce((sum, flow) => sum + flow.dropped, 0)).toBe(dropped.packets);
    expect(report.durationSeconds).toBe(6);
    expect(series.timesSeconds.at(-1)).toBe(6);
    const bits = (direction: number): number =>
      series.classes[direction].throughputBitsPerSecond.reduce((sum, x) => sum + x / 2, 0);
    expect(bits(0) + bits(1)).toBeCloseTo(6 * (up.throughputBitsPerSecond + down.throughputBitsPerSecond), 3);
    expect(bits(0) + bits(1)).toBeCloseTo(8 * accepted.bytes, 3);
  });
});

test('a flow beside others meets the same chance, whatever they and the shaper do', () => {
  const source = { kind: 'poisson', protocol: 17, rateBytesPerSec: 50_000, packetBytes: 500 } as const;
  const poisson = { ...udp('poisson', 1, 1), source };
  const sent = (limitPackets: number, more: readonly ReturnType<typeof tcp>[]) => {
    const { report } = runTraffic(bottleneck({ limitPackets }), traffic(3, [poisson, ...more]), 'x', 1);
    return report.flows[0].throughputBitsPerSecond;
  };
  expect(sent(1000, [])).toBe(sent(1000, [tcp('beside', 20 * MS, { bytes: 20_000 })]));
  expect(sent(1000, [])).toBe(sent(500, []));
});

test('a run in steps is the run at once, and can end early', () => {
  const whole = runScenario(SPEC, 'game-beside-download', 3, { durationNs: 2 * SECOND, samples: 4 });
  const stepped = prepareScenario(SPEC, 'game-beside-download', 3, { durationNs: 2 * SECOND, samples: 4 });
  const seconds: number[] = [];
  for (let isMore = true; isMore; ) {
    isMore = stepped.step();
    seconds.push(stepped.result().report.durationSeconds);
  }
  expect(seconds).toEqual([0.5, 1, 1.5, 2]);
  expect(stepped.step()).toBe(false);
  expect(stepped.result().report).toEqual(whole.report);
});

test('unknown scenarios are refused with the names of those that exist', () => {
  expect(() => runScenario(SPEC, 'nonsense', 1)).toThrow(/call-beside-uploads.*flood/);
});
