import { describe, expect, it } from 'vitest';
import { when } from '../../../../src/config/fields/when.ts';
import {
  type ClassSchedule,
  nextScheduleChange,
  scheduledPatches,
  type WallClock,
} from '../../../../src/config/schedule/schedules.ts';

function clockIn(timeZone: string): WallClock {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  return (instantMs) => {
    const parts = Object.fromEntries(
      format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year, month, day, hour, minute, second } = parts as Record<string, number>;
    return Date.UTC(year!, month! - 1, day, hour, minute, second) + (((instantMs % 1000) + 1000) % 1000);
  };
}

const BERLIN = clockIn('Europe/Berlin');
const NEW_YORK = clockIn('America/New_York');
const schedule = (...times: string[]): ClassSchedule[] => [
  { path: 'w/up/a', entries: times.map((text, i) => ({ when: [when.read(text)], set: { weight: i } })) },
];
/** Instants at which something changes, from an instant on. */
const changes = (schedules: ClassSchedule[], clock: WallClock, from: string, count: number): string[] => {
  const instants: string[] = [];
  let at = Date.parse(from);
  while (instants.length < count) {
    at = nextScheduleChange(schedules, clock, at)!;
    instants.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  }
  return instants;
};

it('entries hold in their order, so that later ones win', () => {
  const both = schedule('daily', 'mon 18:00-23:00');
  const at = (text: string) => scheduledPatches(both, BERLIN, Date.parse(text)).map(({ set }) => set);
  expect(at('2026-06-01T15:59:59Z')).toEqual([{ weight: 0 }]);
  expect(at('2026-06-01T16:00:00Z')).toEqual([{ weight: 0 }, { weight: 1 }]);
});

it('nothing changes without entries, and with entries that always hold', () => {
  expect(nextScheduleChange([], BERLIN, 0)).toBe(null);
  expect(nextScheduleChange(schedule('daily'), BERLIN, 0)).toBe(null);
  expect(nextScheduleChange(schedule('00:00-12:00,12:00-24:00'), BERLIN, Date.parse('2026-03-27'))).toBe(
    null,
  );
});

describe('daylight saving', () => {
  it('a time that does not exist begins and ends when the clock jumps over it', () => {
    // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
    expect(changes(schedule('02:30-04:00'), BERLIN, '2026-03-28T12:00Z', 2)).toEqual([
      '2026-03-29T01:00Z',
      '2026-03-29T02:00Z',
    ]);
    expect(changes(schedule('02:10-02:50'), BERLIN, '2026-03-28T12:00Z', 2)).toEqual([
      '2026-03-30T00:10Z',
      '2026-03-30T00:50Z',
    ]);
    // New York, 2026-03-08: 02:00 becomes 03:00 at 07:00 UTC.
    expect(changes(schedule('01:00-02:30'), NEW_YORK, '2026-03-08T00:00-05:00', 2)).toEqual([
      '2026-03-08T06:00Z',
      '2026-03-08T07:00Z',
    ]);
  });

  it('a time that comes twice counts twice', () => {
    // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
    expect(changes(schedule('01:00-02:30'), BERLIN, '2026-10-24T23:00Z'.replace('23', '12'), 4)).toEqual([
      '2026-10-24T23:00Z',
      '2026-10-25T00:30Z',
      '2026-10-25T01:00Z',
      '2026-10-25T01:30Z',
    ]);
    expect(changes(schedule('02:30-04:00'), NEW_YORK, '2026-10-31T12:00Z', 2)).toEqual([
      '2026-11-01T07:30Z',
      '2026-11-01T09:00Z',
    ]);
  });

  it.each([
    ['Europe/Berlin', '2026-03-28T00:00Z'],
    ['Europe/Berlin', '2026-10-24T00:00Z'],
    ['America/New_York', '2026-03-07T00:00Z'],
    ['America/New_York', '2026-10-31T00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T00:00Z'],
  ])('%s from %s: as looking at the clock every minute', (zone, from) => {
    const clock = clockIn(zone);
    const schedules = schedule('daily 01:15-02:45', 'sat,sun 02:00-03:00', 'sun 23:30-01:30', 'mon');
    const start = Date.parse(from);
    const state = (at: number) => JSON.stringify(scheduledPatches(schedules, clock, at));
    const slow: number[] = [];
    for (let at = start + 60_000; at < start + 3 * 86_400_000; at += 60_000)
      if (state(at) !== state(at - 60_000)) slow.push(at);
    const fast: number[] = [];
    for (let at = start; ; ) {
      at = nextScheduleChange(schedules, clock, at)!;
      if (at >= start + 3 * 86_400_000) break;
      fast.push(at);
    }
    expect(fast).toEqual(slow);
    expect(fast.length).toBeGreaterThan(8);
  });
});
