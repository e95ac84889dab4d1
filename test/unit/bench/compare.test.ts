import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../bench/compare/guest.ts';
import { streamRates } from '../../../bench/compare/loads.ts';
import { readOptions } from '../../../bench/compare/options.ts';
import { figuresOf, renderRepeats, renderRows, rowsOf, runsText } from '../../../bench/compare/report.ts';

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
    expect(runsText(rows)).toBe('1 to 3 runs');
    const single = rowsOf([cell('cake', 'tcp1', [18])]);
    expect([runsText(single), renderRepeats(single)]).toEqual(['1 run', '']);
  });
});

describe('options of the comparison', () => {
  it('have defaults, fewer with --quick', () => {
    const full = readOptions([]);
    expect(full).toMatchObject({ quick: false, runs: 3, warmSeconds: 5, seconds: 15 });
    expect(full.shapers.length).toBeGreaterThan(4);
    const floods = ['flood-flows', 'flood-ports', 'flood-ipv6'];
    expect(full.loads).toEqual(['tcp1', 'tcp4', 'tcp4-super', 'udp5', 'udp30', ...floods]);
    expect(readOptions(['--quick'])).toEqual({
      ...{ quick: true, runs: 1, warmSeconds: 0.5, seconds: 1 },
      ...{ shapers: ['cake', 'shaper'], loads: ['tcp1'] },
    });
    const chosen = ['--runs', '2', '--seconds', '10', '--shapers', 'cake', '--loads', 'udp5,tcp1'];
    expect(readOptions(chosen)).toMatchObject({
      runs: 2,
      seconds: 10,
      shapers: ['cake'],
      loads: ['udp5', 'tcp1'],
    });
  });

  it.each([
    [['--quick', '--runs', '2'], '--quick measures once'],
    [['--runs', '0'], "--runs takes a whole number from 1 to 20, not '0'"],
    [['--runs', '1.5'], 'a whole number'],
    [['--seconds', 'ten'], "--seconds takes a number from 1 to 120, not 'ten'"],
    [['--seconds', ''], "not ''"],
    [['--shapers', 'cake,chake'], "--shapers: no 'chake'; there are "],
    [['--loads', ''], "--loads: no ''"],
    [['--loads', 'tcp1,tcp1'], 'names one of them twice'],
    [['--run', '2'], "Unknown option '--run'"],
    [['more'], "Unexpected argument 'more'"],
  ])('%j is refused', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
