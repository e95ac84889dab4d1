/**
 * The meters of every class. Each packet that passes the policers is measured and gets a colour: green,
 * yellow or red (algo/buckets/markers.ts). A meter drops nothing; the colour chooses WRED's profile.
 *
 * The meters around a leaf are asked from the root down, and the last colour counts. A colour-aware meter
 * starts from the colour of the meter above. The first one starts from the drop precedence of assured
 * forwarding in the packet's DSCP (RFC 2597).
 */

import { wredByAssuredForwarding } from '../../algo/aqm/wred.ts';
import {
  createMarkerBuckets,
  fillMarker,
  GREEN,
  inheritMarker,
  type MarkerBuckets,
  markerColour,
} from '../../algo/buckets/markers.ts';
import { NONE } from '../../base/none.ts';
import type { MeterSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import { type Chain, type ClassInfo, chainOf } from '../classes/classes.ts';
import type { HeldTable } from '../packets/held.ts';

export class Meters {
  /** Whether any class has a meter. If not, every packet is green. */
  readonly isUsed: boolean;
  private readonly held: HeldTable;
  private readonly specs: readonly (MeterSpec | null)[];
  private readonly buckets: MarkerBuckets;
  /** Classes with a meter, on the way up from each class. */
  private readonly chain: Chain;
  private readonly colourOfDscp = wredByAssuredForwarding();

  constructor(classes: readonly ClassInfo[], held: HeldTable) {
    this.held = held;
    this.specs = classes.map(({ spec }) => spec.meter);
    this.isUsed = this.specs.some((meter) => meter !== null);
    this.buckets = createMarkerBuckets(classes.length);
    this.chain = chainOf(classes, ({ spec }) => spec.meter !== null);
    for (const [row, meter] of this.specs.entries()) if (meter) fillMarker(this.buckets, row, meter, 0);
  }

  /** Takes over the tokens of meters that stay. */
  inherit(from: Meters, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      const [meter, before] = [this.specs[c], old === NONE ? null : from.specs[old]];
      if (meter && before) inheritMarker(this.buckets, c, meter, from.buckets, old, before, nowNs);
    }
  }

  /** Gives packet `h`, which has come to its leaf, its colour. Call once per tree if isUsed. */
  measure(h: number, nowNs: number): void {
    const row = this.chain.from[this.held.leaf[h]];
    this.held.setColour(h, row === NONE ? GREEN : this.colour(row, h, nowNs));
  }

  private colour(row: number, h: number, nowNs: number): number {
    const { held } = this;
    const { above } = this.chain;
    // The meter above measures the packet even if this one ignores its colour.
    const before = above[row] === NONE ? this.colourOfDscp[held.dscp(h)] : this.colour(above[row], h, nowNs);
    const meter = this.specs[row];
    if (meter === null) return before;
    return markerColour(this.buckets, row, meter, held.lengthBytes[h], meter.aware ? before : GREEN, nowNs);
  }
}
