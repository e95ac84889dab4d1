import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../bench/compare/guest.ts';
import { streamRates } from '../../../bench/compare/loads.ts';
import {
  figuresOf,
  jainIndex,
  percentile,
  renderRepeats,
  renderRows,
  rowsOf,
} from '../../../bench/compare/report.ts';

const cell = (shaper: string, load: string, mbit: readonly number[]): Cell => ({
  shaper,
  load,
  idlePingMs: [20.25, 20, 30],
  measured: {
    streamBitsPerSec: mbit.map((m) => m * 1e6),
    udpBitsPerSec: 0,
    udpLostRatio: 0,
    udpDelayP99Ms: Number.NaN,
    pingMs: [20, 21, 22, 25.5],
    pingsLost: 1,
  },
  signals: { dropped: 7, marked: 0 },
});

describe('figures of the comparison', () => {
  it('Jain is 1 for equal shares and 1/n where one has all', () => {
    expect(jainIndex([3, 3, 3])).toBe(1);
    expect(jainIndex([5, 0, 0, 0])).toBe(0.25);
    expect(jainIndex([0, 0])).toBeNaN();
  });

  it('a percentile is a value that was measured', () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2);
    expect(percentile([4, 1, 3, 2], 0.99)).toBe(4);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('pings count above what the bare line takes, and headers count for what the line carries', () => {
    const figures = figuresOf(cell('cake', 'tcp4', [4, 4, 5, 6.3]));
    expect(figures.pingP50Ms).toBe(1);
    expect(figures.pingP99Ms).toBe(5.5);
    expect(figures.pingIdleMs).toBe(0.25);
    expect(figures.usedRatio).toBeCloseTo(1, 2);
  });

  it('a stream counts between the two instants, by the reports whose middle lies there', () => {
    const interval = (start: number, ...bytes: number[]): object => ({
      streams: bytes.map((b) => ({ start, end: start + 1, bytes: b })),
    });
    const intervals = [
      interval(0, 999, 999),
      interval(1, 100, 50),
      interval(2, 300, 50),
      interval(3, 999, 999),
    ];
    expect(streamRates({ intervals } as Parameters<typeof streamRates>[0], 1, 3)).toEqual([1600, 400]);
  });

  it('runs become medians in a table per load, and the widest difference is named', () => {
    const rows = rowsOf([
      cell('shaper', 'tcp1', [19]),
      cell('cake', 'tcp1', [18]),
      cell('cake', 'tcp1', [17]),
      cell('cake', 'tcp1', [18.5]),
    ]);
    expect(rows.map(({ shaper, runs }) => [shaper, runs.length])).toEqual([
      ['cake', 3],
      ['shaper', 1],
    ]);
    expect(rows[0]!.figures.tcpBitsPerSec).toBe(18e6);
    expect(renderRows(rows)).toMatch(/^1 TCP .*\n-.*\nCAKE +18\.00 .*\nshaper, defaults +19\.00/);
    expect(renderRepeats(rows)).toContain('3 runs; farthest apart: line used 7.8 % (cake, tcp1)');
  });
});
