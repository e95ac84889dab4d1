/**
 * Times of the week at which an entry of a schedule holds: `mon-fri 18:00-23:00`. By the clock on the wall:
 * an hour that a change to daylight saving leaves out does not come, and one that comes twice counts twice.
 */
import { FieldError, type TextForm } from './kinds.ts';

export const DAY_MINUTES = 24 * 60;
export const WEEK_MINUTES = 7 * DAY_MINUTES;

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const NAMES = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const FORMS = 'days (mon-fri, sat,sun, daily), times (18:00-23:00), or both, days first';

/** Minutes since the beginning of Monday, from `from` on and before `to`, which may be in the next week. */
export interface WeekSpan {
  readonly from: number;
  readonly to: number;
}

export interface When {
  /** As it was written. */
  readonly text: string;
  readonly spans: readonly WeekSpan[];
}

export const when: TextForm<When> = {
  read(text) {
    const words = text
      .trim()
      .toLowerCase()
      .replaceAll(/\s*,\s*/g, ',')
      .split(/\s+/);
    const isTimes = /^\d/.test(words.at(-1) ?? '');
    const times = isTimes ? words.pop()! : null;
    const [days, ...rest] = words;
    if (rest.length > 0 || (days === undefined && times === null)) throw unreadable(text);
    const spans =
      times === null ? [{ from: 0, to: DAY_MINUTES }] : times.split(',').map((span) => readSpan(text, span));
    const starts = days === undefined ? DAYS.map((_, day) => day) : readDays(text, days);
    return {
      text,
      spans: starts.flatMap((day) =>
        spans.map(({ from, to }) => ({ from: day * DAY_MINUTES + from, to: day * DAY_MINUTES + to })),
      ),
    };
  },
  write: ({ text }) => text,
};

function unreadable(text: string): FieldError {
  return new FieldError(`'${text}' is no time; write ${FORMS}`);
}

/** A time that ends before it begins ends on the next day. */
function readSpan(text: string, span: string): WeekSpan {
  const match = /^(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)$/.exec(span);
  if (!match) throw unreadable(text);
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const from = 60 * fromHour + fromMinute;
  const to = 60 * toHour + toMinute;
  if (Math.max(fromMinute, toMinute) > 59 || from >= DAY_MINUTES || to > DAY_MINUTES)
    throw new FieldError(`'${span}' has a time that no clock shows; times are 00:00 to 24:00`);
  if (from === to) throw new FieldError(`'${span}' is no time at all; for whole days leave the time out`);
  return { from, to: to > from ? to : to + DAY_MINUTES };
}

/** Days of the week from 0, each once. `fri-mon` goes over the weekend. */
function readDays(text: string, days: string): number[] {
  const found = new Set<number>();
  for (const part of days.split(',')) {
    const [first = '', last = first, ...rest] = part === 'daily' ? ['mon', 'sun'] : part.split('-');
    const [from, to] = [dayOf(first), dayOf(last)];
    if (rest.length > 0 || from < 0 || to < 0) throw unreadable(text);
    for (let day = from; ; day = (day + 1) % 7) {
      found.add(day);
      if (day === to) break;
    }
  }
  return [...found].sort();
}

function dayOf(word: string): number {
  return Math.max(DAYS.indexOf(word), NAMES.indexOf(word));
}

/** Whether an entry holds at a minute of the week. */
export function holdsAt({ spans }: When, minute: number): boolean {
  return spans.some(
    ({ from, to }) =>
      (minute >= from && minute < to) || (minute + WEEK_MINUTES >= from && minute + WEEK_MINUTES < to),
  );
}
