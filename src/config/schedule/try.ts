/** Tries what schedules set, alone and together, before any of it holds. */
import { SCHEDULE_STATES_MAX } from '../../limits.ts';
import { patchClass } from '../tree/classes.ts';
import { Draft } from '../tree/draft.ts';
import { Places } from '../tree/places.ts';
import { whereOf } from '../tree/where.ts';
import { ConfigError } from '../yaml/problems.ts';
import type { Fault, YamlSource } from '../yaml/source.ts';
import { boundaries, type ClassSchedule, patchesAt, type ScheduledPatch } from './schedules.ts';

interface PlacedSchedule extends ClassSchedule {
  readonly offsets: readonly number[];
}

/** `read` throws ConfigError for a configuration that is wrong. */
export function scheduleFaults(
  source: YamlSource,
  schedules: readonly PlacedSchedule[],
  read: (source: YamlSource) => void,
): Fault[] {
  const states = statesOf(schedules);
  if (states.size > SCHEDULE_STATES_MAX) {
    const message = `schedule: ${states.size} different states are more than the ${SCHEDULE_STATES_MAX} that are tried`;
    return [
      { offset: schedules[0]?.offsets[0] ?? 0, message: `${message}; let classes change at the same times` },
    ];
  }
  const faults: Fault[] = [];
  for (const state of states.values()) {
    const draft = new Draft(source, new Places(NUMBERS_FROM));
    for (const { path, set } of state) patchClass(draft, path, set);
    const edited = draft.result();
    try {
      read(edited);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const [problem] = error.problems;
      const times = [...new Set(state.map(({ when }) => `'${when}'`))].join(' with ');
      const message = `schedule ${times}: ${whereOf(edited, problem!)}: ${problem!.message}`;
      faults.push({ offset: offsetOf(schedules, state[0]!), message });
    }
  }
  return faults;
}

/** Beyond all positions of texts and all numbers of documents. */
const NUMBERS_FROM = 2 ** 50;

/** What entries set that hold together some time, and what each sets alone. */
function statesOf(schedules: readonly ClassSchedule[]): Map<string, ScheduledPatch[]> {
  const states = new Map<string, ScheduledPatch[]>();
  const add = (state: ScheduledPatch[]): void => {
    if (state.length > 0) states.set(JSON.stringify(state), state);
  };
  for (const minute of boundaries(schedules)) add(patchesAt(schedules, minute));
  for (const schedule of schedules) {
    for (const entry of schedule.entries) {
      const [span] = entry.when[0]?.spans ?? [];
      if (span) add(patchesAt([{ ...schedule, entries: [entry] }], span.from));
    }
  }
  return states;
}

function offsetOf(schedules: readonly PlacedSchedule[], { path, set }: ScheduledPatch): number {
  const schedule = schedules.find((one) => one.path === path)!;
  return schedule.offsets[schedule.entries.findIndex((entry) => entry.set === set)] ?? 0;
}
