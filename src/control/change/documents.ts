/** Documents as src/config reads, compares and schedules them. */
import { configChanges } from '../../config/edit/changes.ts';
import { ConfigDocument } from '../../config/edit/document.ts';
import { scheduledPatches, type WallClock } from '../../config/schedule/schedules.ts';
import { Accounts } from '../../io/accounts.ts';
import { readDeviceGraph } from '../../io/proc/device-graph.ts';
import type { Documents } from './derive.ts';

/** Local time, daylight saving included. */
const localTime: WallClock = (instantMs) => instantMs - new Date(instantMs).getTimezoneOffset() * 60_000;

export const DOCUMENTS: Documents = {
  parse: ConfigDocument.parse,
  loadHere: (document) => document.load(readDeviceGraph(), { accounts: new Accounts() }),
  changes: configChanges,
  hasSchedules: ({ schedules }) => schedules.length > 0,
  scheduled: ({ schedules }, at) => scheduledPatches(schedules, localTime, at.getTime()),
};
