import { expect, it } from 'vitest';
import {
  endText,
  hostQuotas,
  quotasTable,
  quotaText,
  standingText,
} from '../../../../src/cli/quota/table.ts';
import type { HostStanding, StandingReport } from '../../../../src/control/hosts/reports.ts';

const NOW_MS = Date.parse('2026-11-29T10:00:00Z');

const standing = (more: Partial<StandingReport> = {}): StandingReport => ({
  ...{ quota: 'fair-use', over: '4h', direction: 'down', usedBytes: 2_000_000_000 },
  ...{ limitBytes: 10_000_000_000, state: 'ok', endsAt: null },
  ...more,
});
const OVER = standing({
  ...{ usedBytes: 10_200_000_000, state: 'exceeded', endsAt: '2026-11-29T10:32:00.000Z' },
});
const host = (
  id: string,
  quotas: readonly StandingReport[],
  more: Partial<HostStanding> = {},
): HostStanding => ({
  ...{ id, name: '', addresses: [id], quotas, grants: [] },
  ...more,
});

it('a line for each host, by the limit of which it has used most', () => {
  const week = standing({ over: '7d', direction: 'up', usedBytes: 29e9, limitBytes: 30e9, state: 'warned' });
  const hosts = [
    host('00:50:8d:68:50:75', [week, OVER], { name: 'flat-12' }),
    host('10.0.0.5', [standing(), week]),
    host('10.0.0.6', []),
  ];
  expect(quotasTable({ hosts }, 80, NOW_MS)).toBe(
    [
      'host         quota  over   way     used    limit  share   state       ends',
      'flat-12   fair-use    4h  down  10.2 GB  10.0 GB   102%    over  in 32 min',
      '10.0.0.5  fair-use    7d    up  29.0 GB  30.0 GB    96%  warned',
      '',
    ].join('\n'),
  );
  expect(quotasTable({ hosts: [host('10.0.0.6', [])] }, 80, NOW_MS)).toBe('no host has a quota\n');
});

it('one host: its addresses, all limits, and what was granted', () => {
  const grant = {
    ...{ id: 1, host: 'a', name: 'flat-12', quota: 'fair-use', bytes: 5e9 },
    ...{ since: '2026-11-29T09:00:00.000Z', until: '2026-11-30T09:00:00.000Z' },
  };
  const grants = [grant, { ...grant, quota: null, until: null }];
  expect(
    hostQuotas(host('a', [OVER, standing()], { name: 'x\x1b[2J', addresses: ['10.0.0.5'], grants }), NOW_MS),
  ).toBe(
    [
      'x\\x1b[2J  10.0.0.5',
      'quota     over  way      used    limit  share  state  ends',
      'fair-use  4h    down  10.2 GB  10.0 GB   102%  over   in 32 min',
      'fair-use  4h    down  2.00 GB  10.0 GB    20%',
      '5.00 GB more of fair-use until 2026-11-30T09:00:00.000Z',
      '5.00 GB more of all quotas in each window, for as long as it is',
      '',
    ].join('\n'),
  );
  expect(hostQuotas(host('10.0.0.6', []), NOW_MS)).toBe('10.0.0.6\nno quota holds for it\n');
});

it('states and ends in few words', () => {
  expect([quotaText([]), quotaText([standing()]), quotaText([standing(), OVER])]).toEqual([
    '',
    '20%',
    'over',
  ]);
  expect(standingText(OVER, NOW_MS)).toBe('down 10.2 GB of 10.0 GB in 4h, over, ends in 32 min');
  const ends = ['10:00:05', '11:59:00', '23:00:00'].map((time) => endText(`2026-11-29T${time}Z`, NOW_MS));
  expect(ends).toEqual(['in 5 s', 'in 119 min', 'in 13 h']);
  expect(endText('2026-12-04T10:00:00Z', NOW_MS)).toBe('in 5 days');
  expect(endText('2026-11-29T09:00:00Z', NOW_MS)).toBe('in 0 s');
});
