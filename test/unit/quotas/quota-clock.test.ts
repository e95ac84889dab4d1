import { describe, expect, test } from 'vitest';
import { type ClockReading, QuotaClock } from '../../../src/quotas/quota-clock.ts';

const YEAR_MS = 365 * 86_400_000;
const at = (bootMs: number, wallMs: number, bootId = 'first'): ClockReading => ({ bootMs, wallMs, bootId });

describe('while the program runs', () => {
  test('quota time begins at 0 and goes on with the clock since boot', () => {
    const clock = new QuotaClock(null, at(5000, 1e12));
    expect(clock.quotaNs(5000)).toBe(0);
    expect(clock.quotaNs(5250.5)).toBe(250.5e6);
  });

  test('a jump of the wall clock moves nothing', () => {
    const clock = new QuotaClock(null, at(0, 1e12));
    const stored = clock.stored(at(1000, 1e12 + YEAR_MS));
    expect(stored).toEqual({ quotaMs: 1000, wallMs: 1e12 + YEAR_MS, bootMs: 1000, bootId: 'first' });
  });
});

describe('over a stop', () => {
  const before = new QuotaClock(null, at(0, 1e12)).stored(at(60_000, 1e12 + 60_000));

  test.each<[string, ClockReading, number]>([
    ['of the program: by the clock since boot', at(90_000, 1e12 + 90_000), 90_000],
    ['of the program, and the wall clock jumped ahead', at(90_000, 1e12 + YEAR_MS), 90_000],
    ['of the program, and the wall clock jumped back', at(90_000, 0), 90_000],
    ['of the machine: by the wall clock', at(7000, 1e12 + 100_000, 'second'), 100_000],
    ['of the machine, and the wall clock was set back', at(7000, 1e9, 'second'), 60_000],
    ['of the machine, with a boot id that is the same (a container)', at(10, 1e12 + 100_000), 100_000],
  ])('%s', (_, start, quotaMs) => {
    const clock = new QuotaClock(before, start);
    expect(clock.quotaNs(start.bootMs)).toBe(quotaMs * 1e6);
    expect(clock.quotaNs(start.bootMs + 1)).toBe((quotaMs + 1) * 1e6);
  });
});

test('instants of quota time and of the wall clock, as the wall clock is now', () => {
  const clock = new QuotaClock(null, at(5000, 1e12));
  const now = at(65_000, 2e12);
  expect(clock.wallMs(60_000e6, now)).toBe(2e12);
  expect(clock.wallMs(90_000e6, now)).toBe(2e12 + 30_000);
  expect(clock.quotaNsOfWall(2e12 - 20_000, now)).toBe(40_000e6);
});
