/**
 * The meters of every class: each packet that gets past the policers is measured and gets a colour, green, yellow or red
 * (algo/markers.ts). A meter drops nothing; the colour chooses WRED's profile.
 *
 * Meters of a packet's way are asked from the root down, the last one's colour counts. An aware one starts from the colour that
 * the one above gave or, if it is the first, from the drop precedence of assured forwarding in the packet's DSCP (RFC 2597).
 */
import {
  createMarkerBuckets,
  fillMarker,
  GREEN,
  inheritMarker,
  type MarkerBuckets,
  markerColour,
} from '../algo/markers.ts';
import { wredByAssuredForwarding } from '../algo/wred.ts';
import { NONE } from '../base/none.ts';
import type { ClassChange } from './class-change.ts';
import type { ClassInfo } from './classes.ts';
import { type HeldTable, NO_LEAF } from './held.ts';
import type { MeterSpec } from './spec.ts';

export class Meters {
  /** Whether any class has a meter; without, every packet is green. */
  readonly isUsed: boolean;
  private readonly held: HeldTable;
  private readonly specs: readonly (MeterSpec | null)[];
  private readonly buckets: MarkerBuckets;
  /** The class itself or its nearest ancestor with a meter; NO_LEAF for none. */
  private readonly from: Uint16Array;
  /** The same, starting at the parent. */
  private readonly above: Uint16Array;
  private readonly colourOfDscp = wredByAssuredForwarding();

  constructor(classes: readonly ClassInfo[], held: HeldTable) {
    this.held = held;
    this.specs = classes.map(({ spec }) => spec.meter);
    this.isUsed = this.specs.some((meter) => meter !== null);
    this.buckets = createMarkerBuckets(classes.length);
    this.from = new Uint16Array(classes.length);
    this.above = new Uint16Array(classes.length);
    for (const [row, { spec, parent }] of classes.entries()) {
      this.above[row] = parent === NONE ? NO_LEAF : this.from[parent];
      this.from[row] = spec.meter ? row : this.above[row];
      if (spec.meter) fillMarker(this.buckets, row, spec.meter, 0);
    }
  }

  /** Takes over the tokens of meters that there were before. */
  inherit(from: Meters, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      const [meter, before] = [this.specs[c], old === NONE ? null : from.specs[old]];
      if (meter && before) inheritMarker(this.buckets, c, meter, from.buckets, old, before, nowNs);
    }
  }

  /** Gives packet `h`, which has come to its leaf, its colour. Call once per tree if isUsed. */
  measure(h: number, now: number): void {
    const row = this.from[this.held.leaf[h]];
    this.held.setColour(h, row === NO_LEAF ? GREEN : this.colour(row, h, now));
  }

  private colour(row: number, h: number, now: number): number {
    const { held, above } = this;
    // The one above measures the packet also if this one does not ask what it found.
    const before = above[row] === NO_LEAF ? this.colourOfDscp[held.dscp(h)] : this.colour(above[row], h, now);
    const meter = this.specs[row];
    if (meter === null) return before;
    return markerColour(this.buckets, row, meter, now, held.lengthBytes[h], meter.aware ? before : GREEN);
  }
}
