/**
 * What every class has sent in the last second, its classes included, as charged to ceilings. It is read off
 * the counts of the ledger in ticks of 100 ms, so it costs packets nothing.
 *
 *     tick   ... 41     42     43 ...
 *                |- sent --|         a batch that begins in tick 43 first books all of this to tick 42,
 *                                    in which the batch before it began
 *
 * The ledger counts IP packets, ceilings count bytes on the wire. The packets that a leaf has sent in one
 * tick are charged as if all had their mean length: that is exact for packets of one length, and without a
 * link layer.
 */
import { USE_TICK_NS, USE_TICKS } from '../../algo/pacing/reservation.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Stats } from '../packets/stats.ts';
import { chargeBytesOfMany } from '../packets/wire-cost.ts';

export class RecentUse {
  /** Where the next tick begins; Infinity where nobody asks for use. */
  nextNs: number;
  /** Bytes per second by class. */
  readonly bytesPerSec: Float64Array;
  private readonly classes: readonly ClassInfo[];
  private readonly stats: Stats;
  private readonly parent: Int32Array;
  /** USE_TICKS places a class: the ticks before the present one. */
  private readonly ticks: Float64Array;
  /** Counted in the present tick. */
  private readonly present: Float64Array;
  /** Counted since the call of count() before, while it runs. */
  private readonly fresh: Float64Array;
  /** The ledger's counts at that call. */
  private readonly seenPackets: Float64Array;
  private readonly seenBytes: Float64Array;
  /** Number of the present tick; NONE before the first one. */
  private tick = NONE;

  constructor(classes: readonly ClassInfo[], stats: Stats, isAsked: boolean) {
    const rows = isAsked ? classes.length : 0;
    this.nextNs = isAsked ? FLOAT_ZERO : Number.POSITIVE_INFINITY;
    this.classes = classes;
    this.stats = stats;
    this.parent = Int32Array.from(classes, (info) => info.parent);
    this.bytesPerSec = new Float64Array(rows);
    this.ticks = new Float64Array(rows * USE_TICKS);
    this.present = new Float64Array(rows);
    this.fresh = new Float64Array(rows);
    this.seenPackets = stats.sentPackets.slice(0, rows);
    this.seenBytes = stats.sentBytes.slice(0, rows);
  }

  /** Goes on with the seconds of the classes that stay. `from` has counted before the ledger regrouped. */
  inherit(from: RecentUse, { oldRow }: ClassChange): void {
    if (this.present.length === 0 || from.present.length === 0) return;
    this.tick = from.tick;
    this.nextNs = from.nextNs;
    for (const [c, old] of oldRow.entries()) {
      if (old === NONE) continue;
      this.present[c] = from.present[old];
      this.bytesPerSec[c] = from.bytesPerSec[old];
      for (let n = 0; n < USE_TICKS; n++) this.ticks[c * USE_TICKS + n] = from.ticks[old * USE_TICKS + n];
    }
  }

  /** Books to the present tick what was sent since the last call. */
  count(): void {
    const { stats, fresh, present, parent, seenPackets, seenBytes } = this;
    fresh.fill(0);
    // Children have higher rows than their parents.
    for (let c = fresh.length - 1; c >= 0; c--) {
      const packets = stats.sentPackets[c] - seenPackets[c];
      const bytes = stats.sentBytes[c] - seenBytes[c];
      seenPackets[c] = stats.sentPackets[c];
      seenBytes[c] = stats.sentBytes[c];
      fresh[c] += chargeBytesOfMany(this.classes[c].link.linkLayer, packets, bytes);
      present[c] += fresh[c];
      if (parent[c] !== NONE) fresh[parent[c]] += fresh[c];
    }
  }

  /** Ends the ticks before the one of `nowNs`. Call it at nextNs or later, before packets leave. */
  advance(nowNs: number): void {
    const { present, ticks, bytesPerSec } = this;
    this.count();
    const tick = Math.floor(nowNs / USE_TICK_NS);
    const ended = this.tick === NONE ? 0 : tick - this.tick;
    // Sent more than a second ago.
    if (ended > USE_TICKS) present.fill(0);
    for (let n = 0; n < Math.min(ended, USE_TICKS); n++) {
      const place = (this.tick + n) % USE_TICKS;
      for (let c = 0; c < present.length; c++) {
        const at = c * USE_TICKS + place;
        // A packet that was lost is no longer counted: a tick may have less than none, and so may the second.
        bytesPerSec[c] += present[c] - ticks[at];
        ticks[at] = present[c];
        present[c] = 0;
      }
    }
    this.tick = tick;
    this.nextNs = (tick + 1) * USE_TICK_NS;
  }
}
