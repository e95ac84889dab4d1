/**
 * Reservation: the ceiling of a class that lends what its siblings leave.
 *
 * Reference: Sustainable Softworks, Application Note 1006, "Using Bandwidth Allocation" (2005), section
 * "Reserving Bandwidth".
 *
 * Model. Siblings have limits L_i and use U_i. A sibling that uses more than half of its limit will soon want
 * the rest, so all of it is kept for it. The last class, of limit L, has what remains:
 *
 *     reserved_i = L_i if U_i > L_i / 2, else U_i            limit = max(least, L - sum of reserved_i)
 *     least      = min(L, max(guaranteed, L / 50, 2000 B/s))
 *
 * Use is counted in ticks of 100 ms. U_i is the sum of the last ten: the bytes of one second. Without the
 * least limit the last class would stand still for as long as its siblings are busy. 2000 B/s are a full
 * packet in 0.75 s, within the second after which a sender of TCP at first sends again (RFC 6298).
 *
 * | parameter             | unit    | range | default                                          |
 * |-----------------------|---------|-------|--------------------------------------------------|
 * | limitBytesPerSec      | bytes/s | > 0   | Infinity: the sibling has no limit of its own    |
 * | usedBytesPerSec       | bytes/s | >= 0  | of the last second                               |
 * | guaranteedBytesPerSec | bytes/s | >= 0  | 0; what the last class has for certain           |
 *
 * Worked example: L = 2000, a sibling of limit 128. It uses 64: 1936 remain. It uses 65: 1872 remain. It then
 * uses 49: still 1872. It uses 48, which is no more than 3/8 of 128: 1952 remain.
 *
 * Invariants (test/unit/algo/pacing/reservation):
 *  1. With use that does not change between the thresholds the limit does not change.
 *  2. The limit is at least the least one, and at most L.
 *  3. More use never makes the limit larger.
 *
 * Departures: the note neither smooths nor has a second threshold. Once all of a limit is kept, it is kept
 * until the use is at most 3/8 of it; otherwise the last class would lose and win half of the limit with
 * every packet of a sibling that uses one half. The note has no least limit. Cost: for each sibling a few
 * float operations a tick, none for a packet.
 */

/** Use is counted in spans of this length. */
export const USE_TICK_NS = 100e6;
/** Ticks that make the second over which use is counted. */
export const USE_TICKS = 10;

const KEEPS_FROM = 1 / 2;
const KEEPS_UNTIL = 3 / 8;
const LEAST_SHARE = 1 / 50;
const LEAST_BYTES_PER_SEC = 2000;

/** Whether all of a sibling's limit is kept for it. `wasKept` is the answer of the tick before. */
export function keepsLimit(limitBytesPerSec: number, usedBytesPerSec: number, wasKept: boolean): boolean {
  return usedBytesPerSec > limitBytesPerSec * (wasKept ? KEEPS_UNTIL : KEEPS_FROM);
}

/** The part of the last class's limit that a sibling reserves. */
export function reservedBytesPerSec(
  limitBytesPerSec: number,
  usedBytesPerSec: number,
  isKept: boolean,
): number {
  return isKept ? limitBytesPerSec : usedBytesPerSec;
}

/** The last class never has less than this, whatever its siblings reserve. */
export function leastBytesPerSec(limitBytesPerSec: number, guaranteedBytesPerSec: number): number {
  const least = Math.max(guaranteedBytesPerSec, limitBytesPerSec * LEAST_SHARE, LEAST_BYTES_PER_SEC);
  return Math.min(limitBytesPerSec, least);
}

/** What is left of a limit by the note, which may be nothing. */
export function unreservedBytesPerSec(limitBytesPerSec: number, reservedSum: number): number {
  return Math.max(0, limitBytesPerSec - reservedSum);
}

/** What siblings that reserve so much in all leave to the last class: never less than the least. */
export function leftBytesPerSec(
  limitBytesPerSec: number,
  reservedSum: number,
  guaranteedBytesPerSec: number,
): number {
  const left = unreservedBytesPerSec(limitBytesPerSec, reservedSum);
  return Math.max(leastBytesPerSec(limitBytesPerSec, guaranteedBytesPerSec), left);
}
