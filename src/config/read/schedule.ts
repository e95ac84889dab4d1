/** Schedules of classes, before it is tried whether their values fit. */
import type { Node } from 'yaml';
import { SECTIONS } from '../fields/sections.ts';
import type { ClassSchedule, ScheduleEntry } from '../schedule/schedules.ts';
import { ConfigEditError } from '../tree/error.ts';
import { checkPatch } from '../tree/patch-keys.ts';
import type { Located } from '../yaml/reader.ts';
import { isPatch } from '../yaml/values.ts';
import type { ClassContext } from './context.ts';

export interface ReadSchedule extends ClassSchedule {
  /** The place of the values of each entry. */
  readonly offsets: readonly number[];
}

/** `context` is that of the class. */
export function readSchedule({ reader, path, schedules }: ClassContext, at: Located<Node>): void {
  const entries: ScheduleEntry[] = [];
  const offsets: number[] = [];
  for (const item of reader.items(at.value)) {
    const written = reader.section(item, SECTIONS.schedule, 'an entry of schedule');
    for (const key of ['when', 'set'] as const)
      if (!reader.hasKey(item, key))
        reader.problems.error(item.range?.[0] ?? at.offset, `an entry needs ${key}`);
    const set = written.set && reader.value(written.set.value);
    if (!written.when || !written.set || set === undefined) continue;
    const { offset } = written.set;
    const fault = isPatch(set) ? faultOf(path, set) : `set must be a map (key: value)`;
    if (fault !== null) reader.problems.error(offset, `schedule: ${fault}`);
    if (fault !== null || !isPatch(set)) continue;
    entries.push({ when: written.when.value.map(({ value }) => value), set });
    offsets.push(offset);
  }
  schedules.push({ path, entries, offsets });
}

function faultOf(path: string, set: Parameters<typeof checkPatch>[1]): string | null {
  if ('schedule' in set) return 'a schedule changes no schedule';
  try {
    checkPatch(path, set);
    return null;
  } catch (error) {
    if (error instanceof ConfigEditError) return error.message;
    throw error;
  }
}
