/** Counters of classes by their path, for modules that steer them. Read them between two batches only. */
import type { ClassCounters } from '../modules/api/module.ts';
import type { ClassInfo } from './classes/classes.ts';
import type { Stats } from './packets/stats.ts';

/** What they are read from: an Engine. */
export interface CountedClasses {
  readonly classes: readonly ClassInfo[];
  readonly stats: Stats;
}

export class ClassCounterReader {
  private readonly from: CountedClasses;
  private listed: readonly ClassInfo[] = [];
  private rows: ReadonlyMap<string, number> = new Map();

  constructor(from: CountedClasses) {
    this.from = from;
  }

  /** Sums over the class and all classes inside it; null if there is no class of that path. */
  get(path: string): ClassCounters | null {
    const { classes, stats } = this.from;
    if (classes !== this.listed) {
      this.listed = classes;
      this.rows = new Map(classes.map((info, c) => [info.path, c]));
    }
    const row = this.rows.get(path);
    if (row === undefined) return null;
    const sums = { sentBytes: 0, sentPackets: 0, droppedPackets: 0, backlogBytes: 0, backlogPackets: 0 };
    // Parents stand before their children.
    const isInside = new Uint8Array(classes.length);
    isInside[row] = 1;
    for (let c = row; c < classes.length; c++) {
      const { parent } = classes[c]!;
      if (c > row && parent >= row && isInside[parent] === 1) isInside[c] = 1;
      if (isInside[c] !== 1) continue;
      sums.sentBytes += stats.sentBytes[c]!;
      sums.sentPackets += stats.sentPackets[c]!;
      sums.droppedPackets += droppedOf(stats, c);
      sums.backlogBytes += stats.backlogBytes[c]!;
      sums.backlogPackets += stats.backlogPackets[c]!;
    }
    const { rateBytesPerSec, ceilBytesPerSec } = classes[row]!.spec;
    return { ...sums, rateBytesPerSec, ceilBytesPerSec };
  }
}

/** A module that took its own drops for losses of the queue behind it would drop ever more. */
function droppedOf({ dropTail, dropEarly, dropPolice, dropAqm }: Stats, c: number): number {
  return dropTail[c]! + dropEarly[c]! + dropPolice[c]! + dropAqm[c]!;
}
