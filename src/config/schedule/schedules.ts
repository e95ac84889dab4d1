/** Schedules of classes: which of their entries hold, and when something changes next. Told the time. */

import { DAY_MINUTES, holdsAt, WEEK_MINUTES, type When } from '../fields/when.ts';
import type { MergePatch } from '../yaml/values.ts';

export interface ScheduleEntry {
  readonly when: readonly When[];
  /** What the class has instead while the entry holds. */
  readonly set: MergePatch;
}

export interface ClassSchedule {
  readonly path: string;
  readonly entries: readonly ScheduleEntry[];
}

/** An entry that holds. */
export interface ScheduledPatch {
  readonly path: string;
  /** As it was written. */
  readonly when: string;
  readonly set: MergePatch;
}

/**
 * What the clock on the wall shows at an instant: milliseconds from 1970 on of a clock in the time of the
 * place, which jumps when daylight saving begins and ends.
 */
export type WallClock = (instantMs: number) => number;

/** The entries that hold at a minute of the week, in their order: later ones win. */
export function patchesAt(schedules: readonly ClassSchedule[], minute: number): ScheduledPatch[] {
  return schedules.flatMap(({ path, entries }) =>
    entries
      .filter(({ when }) => when.some((one) => holdsAt(one, minute)))
      .map(({ when, set }) => ({ path, when: when.map(({ text }) => text).join(', '), set })),
  );
}

/** The entries that hold at an instant. */
export function scheduledPatches(
  schedules: readonly ClassSchedule[],
  wallClock: WallClock,
  instantMs: number,
): ScheduledPatch[] {
  return patchesAt(schedules, minuteOfWeek(wallClock(instantMs)));
}

/** Minutes of the week at which an entry begins or ends, in order. */
export function boundaries(schedules: readonly ClassSchedule[]): number[] {
  const minutes = new Set<number>();
  for (const { entries } of schedules) {
    for (const { spans } of entries.flatMap(({ when }) => when)) {
      for (const { from, to } of spans) minutes.add(from % WEEK_MINUTES).add(to % WEEK_MINUTES);
    }
  }
  return [...minutes].sort((a, b) => a - b);
}

const MINUTE_MS = 60_000;
/** 1970 began on a Thursday. */
const EPOCH_MINUTE = 3 * DAY_MINUTES;

function minuteOfWeek(wallMs: number): number {
  const minute = (Math.floor(wallMs / MINUTE_MS) + EPOCH_MINUTE) % WEEK_MINUTES;
  return minute < 0 ? minute + WEEK_MINUTES : minute;
}

/** No time of the week is further away, not even if a boundary falls into an hour that does not come. */
const HOPS_MAX = 1000;

/** The next instant at which other entries hold; null if none ever does or the same always do. */
export function nextScheduleChange(
  schedules: readonly ClassSchedule[],
  wallClock: WallClock,
  instantMs: number,
): number | null {
  const minutes = boundaries(schedules);
  if (minutes.length === 0) return null;
  const holding = (ms: number): string => JSON.stringify(scheduledPatches(schedules, wallClock, ms));
  const now = holding(instantMs);
  let atMs = instantMs;
  for (let hop = 0; hop < Math.min(HOPS_MAX, 2 * minutes.length + 4); hop++) {
    atMs = nextHop(minutes, wallClock, atMs);
    if (holding(atMs) !== now) return atMs;
  }
  return null;
}

/** The next boundary, or the instant before it at which the clock on the wall jumps. */
function nextHop(minutes: readonly number[], wallClock: WallClock, instantMs: number): number {
  const wallMs = wallClock(instantMs);
  const minute = minuteOfWeek(wallMs);
  const next = minutes.find((one) => one > minute) ?? minutes[0]! + WEEK_MINUTES;
  const intoMinuteMs = ((wallMs % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
  const boundaryMs = instantMs + (next - minute) * MINUTE_MS - intoMinuteMs;
  const offset = (atMs: number): number => wallClock(atMs) - atMs;
  const before = offset(instantMs);
  // A day at a time: two jumps that undo each other are further apart.
  for (let fromMs = instantMs; fromMs < boundaryMs; fromMs += DAY_MINUTES * MINUTE_MS) {
    const toMs = Math.min(fromMs + DAY_MINUTES * MINUTE_MS, boundaryMs);
    if (offset(toMs) !== before) return jumpBetween((atMs) => offset(atMs) !== before, fromMs, toMs);
  }
  return boundaryMs;
}

/** The first instant, to a millisecond, at which the clock has jumped. It has at `toMs`, not at `fromMs`. */
function jumpBetween(hasJumped: (atMs: number) => boolean, fromMs: number, toMs: number): number {
  let [low, high] = [fromMs, toMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (hasJumped(middle)) high = middle;
    else low = middle;
  }
  return high;
}
