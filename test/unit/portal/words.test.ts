import { expect, test } from 'vitest';
import { amountText, instantText, spanText, waitText } from '../../../src/portal/words.ts';

test('amounts have no zeros that say nothing', () => {
  expect([10e9, 5.2e9, 312e6, 0, 999, 1e12, 10.04e9, 100e9].map(amountText)).toEqual([
    ...['10 GB', '5.2 GB', '312 MB', '0 B', '999 B', '1 TB', '10 GB', '100 GB'],
  ]);
});

test('spans have the largest unit that fits', () => {
  const spans = [4 * 3600e9, 7 * 86400e9, 86400e9, 3600e9, 5400e9, 60e9, 20e9, 1e9];
  expect(spans.map(spanText)).toEqual([
    ...['4 hours', '7 days', 'day', 'hour', '90 minutes', 'minute', '20 seconds', 'second'],
  ]);
});

test('waits are rounded up', () => {
  const minute = 60e3;
  const waits = [1, minute - 1, minute, minute + 1, 59.5 * minute, 130 * minute, 3 * 60 * minute];
  expect(waits.map(waitText)).toEqual([
    ...['less than a minute', 'less than a minute', '1 min', '2 min', '1 h', '2 h 10 min', '3 h'],
  ]);
  expect(waitText(76 * 60 * minute)).toBe('3 days 4 h');
  expect(waitText(48 * 60 * minute)).toBe('2 days');
});

test('instants say the day if it is not today', () => {
  const now = new Date(2026, 10, 29, 23, 10).getTime();
  const at = (day: number, hour: number, minute: number): string =>
    instantText(new Date(2026, 10, day, hour, minute).getTime(), now);
  expect(at(29, 23, 40)).toBe('at about 23:40');
  expect(at(30, 0, 5)).toBe('tomorrow at about 00:05');
  expect(at(31, 14, 35)).toBe('on Tuesday 1 December at about 14:35');
});
