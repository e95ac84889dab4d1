import { describe, expect, it } from 'vitest';
import { statusReport } from '../../../src/control/status.ts';
import { statusTable } from '../../../src/control/status-table.ts';
import { TOTAL } from '../../../src/core/packets/stats.ts';
import { NO_DROPS, SUBJECT, sample, snapshotOf } from './sample.ts';

describe('the table', () => {
  it('has a line per class with aligned columns', () => {
    const lines = statusTable(statusReport(snapshotOf(), SUBJECT, NO_DROPS)).split('\n');
    expect(lines[0]).toBe('shaper 1.2.3, pid 77, back end nft, up 1.5 s');
    expect(lines[1]).toBe(
      'received 100 (100 kB) = accepted 80 (80.0 kB) + dropped 15 (15.0 kB) + held 3 (3.00 kB) + lost in the kernel 2',
    );
    const rest = lines.find((line) => line.startsWith('wan/up/default'))!;
    const head = lines.find((line) => line.startsWith('class'))!;
    const words = (line: string): string[] => line.split(/\s{2,}/);
    expect(Object.fromEntries(words(head).map((title, i) => [title, words(rest)[i]]))).toEqual({
      class: 'wan/up/default',
      rate: '-',
      ceil: '20mbit',
      sent: '3.00 kB',
      packets: '30',
      backlog: '200 B',
      tail: '2',
      early: '0',
      police: '0',
      aqm: '6',
      marked: '1',
      flows: '3',
      p50: '992 us',
      p99: '992 us',
    });
    expect(rest.length).toBe(head.length);
  });

  it.each([
    [59.9, 'up 59.9 s'],
    [61, 'up 1 min'],
    [3700, 'up 1 h 1 min'],
    [200_000, 'up 2 d 7 h'],
  ])('uptime %d: %s', (seconds, text) => {
    const snapshot = snapshotOf(sample(), { takenNs: seconds * 1e9 });
    expect(statusTable(statusReport(snapshot, SUBJECT, NO_DROPS))).toContain(text);
  });

  it('what is wrong now stands above the classes', () => {
    const report = statusReport(snapshotOf(sample(), { warnings: ['wan/up: silent'] }), SUBJECT, NO_DROPS);
    expect(report.warnings).toEqual(['wan/up: silent']);
    expect(statusTable(report)).toContain('\nwarning: wan/up: silent\n\nclass');
  });

  it('a bound that was reached is said, others are not', () => {
    const bounds = (change: (totals: Float64Array) => void): string[] => {
      const stats = sample();
      change(stats.totals);
      return statusTable(statusReport(snapshotOf(stats), SUBJECT, NO_DROPS))
        .split('\n')
        .slice(4, -7);
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
    const lines = statusTable(statusReport(snapshotOf(sample(), { socket }), SUBJECT, NO_DROPS)).split('\n');
    expect(lines.slice(4, -7)).toEqual([
      '1 messages of the kernel cut off: longer than their slot',
      '2 messages of the kernel not understood: they break the format',
      '3 verdicts not sent: the socket failed',
      '4 verdicts refused: the kernel no longer had the packet',
    ]);
  });
});
