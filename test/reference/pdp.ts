/**
 * Primary data points: average rates of equal steps, from readings at any instants.
 *
 * Reference: rrdtool, "rrdcreate" (heartbeat, step, xff) and its test pdp-calc1.
 *
 * Model. An interval between two readings is spread evenly over its seconds. A point is the average over the
 * known seconds of its step, and unknown if more than half of them are unknown:
 *
 *     readings     r1          r2   r3          r4 (unknown)
 *     seconds      |- known  --|----|- unknown -|
 *     steps        |-------|-------|-------|
 *                    point   point   null          null is unknown, and never 0
 *
 * | parameter    | unit | range  | default                                              |
 * |--------------|------|--------|------------------------------------------------------|
 * | stepNs       | ns   | > 0    | by history                                           |
 * | unknownShare |      | [0, 1] | 0.5: the share of unknown time that a point may have |
 *
 * Worked example: steps of 60 s; 60 bytes in the first 30 s, nothing known of the rest: 2 bytes/s. With only
 * 29 s known the point is null.
 *
 * Invariants (test/property/pdp):
 *  1. Rate times known time of all points is what the intervals had, while no point is unknown.
 *  2. Points are those of a twin that looks at each second.
 *
 * Departures: an interval that ends before it begins counts nothing. Cost: a few additions an interval and
 * step.
 */

export interface PrimaryPoint {
  readonly endNs: number;
  /** null: unknown. */
  readonly bytesPerSec: number | null;
}

const UNKNOWN_SHARE = 0.5;

/** Points of one counter. Intervals come in order, without gaps: what is not known comes as null. */
export class PrimaryPoints {
  readonly #stepNs: number;
  #atNs: number;
  #stepEndNs: number;
  #bytes = 0;
  #knownNs = 0;

  /** The first step begins at `startNs`. */
  constructor(stepNs: number, startNs: number) {
    this.#stepNs = stepNs;
    this.#atNs = startNs;
    this.#stepEndNs = startNs + stepNs;
  }

  /** Bytes from the end of the last interval to `endNs`, null if unknown. Returns points that are full. */
  add(endNs: number, bytes: number | null): PrimaryPoint[] {
    const points: PrimaryPoint[] = [];
    const beginNs = this.#atNs;
    while (this.#stepEndNs <= endNs) {
      this.#take(this.#stepEndNs, beginNs, endNs, bytes);
      points.push({ endNs: this.#stepEndNs, bytesPerSec: this.#average() });
      this.#stepEndNs += this.#stepNs;
      this.#bytes = 0;
      this.#knownNs = 0;
    }
    if (endNs > this.#atNs) this.#take(endNs, beginNs, endNs, bytes);
    return points;
  }

  #take(untilNs: number, beginNs: number, endNs: number, bytes: number | null): void {
    const tookNs = untilNs - this.#atNs;
    this.#atNs = untilNs;
    if (bytes === null) return;
    this.#knownNs += tookNs;
    this.#bytes += (bytes * tookNs) / (endNs - beginNs);
  }

  #average(): number | null {
    if (this.#knownNs < this.#stepNs * (1 - UNKNOWN_SHARE) || this.#knownNs === 0) return null;
    return (this.#bytes * 1e9) / this.#knownNs;
  }
}

/**
 * One point of several steps: the average over its known points, unknown if more than `unknownShare` of them
 * are.
 */
export function consolidated(
  points: readonly (number | null)[],
  unknownShare: number = UNKNOWN_SHARE,
): number | null {
  const known = points.filter((value) => value !== null);
  if (known.length === 0 || points.length - known.length > unknownShare * points.length) return null;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
