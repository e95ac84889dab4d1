/**
 * The share of a connection in the rate of its class, and the window that holds it there.
 *
 * Reference: max-min fairness (Bertsekas, Gallager, "Data networks", 6.5.2): the rate rises for all alike,
 * as water does in a vessel with several cups, and those that want less are full earlier.
 *
 * Model. Each active connection wants a rate, Infinity if it takes whatever it gets. All have the level L,
 * at which what they take adds up to the capacity:
 *
 *     sum of min(wanted, L) = capacity           one that wants less than L leaves the rest to the others
 *
 *     target = floor(share * round trip / segment) whole segments, MIN_SEGMENTS at least
 *
 * | parameter           | unit         | range | default                                    |
 * |---------------------|--------------|-------|--------------------------------------------|
 * | capacityBytesPerSec | bytes/second | >= 0  | what the class has now                     |
 * | wanted              | bytes/second | >= 0  | by connection                              |
 * | roundTripSec        | seconds      | > 0   | without queue, and the queue that may stand |
 * | mssBytes            | bytes        | > 0   | of the connection                          |
 *
 * Worked example: 1000 bytes/s for three that want 100, Infinity and Infinity: L is 450. With 187500
 * bytes/s, 0.1 s and segments of 1460 the target is 12 segments, 17520 bytes.
 *
 * Invariants (test/property/pacing):
 *  1. Nobody can have more without one that has as little or less.
 *  2. The level is that of a twin that sorts.
 *
 * Departures: the level of nobody is the capacity: the next connection starts with it. Where all have what
 * they want, the level is what the one that wants most could have besides the others. Cost: as many passes
 * as there are different wants below the level, 1 ns a connection each.
 */
import { MIN_SEGMENTS } from './window.ts';

/** The level for wants [0, count) of `wanted`, which it changes. */
export function waterLevel(capacityBytesPerSec: number, wanted: Float64Array, count: number): number {
  let left = capacityBytesPerSec;
  let open = count;
  if (open === 0) return left;
  for (;;) {
    const level = left / open;
    let kept = 0;
    let taken = 0;
    let most = 0;
    for (let n = 0; n < open; n++) {
      const want = wanted[n];
      if (want >= level) {
        wanted[kept++] = want;
      } else {
        taken += want;
        most = want > most ? want : most;
      }
    }
    if (kept === open) return level;
    left -= taken;
    open = kept;
    if (open === 0) return left + most;
  }
}

/** The window of a share, in bytes. */
export function targetBytes(shareBytesPerSec: number, roundTripSec: number, mssBytes: number): number {
  const segments = Math.floor((shareBytesPerSec * roundTripSec) / mssBytes);
  return mssBytes * Math.max(MIN_SEGMENTS, segments);
}
