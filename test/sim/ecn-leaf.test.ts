/**
 * TCP that understands ECN through leaves that mark: nothing is lost, and the sender slows down (RFC 3168,
 * section 6.1).
 */
import { describe, expect, test } from 'vitest';
import { runTraffic } from '../../src/sim/simulation.ts';
import { classOf, config } from './experiments.ts';
import { MS, mean, tcp, traffic } from './net.ts';

const QUEUES = {
  'fair with CoDel': 'aqm: { codel: { ecn: true } }',
  'fifo with CoDel': 'discipline: fifo, aqm: { codel: { ecn: true } }',
  'fifo with RED': 'discipline: fifo, aqm: { red: { min: 15kB, max: 90kB, probability: 0.1, ecn: true } }',
};

const lineWith = (queue: string) =>
  config(`
    links:
      wan:
        device: w
        up: { rate: 10mbit, classes: { default: { queue: { limit: 1MB, ${queue} } } } }
        down: 1gbit`);

describe.each(Object.entries(QUEUES))('%s', (_, queue) => {
  const spec = lineWith(queue);

  test.each(['reno', 'cubic'] as const)('%s loses nothing, is marked, and leaves a short queue', (growth) => {
    const flows = [1, 2].map((n) =>
      tcp(`tcp ${n}`, 30 * MS, { options: { growth, ecn: true }, startNs: n * 99 * MS }),
    );
    const run = runTraffic(spec, traffic(40, flows), 'ecn', 1);
    for (const flow of run.report.flows) {
      expect(flow).toMatchObject({ dropped: 0, retransmits: 0, timeouts: 0 });
      expect(flow.marked).toBeGreaterThan(20);
    }
    const leaf = classOf(run, 'wan/up/default');
    expect(leaf.dropped).toBe(0);
    // Marks are the class's; every one of them arrived at a receiver.
    const arrived = run.report.flows[0].marked + run.report.flows[1].marked;
    expect(leaf.marked).toBeGreaterThanOrEqual(arrived);
    expect(leaf.marked - arrived).toBeLessThanOrEqual(2);
    const [{ throughputBitsPerSecond, delayP50Milliseconds }] = run.series.classes;
    const from = run.series.timesSeconds.findIndex((t) => t > 10);
    expect(mean(throughputBitsPerSecond, from)).toBeGreaterThan(0.93e7);
    expect(mean(delayP50Milliseconds, from)).toBeLessThan(40);
    for (const { reductions } of run.series.flows) {
      expect(reductions.slice(from).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(5);
    }
  });

  test('flows that do not speak ECN lose packets where others are marked', () => {
    const flows = [true, false].map((ecn, n) =>
      tcp(`tcp ${n}`, 30 * MS, { options: { ecn }, startNs: n * 99 * MS }),
    );
    const [able, unable] = runTraffic(spec, traffic(40, flows), 'ecn', 1).report.flows;
    expect(able.marked).toBeGreaterThan(5);
    expect({ dropped: able.dropped, retransmits: able.retransmits }).toEqual({ dropped: 0, retransmits: 0 });
    expect(unable.marked).toBe(0);
    expect(unable.dropped).toBeGreaterThan(5);
  });
});

test('PIE marks while its probability is below a tenth and drops above, as at the end of slow start', () => {
  const flows = [1, 2].map((n) => tcp(`tcp ${n}`, 30 * MS, { options: { ecn: true }, startNs: n * 99 * MS }));
  const spec = lineWith('discipline: fifo, aqm: { pie: { ecn: true } }');
  const { series } = runTraffic(spec, traffic(60, flows), 'ecn', 1);
  const [{ dropped, marked }] = series.classes;
  const from = series.timesSeconds.findIndex((t) => t > 20);
  expect(dropped.aqm.slice(0, from).some((n) => n > 0)).toBe(true);
  expect(dropped.aqm.slice(from).every((n) => n === 0)).toBe(true);
  expect(marked.slice(from).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(20);
});
