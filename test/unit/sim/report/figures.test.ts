import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../../src/sim/report/figures.ts';
import type { SimulatedFlow } from '../../../../src/sim/report/report.ts';
import { flow, runView } from '../../cli/simulate-fixture.ts';

const reportOf = (...flows: SimulatedFlow[]) => runView('x', { flows }).report;
const ENDED = { count: 1, meanMilliseconds: 1, p50Milliseconds: 1, p95Milliseconds: 1, p99Milliseconds: 1 };

it('sums up TCP, and says how long packets waited in each direction', () => {
  const datagrams = flow('call', 80e3, { protocol: 'udp', retransmits: 1 });
  const page = flow('page', 1e6, { completions: ENDED, retransmits: 1 });
  const report = reportOf(flow('a', 3e6, { retransmits: 5 }), flow('b', 1e6), page, datagrams);
  expect(figuresOf(report)).toEqual({
    goodputBitsPerSecond: 5e6,
    retransmits: 6,
    // Each of three has 100 packets.
    retransmittedShare: 0.02,
    // (3 + 1)^2 / (2 * (9 + 1)): the page has ended and is no long transfer.
    jain: 0.8,
    queues: [{ path: 'wan/up', p50Milliseconds: 20, p99Milliseconds: 40 }],
  });
});

describe('no fairness', () => {
  it.each<[string, SimulatedFlow[]]>([
    ['of one', [flow('a', 1e6)]],
    ['of flows that nobody counts one by one', [flow('a', 1e6), flow('many', 1e6, { count: 3 })]],
    ['of nothing', [flow('a', 0), flow('b', 0)]],
  ])('%s', (_, flows) => {
    expect(figuresOf(reportOf(...flows)).jain).toBeNull();
  });
});

it('without TCP, and in directions without packets, there is nothing to say', () => {
  const { classes, ...report } = reportOf();
  const idle = classes.map((one) => ({ ...one, sent: { packets: 0, bytes: 0 } }));
  const nothing = { goodputBitsPerSecond: 0, retransmits: 0, retransmittedShare: 0, jain: null, queues: [] };
  expect(figuresOf({ ...report, classes: idle })).toEqual(nothing);
});
