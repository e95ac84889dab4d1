/** The tree of classes as rows: in the order of the file, or with the neighbours of each level sorted. */
import type { ClassReport } from '../../control/status.ts';

export interface ClassRow {
  readonly report: ClassReport;
  /** Its name below the class around it; of a direction its path. */
  readonly label: string;
  /** It does not fit the filter and stands here for the classes inside it. */
  readonly isContext: boolean;
  /** A change with an end holds on it. */
  readonly isLeased: boolean;
}

const KEYS: Readonly<Record<string, (report: ClassReport) => number>> = {
  rate: ({ recent }) => recent.bitsPerSecond.over1s,
  waiting: ({ backlog }) => backlog.bytes,
  delay: ({ recent }) => recent.delayMicroseconds?.p99 ?? -1,
  drops: ({ recent }) => recent.droppedPerSecond,
};

/** A direction such as `wan/up` has two names. */
export function depthOf(path: string): number {
  return path.split('/').length - 2;
}

/** The key that a value without a key sets. */
export function limitKey(path: string): 'rate' | 'ceil' {
  return depthOf(path) <= 0 ? 'rate' : 'ceil';
}

export function classRows(
  classes: readonly ClassReport[],
  sort: string,
  filter: string,
  leased: ReadonlySet<string>,
): ClassRow[] {
  const known = new Set(classes.map(({ path }) => path));
  const inside = new Map<string, ClassReport[]>();
  for (const report of classes) {
    const around = aroundOf(report.path);
    const key = known.has(around) ? around : '';
    inside.set(key, [...(inside.get(key) ?? []), report]);
  }
  const keyOf = KEYS[sort];
  const rowsIn = (around: string): ClassRow[] => {
    const reports = inside.get(around) ?? [];
    const sorted = keyOf ? reports.toSorted((a, b) => keyOf(b) - keyOf(a)) : reports;
    return sorted.flatMap((report) => {
      const below = rowsIn(report.path);
      const fits = report.path.toLowerCase().includes(filter.toLowerCase());
      if (!fits && below.length === 0) return [];
      const isLeased = leased.has(report.path);
      return [{ report, label: labelOf(report.path, isLeased), isContext: !fits, isLeased }, ...below];
    });
  };
  return rowsIn('');
}

function aroundOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function labelOf(path: string, isLeased: boolean): string {
  const depth = depthOf(path);
  const name = depth <= 0 ? path : `${'  '.repeat(depth)}${path.slice(path.lastIndexOf('/') + 1)}`;
  return isLeased ? `${name} [L]` : name;
}
