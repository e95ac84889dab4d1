import { describe, expect, it } from 'vitest';
import { Samples } from '../../../src/control/samples.ts';
import type { StatusReport } from '../../../src/control/status.ts';
import { statusTable as tableOf } from '../../../src/control/status-table.ts';
import { createStats, TOTAL } from '../../../src/core/packets/stats.ts';
import { NO_DROPS, reportOf, sample, snapshotOf } from './sample.ts';

/** A wide terminal, unless a test is about the width. */
function statusTable(report: StatusReport, columns = 120): string {
  return tableOf(report, columns);
}

/** Half a second after a moment at which nothing had been counted. */
function samplesOfNothing(): Samples {
  const samples = new Samples();
  samples.add(snapshotOf(createStats(4), { takenNs: 1e9 }));
  return samples;
}

/** The cells of a line by the headings of its table. */
function cells(lines: readonly string[], heading: string, name: string): Record<string, string> {
  const words = (line: string): string[] => line.trim().split(/\s{2,}/);
  const at = lines.findIndex((line) => line.startsWith('class') && line.includes(heading));
  const row = lines.slice(at).find((line) => line.trim().startsWith(name))!;
  expect(row.length).toBe(lines[at]!.length);
  return Object.fromEntries(words(lines[at]!).map((title, i) => [title, words(row)[i]!]));
}

describe('the table', () => {
  const lines = statusTable(reportOf(snapshotOf(), samplesOfNothing())).split('\n');

  it('begins with the present', () => {
    expect(lines[0]).toBe('shaper 1.2.3, pid 77, back end nft, up 1.5 s');
    expect(lines[2]).toBe('The last 0.5 s: 1.28 Mbit/s, 200 packets/s, 30 drops/s');
    expect(cells(lines, 'limit', 'bulk')).toEqual({
      class: 'bulk',
      limit: '10.0M',
      'bit/s 1 s': '32.0k',
      '10 s': '32.0k',
      '60 s': '32.0k',
      waiting: '100 B',
      p50: '10 us',
      p99: '10 us',
      'drops/s': '18',
    });
  });

  it('names the fullest buckets of classes in which some wait', () => {
    const bucket = (last: number) => ({
      key: { kind: 'address' as const, family: 4, words: [0x0a000900 + last, 0, 0, 0], bits: 32 },
      backlogPackets: 9 - last,
      backlogBytes: 9000 - 1000 * last,
    });
    const of = { by: 'host' as const, rateBytesPerSec: 250_000 };
    const each = [
      { ...of, path: 'wan/up/bulk', fullest: [1, 2, 3, 4, 5, 6].map(bucket) },
      { ...of, path: 'wan/up/default', fullest: [] },
    ];
    const some = statusTable(reportOf(snapshotOf(), new Samples(), NO_DROPS, each)).split('\n');
    const at = some.findIndex((line) => line.startsWith('The fullest'));
    expect(some.slice(at, at + 6)).toEqual([
      'The fullest buckets of wan/up/bulk (2.00 Mbit/s for each host):',
      '  10.0.9.1  8.00 kB  8 packets',
      '  10.0.9.2  7.00 kB  7 packets',
      '  10.0.9.3  6.00 kB  6 packets',
      '  10.0.9.4  5.00 kB  5 packets',
      '  10.0.9.5  4.00 kB  4 packets',
    ]);
  });

  it('goes on with all since the start', () => {
    const law = lines.slice(lines.indexOf('Since the start:') + 1);
    expect(law[0]).toBe('received  = accepted  + dropped   + held  + lost in the kernel');
    expect(law[1]!.trim().split(/\s{2,}/)).toEqual(['100', '80', '15', '3', '2 packets']);
    expect(law[2]!.trim().split(/\s{2,}/)).toEqual(['100 kB', '80.0 kB', '15.0 kB', '3.00 kB']);
    expect(cells(lines, 'sent', 'default')).toEqual({
      class: 'default',
      sent: '3.00 kB',
      packets: '30',
      tail: '2',
      early: '0',
      police: '0',
      aqm: '6',
      marked: '1',
      flows: '3',
      p50: '992 us',
      p99: '992 us',
    });
  });

  it('indents classes below the class around them, and shows guaranteed rate and ceil', () => {
    expect(lines.filter((line) => /^ {2}(bulk|default) /.test(line))).toHaveLength(4);
    expect(cells(lines, 'limit', 'wan/up').limit).toBe('20.0M');
    const classes = [
      { path: 'w/up', rateBytesPerSec: 250_000, ceilBytesPerSec: 1_250_000, isPaced: false, parent: -1 },
    ];
    const some = statusTable(reportOf(snapshotOf(createStats(1), { classes }))).split('\n');
    expect(cells(some, 'limit', 'w/up').limit).toBe('2.00M-10.0M');
    const moved = createStats(1);
    moved.ceilBytesPerSec[0] = 500_000;
    const now = statusTable(reportOf(snapshotOf(moved, { classes }))).split('\n');
    expect(cells(now, 'limit', 'w/up').limit, 'the ceil of now').toBe('2.00M-4.00M');
  });

  it('tells of classes that pace, if there are any', () => {
    const at = lines.findIndex((line) => line.startsWith('paced'));
    const words = (line: string): string[] => line.trim().split(/\s{2,}/);
    expect(words(lines[at]!)).toEqual(['paced', 'connections', 'share', 'windows cut', 'ACKs held']);
    expect(words(lines[at + 1]!)).toEqual(['wan/up/bulk', '4', '2.50 Mbit/s', '1.50k', '70']);
    expect(words(lines[at + 2]!), 'no other class').toEqual(['']);
    const classes = [{ path: 'w/up', rateBytesPerSec: 1, ceilBytesPerSec: 2, isPaced: false, parent: -1 }];
    const none = statusTable(reportOf(snapshotOf(createStats(1), { classes })));
    expect(none).not.toContain('windows cut');
  });

  it('fits 80 columns, for counts of years too', () => {
    const stats = sample();
    stats.totals.fill(123_456_789_012, 0, TOTAL.lostPackets);
    for (const name of ['sentBytes', 'sentPackets', 'backlogBytes', 'dropTail', 'dropAqm'] as const)
      stats[name].fill(123_456_789_012_345);
    stats.marked.fill(9_876_543);
    stats.flows.fill(65_536);
    for (const name of ['windowsRewritten', 'acksHeld', 'shareBytesPerSec'] as const)
      stats[name].fill(123_456_789_012);
    for (const name of ['dropEarly', 'dropPolice'] as const) stats[name].fill(0);
    const long = statusTable(reportOf(snapshotOf(stats), samplesOfNothing()), 80).split('\n');
    expect(long.filter((line) => line.length > 80)).toEqual([]);
  });

  it('fits 80 columns with long names and every reason of drops', () => {
    const path = 'wan/up/conferences-and-calls/of-the-second-floor';
    const label = { path, rateBytesPerSec: 250_000, ceilBytesPerSec: 1_250_000, isPaced: false, parent: -1 };
    const classes = [{ ...label, path: 'w/up' }, label, label, { ...label, path: 'w/down' }];
    const stats = sample();
    stats.marked.fill(9_876_543);
    const report = reportOf(snapshotOf(stats, { classes }), samplesOfNothing());
    const long = statusTable(report, 80).split('\n');
    expect(long.filter((line) => line.length > 80)).toEqual([]);
    const at = long.indexOf('    of-the-second-floor');
    expect(long[at + 1]).toMatch(/^ {8}2\.00M-10\.0M /);
    expect(long.find((line) => line.startsWith('w/up'))).toMatch(/^w\/up {4}2\.00M-10\.0M /);
    expect(statusTable(report, 120)).toMatch(/\n {4}of-the-second-floor {2}2\.00M-10\.0M /);
  });

  it('leaves out reasons of drops, and marks, that no class has', () => {
    const stats = sample();
    for (const name of ['dropEarly', 'dropPolice', 'dropAqm', 'marked'] as const) stats[name].fill(0);
    const some = statusTable(reportOf(snapshotOf(stats))).split('\n');
    expect(some.find((line) => line.includes('packets  tail'))).toMatch(/packets {2}tail {2}flows/);
  });

  it('a dash says that no packet left lately', () => {
    expect(cells(statusTable(reportOf()).split('\n'), 'limit', 'bulk')).toMatchObject({ p50: '-', p99: '-' });
  });

  it.each([
    [59.9, 'up 59.9 s'],
    [61, 'up 1 min'],
    [3700, 'up 1 h 1 min'],
    [200_000, 'up 2 d 7 h'],
  ])('uptime %d: %s', (seconds, text) => {
    expect(statusTable(reportOf(snapshotOf(sample(), { takenNs: seconds * 1e9 })))).toContain(text);
  });
});

describe('what is wrong', () => {
  /** The lines between the first and the present. */
  const trouble = (...given: Parameters<typeof snapshotOf>): string[] => {
    const lines = statusTable(reportOf(snapshotOf(...given))).split('\n');
    return lines.slice(1, lines.indexOf(''));
  };

  it('now stands above all', () => {
    expect(trouble(sample(), { warnings: ['wan/up: silent'] })).toEqual(['warning: wan/up: silent']);
  });

  it('a bound that was reached is said, others are not', () => {
    const bounds = (change: (totals: Float64Array) => void): string[] => {
      const stats = sample();
      change(stats.totals);
      return trouble(stats);
    };
    expect(bounds(() => undefined)).toEqual([]);
    const names = [
      'unmatchedPackets',
      'flowsEvicted',
      'eachEvicted',
      'eachFull',
      'fairFull',
      'heldFull',
    ] as const;
    const all = bounds((totals) => {
      for (const [i, name] of names.entries()) totals[TOTAL[name]] = i + 1;
    });
    expect(all.map((line) => line.slice(0, 10))).toEqual([
      '1 packets ',
      '2 flows fo',
      '3 buckets ',
      '4 packets ',
      '5 packets ',
      '6 packets ',
    ]);
    expect(bounds((totals) => totals.fill(3, TOTAL.fairFull, TOTAL.fairFull + 1))).toEqual([
      '3 packets dropped: the table of the queues of fair leaves is full',
    ]);
  });

  it("so is the port's own trouble", () => {
    const socket = { truncated: 1, malformed: 2, sendErrors: 3, verdictErrors: 4 };
    expect(trouble(sample(), { socket })).toEqual([
      '1 messages of the kernel cut off: longer than their slot',
      '2 messages of the kernel not understood: they break the format',
      '3 verdicts not sent: the socket failed',
      '4 verdicts refused: the kernel no longer had the packet',
    ]);
  });
});
