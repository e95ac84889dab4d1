/** What a run leaves for tables and pictures, against the report of the same run. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunView, SAMPLES, takeRun } from '../../../src/cli/simulate/run-view.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { prepareScenario } from '../../../src/sim/simulation.ts';

const YAML = `
links:
  wan:
    device: nodevice0
    up:
      rate: 1mbit
      classes:
        flood: { match: { proto: udp }, police: { rate: 300kbit } }
        default: { queue: { aqm: { red: { min: 5kB, max: 15kB } } } }
`;

describe('a run of TCP through RED beside a policed flood', () => {
  let view: RunView;
  const shares: number[] = [];
  beforeAll(async () => {
    const run = prepareScenario(loadConfig(YAML, 'x.yaml').spec, 'flood', 1, { samples: SAMPLES });
    view = await takeRun(run, 'x.yaml', (done) => shares.push(done));
  });
  const classOf = (path: string): RunView['classes'][number] =>
    view.classes.find((one) => one.path === path)!;

  it('goes to the end and says how far it is', () => {
    expect(view.configuration).toBe('x.yaml');
    expect(view.report.durationSeconds).toBe(30);
    expect(shares).toHaveLength(SAMPLES);
    expect(shares.at(-1)).toBe(1);
  });

  it('parents have the drops of their children, by reason, and sums as in the report', () => {
    const [root, flood, rest] = ['wan/up', 'wan/up/flood', 'wan/up/default'].map(classOf);
    expect(flood.drops.police).toBeGreaterThan(0);
    expect(rest.drops.early).toBeGreaterThan(0);
    for (const reason of ['tail', 'early', 'police', 'aqm'] as const)
      expect(root.drops[reason]).toBe(flood.drops[reason] + rest.drops[reason]);
    for (const { drops, report } of view.classes)
      expect(drops.tail + drops.early + drops.police + drops.aqm).toBe(report.dropped);
  });

  it('leaves have curves that add up, roots have none', () => {
    expect(classOf('wan/up')).toMatchObject({
      isLeaf: false,
      series: null,
      red: null,
      ceilBitsPerSecond: 1e6,
    });
    const { series, drops, delayCounts, directionPath } = classOf('wan/up/flood');
    expect(directionPath).toBe('wan/up');
    const sum = (values: Float64Array): number =>
      Array.from(values).reduce((total, value) => total + value, 0);
    expect(sum(series!.dropped.police)).toBe(drops.police);
    const bits = (sum(series!.throughputBitsPerSecond) * 30) / SAMPLES;
    expect(bits / 12000).toBeCloseTo(sum(delayCounts), 6);
  });

  it("RED's average is followed where there is RED: behind the queue, between its thresholds", () => {
    const { red, series } = classOf('wan/up/default');
    expect(classOf('wan/up/flood').red).toBeNull();
    expect(red).toMatchObject({ gentle: true, thresholds: [{ minBytes: 5000, maxBytes: 15000 }] });
    const mean = (values: Float64Array): number =>
      values.reduce((total, value) => total + value, 0) / SAMPLES;
    expect(red!.averageBytes).toHaveLength(SAMPLES);
    expect(mean(red!.averageBytes)).toBeGreaterThan(2000);
    expect(mean(red!.averageBytes)).toBeLessThan(30000);
    const spread = (values: Float64Array): number => Math.max(...values) - Math.min(...values);
    expect(spread(red!.averageBytes)).toBeLessThan(spread(series!.backlogBytes));
  });
});
