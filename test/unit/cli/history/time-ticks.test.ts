import { afterAll, beforeAll, expect, it } from 'vitest';
import { instantText, timeTicks } from '../../../../src/cli/history/time-ticks.ts';

const zone = process.env.TZ;
beforeAll(() => {
  process.env.TZ = 'Europe/Berlin';
});
afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const labels = (from: string, to: string, count: number): string[] =>
  timeTicks(Date.parse(from), Date.parse(to), count).map(({ label }) => label);

it('ticks stand at round times of the clock', () => {
  expect(labels('2026-11-28T21:17:00Z', '2026-11-29T03:17:00Z', 7)).toEqual([
    ...['23:00', '29 Nov', '01:00', '02:00', '03:00', '04:00'],
  ]);
  expect(labels('2026-11-22T10:00:00Z', '2026-11-29T10:00:00Z', 7)).toEqual([
    ...['23 Nov', '24 Nov', '25 Nov', '26 Nov', '27 Nov', '28 Nov', '29 Nov'],
  ]);
  expect(labels('2025-11-29T00:00:00Z', '2026-11-29T00:00:00Z', 5)).toEqual([
    ...['Jan 2026', 'Apr 2026', 'Jul 2026', 'Oct 2026'],
  ]);
});

it('days begin at midnight also when the clock is put back', () => {
  // On 25 October 2026 the day has 25 hours.
  const ticks = timeTicks(Date.parse('2026-10-24T10:00:00Z'), Date.parse('2026-10-27T10:00:00Z'), 3);
  expect(ticks.map(({ atMs }) => new Date(atMs).toISOString())).toEqual([
    '2026-10-24T22:00:00.000Z',
    '2026-10-25T23:00:00.000Z',
    '2026-10-26T23:00:00.000Z',
  ]);
});

it('no label comes twice in the hour that comes twice, and the time does not go back', () => {
  const ticks = timeTicks(Date.parse('2026-10-24T22:00:00Z'), Date.parse('2026-10-25T04:00:00Z'), 8);
  const times = ticks.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
});

it('an instant is written as people here write it', () => {
  expect(instantText(Date.parse('2026-11-29T09:05:59Z'))).toBe('2026-11-29 10:05');
});
