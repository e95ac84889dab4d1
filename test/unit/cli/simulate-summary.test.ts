/** What `simulate` prints for people. */
import { describe, expect, it } from 'vitest';
import { pairUp } from '../../../src/charts/palette.ts';
import { sparkline } from '../../../src/charts/sparkline.ts';
import { flowTitle } from '../../../src/cli/simulate/columns.ts';
import { chooseFlows } from '../../../src/cli/simulate/flow-choice.ts';
import { Progress } from '../../../src/cli/simulate/progress.ts';
import { renderCells, styleOf } from '../../../src/cli/simulate/style.ts';
import { renderSummary } from '../../../src/cli/simulate/summary.ts';
import { synchronisation } from '../../../src/cli/simulate/windows.ts';
import type { Series } from '../../../src/sim/report/series.ts';
import { flow, runView } from './simulate-fixture.ts';

const PLAIN = { about: 'made by hand', question: null, style: styleOf(false), columns: 60 };

describe('summary', () => {
  it('of one run', () => {
    expect(renderSummary([runView('x.yaml')], PLAIN)).toBe(`x.yaml: made by hand
seed 5

x.yaml: 4 s in virtual time, trace 0123456789abcdef
received 1000 (1.00 MB) = accepted 990 (990 kB) + dropped 7 (7.00 kB) + held 3 (3.00 kB)

class         throughput  delay p50      p99      max  tail  early  police  aqm  marked
wan/up       6.08 Mbit/s    20.0 ms  40.0 ms  80.0 ms     7      0       0    0       0
wan/up/call  80.0 kbit/s     250 us   500 us  1.00 ms     0      0       0    0       0
wan/up/bulk  6.00 Mbit/s    20.0 ms  40.0 ms  80.0 ms     7      0       0    0       0
wan/up/idle      0 bit/s       0 us     0 us     0 us     0      0       0    0       0

over time, 4 s from left to right; a full block is the highest of its column
             throughput, up to 8.00 Mbit/s  delay p99, up to 40.0 ms
wan/up/call  ▁▁▁▁                           ▁▁▁▁
wan/up/bulk   ███                            ▅██

flow              throughput  delay p50      p99      max  dropped  resent  timeouts  marked  finished  mean time
x.yaml load (2)  6.00 Mbit/s    1.00 ms  2.00 ms  4.00 ms        7       9         0       0
call             80.0 kbit/s    1.00 ms  2.00 ms  4.00 ms        0                         0         3    12.0 ms
`);
  });

  it.each([[['x.yaml']], [['x.yaml', 'y.yaml']]])('of %s: each flow has its line once', (names) => {
    const runs = names.map((name) => runView(name));
    const textOf = (answeredBy: RegExp): string =>
      renderSummary(runs, { ...PLAIN, question: { question: 'How?', answeredBy } });
    expect(textOf(/^call/)).toMatch(/\nHow\?\nflow .*\ncall .*\n[\s\S]*\nother flow .*\n[xy]\.yaml load /);
    expect(textOf(/^call/).match(/^call /gm)).toHaveLength(1);
    expect(textOf(/./).match(/^(?:other )?flow /gm)).toHaveLength(1);
  });

  it('of two runs: line by line, on one scale, with what only one of them has', () => {
    const text = renderSummary([runView('x.yaml'), runView('y.yaml', { hasRed: true })], PLAIN);
    expect(text).toContain(`A  x.yaml: 4 s in virtual time`);
    expect(text).toContain(`B  y.yaml: 4 s in virtual time`);
    expect(text).toContain(
      [
        'class            throughput  delay p50      p99      max  tail  early  police  aqm  marked',
        'wan/up       A  6.08 Mbit/s    20.0 ms  40.0 ms  80.0 ms     7      0       0    0       0',
        '             B  6.08 Mbit/s    20.0 ms  40.0 ms  80.0 ms     0      7       0    0       0',
      ].join('\n'),
    );
    expect(text).toMatch(
      /^y\.yaml load \(2\) {2}A +- .*\n {17}B +6\.00 Mbit.*\nx\.yaml load \(2\) {2}A +6\.00 Mbit.*\n {17}B +- /m,
    );
  });

  it('of two runs: the usual figures side by side', () => {
    const flows = [flow('a', 3e6, { retransmits: 5 }), flow('b', 1e6)];
    const runs = [runView('x.yaml', { flows }), runView('y.yaml')];
    expect(renderSummary(runs, PLAIN)).toContain(`
figure                          A            B
goodput of TCP        4.00 Mbit/s  6.00 Mbit/s
sent again                      5            9
  of what arrived          2.50 %       9.00 %
fairness (Jain)             0.800            -
queue of wan/up, p50      20.0 ms      20.0 ms
queue of wan/up, p99      40.0 ms      40.0 ms

class `);
    const calls = ['x.yaml', 'y.yaml'].map((name) =>
      runView(name, { flows: [flow('call', 80e3, { protocol: 'udp' })] }),
    );
    expect(renderSummary(calls, PLAIN)).toMatch(/\nfigure +A +B\nqueue of wan\/up, p50 /);
    expect(renderSummary([runView('x.yaml')], PLAIN)).not.toContain('figure');
  });

  it('of two runs: what came in one of them only', () => {
    const other = runView('y.yaml');
    const classes = other.report.classes.map((one) => ({ ...one, path: one.path.replace('up', 'down') }));
    const runs = [runView('x.yaml'), { ...other, report: { ...other.report, classes } }];
    expect(renderSummary(runs, PLAIN)).toMatch(/^queue of wan\/down, p50 +- +20\.0 ms$/m);
  });

  it('says what the kernel and lines refused, and what could not be read', () => {
    const run = runView('x.yaml', { flows: [flow('a', 1e6, { dropped: 20 })] });
    const totals = { ...run.report.totals, unparsed: 4, kernel: { queueFull: 5, socketFull: 0, lost: 0 } };
    const text = renderSummary([{ ...run, report: { ...run.report, totals } }], PLAIN);
    expect(text).toContain('refused by full kernel queues (nfqueue.length): 5\n');
    expect(text).toContain('dropped by lines that nobody shapes: 8\n');
    expect(text).toContain('treated as unknown protocol: 4\n');
  });

  it('colours only change colour', () => {
    const plain = renderSummary([runView('x.yaml'), runView('y.yaml')], PLAIN);
    const colored = renderSummary([runView('x.yaml'), runView('y.yaml')], { ...PLAIN, style: styleOf(true) });
    expect(plain).not.toContain('\x1b');
    expect(colored).toContain('\x1b[');
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    expect(colored.replaceAll(escapes, '')).toBe(plain);
  });

  it('fits plots to the terminal', () => {
    const run = runView('x.yaml');
    const long = { ...run.classes[2].series!, throughputBitsPerSecond: new Float64Array(300).fill(1e6) };
    const classes = run.classes.map((info) =>
      info.path === 'wan/up/bulk' ? { ...info, series: long } : info,
    );
    const widthAt = (columns: number): number =>
      /█+/.exec(renderSummary([{ ...run, classes }], { ...PLAIN, columns }))![0].length;
    expect([40, 80, 1000].map(widthAt)).toEqual([12, 32, 50]);
  });
});

describe('flows with a row of their own', () => {
  const many = Array.from({ length: 100 }, (_, i) => flow(`f${i}`, 1000 * (i + 1)));

  it('all when there is room, in their order', () => {
    const { shown, others } = chooseFlows([runView('x', { flows: many.slice(0, 20) })], 20);
    expect(shown.map(([one]) => one?.name)).toEqual(many.slice(0, 20).map(({ name }) => name));
    expect(others).toEqual([]);
  });

  it('else the largest and some of all sizes; the others are summed up', () => {
    const run = runView('x', { flows: many });
    const { shown, others } = chooseFlows([run], 20);
    const names = shown.map(([one]) => one?.name);
    expect(names.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `f${99 - i}`));
    expect(names).toHaveLength(20);
    expect(names.at(-1)).toBe('f0');
    expect(others).toHaveLength(80);
    const sum = others.reduce((bits, [one]) => bits + (one?.throughputBitsPerSecond ?? 0), 0);
    expect(renderSummary([run], PLAIN)).toContain(
      `80 more, together ${(sum / 1e6).toFixed(2)} Mbit/s, highest delay p99 2.00 ms`,
    );
  });

  it('flows of one name say how many they are', () => {
    expect(flowTitle(flow('a', 1, { count: 12 }))).toBe('a (12)');
    expect(flowTitle(flow('a', 1))).toBe('a');
  });
});

describe('pairUp', () => {
  it('keeps the order of the first and puts what others add behind what it follows', () => {
    const rows = pairUp(
      ['ad', 'abcd', 'xd'].map((text) => [...text]),
      (letter) => letter,
    );
    expect(rows.map((row) => row.map((letter) => letter ?? '-').join(''))).toEqual([
      '--x',
      'aa-',
      '-b-',
      '-c-',
      'ddd',
    ]);
  });
});

describe('sparkline', () => {
  const values = Float64Array.from([0, 1, 2, 4, 8, 7.9, 0.001, 100]);

  it('has a blank for nothing, the lowest block for little, a full one for the top and more', () => {
    expect(sparkline(values, 8, 8, 'mean')).toBe(' ▂▃▅██▁█');
  });

  it('folds samples to columns by mean or maximum', () => {
    expect(sparkline(values, 4, 100, 'mean')).toBe('▁▁▁▅');
    expect(sparkline(values, 4, 100, 'max')).toBe('▁▁▁█');
  });

  it('does not stretch few samples', () => {
    expect(sparkline(values, 100, 8, 'mean')).toHaveLength(8);
    expect(sparkline(new Float64Array(), 10, 0, 'max')).toBe('');
  });
});

describe('cells', () => {
  it('are padded before they are painted, and lines end with their last cell', () => {
    const bold = (text: string): string => `<${text}>`;
    const rows = [
      [{ text: 'a', align: 'left' as const, paint: bold }, { text: 'bcd' }, { text: 'e' }],
      [{ text: 'abc', align: 'left' as const }, { text: 'x', paint: bold }, { text: '' }],
    ];
    expect(renderCells(rows)).toBe('<a>    bcd  e\nabc    <x>');
  });
});

describe('synchronisation', () => {
  const series = (...windows: number[][]): Series => ({
    timesSeconds: Float64Array.from(windows[0], (_, i) => i + 1),
    classes: [],
    flows: windows.map((cwnd, i) => ({
      name: `f${i}`,
      cwnd: Float64Array.from(cwnd),
      reductions: new Float64Array(cwnd.length),
      throughputBitsPerSecond: new Float64Array(cwnd.length),
    })),
  });
  const saw = [99, 4, 6, 8, 4, 6, 8];

  it('is 1 for flows that move together, whatever their size, and leaves out the start', () => {
    const found = synchronisation(series(saw, [1, 40, 60, 80, 40, 60, 80]));
    expect(found?.flows).toBe(2);
    expect(found?.correlation).toBeCloseTo(1, 12);
  });

  it('is the mean over pairs', () => {
    const opposite = saw.map((value) => 20 - value);
    expect(synchronisation(series(saw, saw, opposite))?.correlation).toBeCloseTo((1 - 1 - 1) / 3, 12);
  });

  it('leaves out windows that were closed or never moved; alone there is nothing to say', () => {
    const closed = [1, 1, 0, 5, 6, 7, 8];
    const fixed = [1, 5, 5, 5, 5, 5, 5];
    expect(synchronisation(series(saw, saw, closed, fixed))?.flows).toBe(2);
    expect(synchronisation(series(saw, closed, fixed))).toBeNull();
  });
});

describe('progress', () => {
  function watched(write: boolean): { texts: string[]; progress: Progress; setMs(ms: number): void } {
    const texts: string[] = [];
    let nowMs = 1000;
    const progress = new Progress(write ? (text) => texts.push(text) : null, () => nowMs);
    return {
      texts,
      progress,
      setMs(ms) {
        nowMs = 1000 + ms;
      },
    };
  }

  it('appears when a run is long, at a readable pace, and goes away', () => {
    const { texts, progress, setMs } = watched(true);
    for (const [ms, done] of [
      [0, 0.1],
      [400, 0.2],
      [600, 0.3],
      [650, 0.35],
      [750, 0.456],
    ] as const) {
      setMs(ms);
      progress.show('a.yaml', done);
    }
    progress.clear();
    progress.clear();
    expect(texts).toEqual(['\r\x1b[Ksimulating a.yaml: 30 %', '\r\x1b[Ksimulating a.yaml: 45 %', '\r\x1b[K']);
  });

  it('stays silent where nobody watches, and short runs leave nothing to clear', () => {
    const silent = watched(false);
    silent.setMs(5000);
    silent.progress.show('a', 0.5);
    silent.progress.clear();
    expect(silent.texts).toEqual([]);
    const short = watched(true);
    short.progress.show('a', 0.5);
    short.progress.clear();
    expect(short.texts).toEqual([]);
  });
});
