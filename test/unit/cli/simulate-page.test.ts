/** The page of `simulate --html`: what it draws, and that it needs nothing but itself. */
import { describe, expect, it } from 'vitest';
import { escapeHtml } from '../../../src/base/escape-html.ts';
import { HISTOGRAM_BINS, histogramBin } from '../../../src/base/histogram.ts';
import { bytesUnit, linearAxis, logAxis, rateUnit, roundUp } from '../../../src/charts/axis.ts';
import { area, bars, chart, type Frame, line, threshold } from '../../../src/charts/chart.ts';
import { choose } from '../../../src/charts/palette.ts';
import { renderPage } from '../../../src/cli/simulate/page.ts';
import { cumulative } from '../../../src/cli/simulate/panels-delay.ts';
import { flow, runView } from './simulate-fixture.ts';

const OPTIONS = { about: 'made by hand', version: '9.9' };

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

/** Title and figures of every panel. */
function panelsOf(page: string): Map<string, string[]> {
  const sections = [...page.matchAll(/<section class="panel(?: wide)?"><h3>(.*?)<\/h3>(.*?)<\/section>/gs)];
  return new Map(
    sections.map(([, title, body]) => [title, [...body.matchAll(/<svg.*?<\/svg>/gs)].map(([svg]) => svg)]),
  );
}

describe('page', () => {
  it('of one run: every picture once', () => {
    const panels = panelsOf(renderPage([runView('x.yaml', { hasRed: true })], OPTIONS));
    expect([...panels.keys()]).toEqual([
      'Throughput',
      'Queueing delay',
      'Queueing delay, distribution',
      'Drops and marks',
      'RED in bulk',
      'Throughput by flow',
      'Queueing delay by flow',
      'Congestion windows',
    ]);
    for (const [title, figures] of panels) expect(figures, title).toHaveLength(1);
  });

  it('of two runs: both in every panel, on one scale, and RED only where it is', () => {
    const panels = panelsOf(renderPage([runView('x.yaml'), runView('y.yaml', { hasRed: true })], OPTIONS));
    const ticks = (svg: string): string[] =>
      [...svg.matchAll(/class="tick"[^>]*>([^<]*)</g)].map(([, text]) => text);
    for (const [title, figures] of panels) {
      expect(figures, title).toHaveLength(2);
      expect(ticks(figures[0]), title).toEqual(ticks(figures[1]));
      expect(figures[0]).toContain('aria-label="x.yaml: ');
      expect(figures[1]).toContain('aria-label="y.yaml: ');
    }
    const [without, withRed] = panels.get('RED in bulk')!;
    expect(without).toContain('no RED here');
    expect(count(without, /class="threshold"/g)).toBe(0);
    expect(count(withRed, /class="threshold"/g)).toBe(2);
    const [tail, early] = panels.get('Drops and marks')!;
    expect(count(tail, /class="bar" style="fill:var\(--hue-6\)"/g)).toBe(1);
    expect(count(early, /class="bar" style="fill:var\(--hue-3\)"/g)).toBe(1);
    expect(count(early, /class="bar" style="fill:var\(--hue-6\)"/g)).toBe(0);
  });

  it('shows the numbers of the run to the pointer', () => {
    const panels = panelsOf(renderPage([runView('x.yaml', { hasRed: true })], OPTIONS));
    const valuesOf = (title: string): Record<string, (number | null)[]> => {
      const [, json] = /data-hover="([^"]*)"/.exec(panels.get(title)![0])!;
      const { s } = JSON.parse(json.replaceAll('&quot;', '"')) as {
        s: { n: string; v: (number | null)[] }[];
      };
      return Object.fromEntries(s.map(({ n, v }) => [n, v]));
    };
    expect(valuesOf('Throughput')).toEqual({
      call: [0.08, 0.08, 0.08, 0.08],
      bulk: [0, 8, 8, 8],
      together: [0.08, 8.08, 8.08, 8.08],
    });
    expect(valuesOf('Queueing delay')).toEqual({
      'call p50': [0.2, 0.2, 0.2, 0.2],
      'call p99': [0.5, 0.5, 0.5, 0.5],
      'bulk p50': [null, 20, 20, 20],
      'bulk p99': [null, 20, 40, 40],
    });
    expect(valuesOf('Drops and marks')).toEqual({ 'early: RED': [0, 0, 3, 4] });
    expect(valuesOf('RED in bulk')).toEqual({ queue: [0, 20, 40, 40], average: [0, 5, 15, 20] });
    expect(valuesOf('Congestion windows')).toEqual({ 'x.yaml load': [10, 20, 10, 20] });
    const { call } = valuesOf('Queueing delay, distribution');
    expect(new Set(call)).toEqual(new Set([0, 100]));
  });

  it('draws flows as long as they are', () => {
    const panels = panelsOf(renderPage([runView('x.yaml')], OPTIONS));
    const widths = (title: string): number[] =>
      [...panels.get(title)![0].matchAll(/<rect class="mark"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
        Number(width),
      );
    const [load, call] = widths('Throughput by flow');
    expect(call / load).toBeCloseTo(80e3 / 6e6, 1);
    // From 1 to 2 ms on the axis from 0.1 to 5 ms; whiskers reach as far again.
    const [first] = widths('Queueing delay by flow');
    const whisker = /class="whisker" x1="([\d.]+)" x2="([\d.]+)"/.exec(
      panels.get('Queueing delay by flow')![0],
    )!;
    expect(Number(whisker[2]) - Number(whisker[1])).toBeCloseTo(first, 0);
    expect(first).toBeGreaterThan(30);
  });

  it('the distribution begins at the bottom left and ends at the top', () => {
    const [svg] = panelsOf(renderPage([runView('x.yaml')], OPTIONS)).get('Queueing delay, distribution')!;
    const [, path] = /<path class="line"[^>]* d="([^"]*)"/.exec(svg)!;
    const places = path
      .slice(1)
      .split('L')
      .map((place) => place.split(' ').map(Number));
    expect(places[0]).toEqual([48, 212]);
    expect(places.at(-1)![1]).toBe(26);
    expect(places.every(([x], i) => i === 0 || x >= places[i - 1][0])).toBe(true);
    // Of the call: every packet waited 0.5 ms, on the axis from 0.1 to 50 ms.
    const [topX] = places.find(([, y]) => y === 26)!;
    expect((topX - 48) / 500).toBeCloseTo(Math.log10(5) / Math.log10(500), 1);
  });

  it('windows are drawn to the scale of what follows the first rise', () => {
    const run = runView('x.yaml');
    const cwnd = Float64Array.from([500, 500, 10, 20, 10, 20, 10, 20, 10, 20, 10, 20]);
    const timesSeconds = cwnd.map((_, i) => (i + 1) / 3);
    const flows = [{ name: 'a', cwnd, reductions: cwnd, throughputBitsPerSecond: cwnd }];
    const page = renderPage([{ ...run, classes: [], series: { timesSeconds, classes: [], flows } }], OPTIONS);
    const [svg] = panelsOf(page).get('Congestion windows')!;
    expect(svg).toContain('text-anchor="end">25</text>');
    expect(svg).not.toContain('text-anchor="end">500</text>');
    expect(page).toContain('the first rise goes up to 500');
  });

  it('says in tiles what matters most, and folds long tables', () => {
    const run = runView('x.yaml');
    const classes = run.classes.map((info) => ({ ...info, report: { ...info.report, marked: 4 } }));
    const page = renderPage([{ ...run, classes }], OPTIONS);
    // Of three leaves; the root's marks are theirs.
    expect(page).toContain('<span>marked</span><b>12</b>');
    expect(page).toContain('<span>dropped (7)</span><b>0.70 %</b>');
    expect(page).toContain('<span>accepted</span><b>1.98 Mbit/s</b>');
    expect(page).toContain('<span>highest delay p99</span><b>40.0 ms</b>');
    expect(page).not.toContain('<details>');
    const many = Array.from({ length: 61 }, (_, i) => flow(`f${i}`, 1000));
    expect(renderPage([runView('x.yaml', { flows: many })], OPTIONS)).toContain('<summary>61 rows</summary>');
  });

  it('needs nothing but itself, in both themes', () => {
    const page = renderPage([runView('x.yaml'), runView('y.yaml')], OPTIONS);
    expect(page).not.toMatch(/https?:|\bsrc=|@import|url\(|<link(?! rel="icon" href="data:,">)/);
    expect(page).toContain('prefers-color-scheme: dark');
    const defined = new Set([...page.matchAll(/(--[\w-]+):/g)].map(([, name]) => name));
    for (const [, name] of page.matchAll(/var\((--[\w-]+)\)/g)) expect(defined).toContain(name);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('shows names as text, whatever they are', () => {
    const evil = `</script><b onclick="x">&'`;
    const page = renderPage([runView(evil), runView('y')], { ...OPTIONS, about: evil });
    expect(page).not.toContain('<b onclick');
    expect(count(page, /<\/script>/g)).toBe(1);
    expect(page).toContain('&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;');
    for (const [, json] of page.matchAll(/data-hover="([^"]*)"/g)) {
      const text = json.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<');
      expect(() => JSON.parse(text.replaceAll('&gt;', '>').replaceAll('&amp;', '&'))).not.toThrow();
    }
  });

  it('does not draw what did not happen', () => {
    const run = runView('x.yaml', { flows: [] });
    const quiet = {
      ...run,
      classes: run.classes.map((info) => ({
        ...info,
        report: { ...info.report, dropped: 0, delayMilliseconds: { p50: 0, p99: 0, max: 0 } },
      })),
      series: { ...run.series, flows: [] },
    };
    const page = renderPage([quiet], OPTIONS);
    expect([...panelsOf(page).keys()]).toEqual(['Throughput']);
    expect(page).toContain('8.00 Mbit/s; nothing waited, nothing was dropped or marked');
  });
});

describe('axes', () => {
  it('round up to 1, 2, 5', () => {
    expect([0.11, 1, 1.01, 2, 3, 5, 7, 10, 11].map(roundUp)).toEqual([0.2, 1, 2, 2, 5, 5, 10, 10, 20]);
  });

  it('linear: from 0 to the maximum or to the tick above it', () => {
    const exact = linearAxis(21, '', 'exact');
    expect(exact.ticks.map(({ label }) => label)).toEqual(['0', '5', '10', '15', '20']);
    expect([0, 10.5, 21, 30, -1].map(exact.share)).toEqual([0, 0.5, 1, 1, 0]);
    const rounded = linearAxis(21, '', 'tick');
    expect(rounded.ticks.at(-1)).toEqual({ value: 25, label: '25' });
    expect(rounded.share(25)).toBe(1);
    expect(linearAxis(0, '', 'tick').share(0)).toBe(0);
  });

  it('logarithmic: decades, finer ticks where there are few', () => {
    const wide = logAxis(0.01, 90, '');
    expect(wide.ticks.map(({ label }) => label)).toEqual(['0.01', '0.1', '1', '10', '100']);
    expect(wide.share(1)).toBeCloseTo(0.5, 12);
    expect([0, -1, 0.001, 1000].map(wide.share)).toEqual([0, 0, 0, 1]);
    expect(logAxis(0.1, 3, '').ticks.map(({ label }) => label)).toEqual(['0.1', '0.2', '0.5', '1', '2', '5']);
  });

  it('units keep numbers short', () => {
    expect(rateUnit(999)).toEqual({ name: 'bit/s', factor: 1 });
    expect(rateUnit(20e6)).toEqual({ name: 'Mbit/s', factor: 1e6 });
    expect(bytesUnit(30e3)).toEqual({ name: 'kB', factor: 1e3 });
  });
});

describe('chart', () => {
  const frame: Frame = { x: linearAxis(10, 's', 'exact'), y: linearAxis(100, 'ms', 'exact'), width: 560 };

  it('lines have gaps, and a lonely point is a dot', () => {
    expect(line(frame, [0, 5, 10], [0, 50, 100], 'red')).toBe(
      '<path class="line" style="stroke:red" d="M48 212L298 119L548 26"/>',
    );
    expect(line(frame, [0, 5, 10], [0, Number.NaN, 100], 'red')).toContain('d="M48 212h0M548 26h0"');
  });

  it('areas close, bars stand apart, empty bars are not drawn', () => {
    expect(area(frame, [0, 10], [0, 0], [50, 100], 'red')).toContain('d="M48 119L548 26L548 212L48 212Z"');
    expect(bars(frame, [0, 5, 10], [0, 0], [0, 100], 'red')).toContain('d="M298 212V26h249V212Z"');
    expect(bars(frame, [0, 5, 10], [0, 0], [0, 0], 'red')).toBe('');
  });

  it('has axes with units, thresholds with names, values for the pointer', () => {
    const hover = {
      at: [0, 10],
      unit: 's',
      series: [{ name: 'a<b', color: 'red', unit: 'ms', values: [1.23456, Number.NaN] }],
    };
    const svg = chart(frame, 'label', [threshold(frame, 50, 'half')], hover);
    expect(svg).toContain('>ms</text>');
    expect(svg).toContain('>s</text>');
    expect(svg).toContain(
      'y1="119" y2="119"/><text class="note" x="545" y="115" text-anchor="end">half</text>',
    );
    const data = {
      px: [48, 548],
      x: [0, 10],
      u: 's',
      g: '',
      s: [{ n: 'a<b', c: 'red', u: 'ms', v: [1.23, null] }],
    };
    expect(svg).toContain(`data-hover="${escapeHtml(JSON.stringify(data))}"`);
  });
});

describe('colours', () => {
  const items = Array.from({ length: 12 }, (_, i) => ({ name: `c${i}`, weight: i % 6 }));

  it('the weightiest have hues in the order in which they stand, the others share one', () => {
    const few = choose(
      [items.slice(0, 8)],
      (item) => item.name,
      (item) => item.weight,
    );
    expect(few.shown.map(({ color }) => color)).toEqual(
      Array.from({ length: 8 }, (_, i) => `var(--hue-${i + 1})`),
    );
    expect(few.rest).toEqual([[]]);
    const many = choose(
      [items],
      (item) => item.name,
      (item) => item.weight,
    );
    expect(many.shown.map(({ name }) => name)).toEqual(['c2', 'c3', 'c4', 'c5', 'c9', 'c10', 'c11']);
    expect(many.rest[0].map(({ name }) => name)).toEqual(['c0', 'c1', 'c6', 'c7', 'c8']);
  });

  it('are the same in both runs', () => {
    const { shown } = choose(
      [items.slice(0, 2), items.slice(1, 3)],
      (item) => item.name,
      (item) => item.weight,
    );
    expect(shown.map(({ name, items: pair }) => [name, pair.map((one) => one?.name ?? '-')])).toEqual([
      ['c0', ['c0', '-']],
      ['c1', ['c1', 'c1']],
      ['c2', ['-', 'c2']],
    ]);
  });
});

describe('distribution', () => {
  it('counts packets up to the end of each bin', () => {
    const counts = new Float64Array(HISTOGRAM_BINS);
    counts[histogramBin(5)] = 1;
    counts[histogramBin(12)] = 1;
    counts[histogramBin(1000)] = 2;
    expect(Array.from(cumulative(counts, [0.01, 0.013, 0.5, 1.024, 2]))).toEqual([25, 50, 50, 100, 100]);
    expect(Array.from(cumulative(new Float64Array(HISTOGRAM_BINS), [1]))).toEqual([Number.NaN]);
  });
});
