/** Instants at which an axis of time has a tick, in the time zone of the reader. */

export interface TimeTick {
  readonly atMs: number;
  readonly label: string;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const WITHIN_DAY_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];
const DAYS = [1, 2, 7, 14];
const MONTHS = [1, 2, 3, 6, 12];
const MONTH_DAYS = 30.4;
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** At most about `countMax` of them, the more the better. The end of the span itself has none. */
export function timeTicks(fromMs: number, toMs: number, countMax: number): TimeTick[] {
  const stepMs = (toMs - fromMs) / Math.max(1, countMax);
  const minutes = WITHIN_DAY_MINUTES.find((some) => some * MINUTE_MS >= stepMs);
  const days = DAYS.find((some) => some * DAY_MS >= stepMs);
  const months = MONTHS.find((some) => some * MONTH_DAYS * DAY_MS >= stepMs) ?? MONTHS.at(-1)!;
  const from = new Date(fromMs);
  const [year, month, day] = [from.getFullYear(), from.getMonth(), from.getDate()];
  const next = (n: number): Date => {
    // Hours of the clock, so that ticks stay at them when it is put forward or back.
    if (minutes !== undefined) return new Date(year, month, day, 0, n * minutes);
    if (days !== undefined) return new Date(year, month, day + n * days);
    return new Date(year, n * months, 1);
  };
  const label = minutes !== undefined ? hourLabel : days !== undefined ? dayLabel : monthLabel;
  const ticks: TimeTick[] = [];
  for (let n = 0; ; n++) {
    const at = next(n);
    if (at.getTime() >= toMs) return ticks;
    const isNew = at.getTime() > (ticks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY);
    if (at.getTime() >= fromMs && isNew) ticks.push({ atMs: at.getTime(), label: label(at) });
  }
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

function clockText(at: Date): string {
  return `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
}

function hourLabel(at: Date): string {
  return at.getHours() === 0 && at.getMinutes() === 0 ? dayLabel(at) : clockText(at);
}

function dayLabel(at: Date): string {
  return `${at.getDate()} ${MONTH_NAMES[at.getMonth()]}`;
}

function monthLabel(at: Date): string {
  return `${MONTH_NAMES[at.getMonth()]} ${at.getFullYear()}`;
}

/** `2026-11-29 14:05`. */
export function instantText(atMs: number): string {
  const at = new Date(atMs);
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-');
  return `${date} ${clockText(at)}`;
}
