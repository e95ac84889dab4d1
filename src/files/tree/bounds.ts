/** What a class may not have, whoever asks through its files: more than the class around it. */
import { formatRate, fromBitsPerSec, parseRate, UnitError } from '../../base/units.ts';
import { FileError } from '../fuse/filesystem.ts';
import type { ClassReport } from './instance.ts';
import type { Patch, Value } from './parameters.ts';

/** The class around the one that is changed. */
export interface Around {
  readonly report: ClassReport;
  /** Whether the caller may change the priority of the class around: then the order is his as well. */
  readonly ownsPriority: boolean;
}

/** Throws EINVAL or EPERM with the reason. */
export function checkBounds(patch: Patch, around: Around): void {
  checkRate('bandwidth', patch.ceil, around.report);
  for (const name of ['police', 'each']) checkRate(name, mapOf(patch[name]).rate, around.report);
  checkPriority(patch.priority, around);
  const entries = [patch.schedule ?? []].flat() as readonly Value[];
  for (const entry of entries) {
    const set = mapOf(mapOf(entry).set);
    if ('access' in set)
      throw new FileError('EPERM', 'schedule: owners and modes are changed by chown and chmod');
    checkBounds(set, around);
  }
}

function checkRate(
  file: string,
  rate: Value | undefined,
  { path, ceilBitsPerSecond: most }: ClassReport,
): void {
  if (typeof rate !== 'string' || most === null) return;
  const bytesPerSec = rateOf(rate);
  if (bytesPerSec === null || bytesPerSec <= fromBitsPerSec(most)) return;
  const limit = formatRate(fromBitsPerSec(most));
  throw new FileError('EINVAL', `${file}: ${rate} is above the ${limit} of ${path}`);
}

/** null: no rate. The instance says why. */
function rateOf(text: string): number | null {
  try {
    return parseRate(text);
  } catch (error) {
    if (error instanceof UnitError) return null;
    throw error;
  }
}

function checkPriority(priority: Value | undefined, { report, ownsPriority }: Around): void {
  const around = Number(report.values.priority);
  if (typeof priority !== 'string' || ownsPriority || Number.isNaN(around)) return;
  if (!/^\d+$/.test(priority) || Number(priority) >= around) return;
  const rule = `classes inside go before others as ${report.path} does, with ${around} at best`;
  throw new FileError('EPERM', `priority: ${priority} is not yours to give: ${rule}`);
}

/** Empty for a value that is no map. */
function mapOf(value: Value | undefined): Patch {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Patch) : {};
}
