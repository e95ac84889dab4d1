/**
 * New bytes of packets between arrival and verdict. The port's slab holds the bytes of a packet until the
 * next drain; a packet that is edited keeps a copy of them here until its verdict. Where the memory is
 * full, a packet cannot be edited.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, EDITS_MAX } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';
import { FLAG_EDITED, FLAG_WHOLE, HELD_SHIFT, type HeldTable } from './held.ts';
import { Places } from './places.ts';

export class Edits {
  private readonly places = new Places(EDITS_MAX);
  /** By held row: place + 1; 0 without new bytes; below 0, in the slab at -1 - this. */
  private readonly placeOf: Int32Array;
  private readonly held: HeldTable;
  /** Packets whose new bytes lie in the slab; those may be among them that have left. */
  private readonly fresh = new Int32Array(ARRIVAL_ROWS);
  private freshCount = 0;

  constructor(held: HeldTable) {
    this.held = held;
    this.placeOf = new Int32Array(held.rows);
  }

  /**
   * Whether packet `h`, row `p` of the arrivals, can be edited now: it was copied whole, so it is known to
   * the last byte, and there is room for its bytes.
   */
  mayEdit(h: number, { copiedBytes, lengthBytes }: Arrivals, p: number): boolean {
    if (copiedBytes[p] !== lengthBytes[p]) return false;
    this.held.flags[h] |= FLAG_WHOLE;
    return this.places.hasRoom(lengthBytes[p], this.freshCount + 1);
  }

  /** Keeps the new bytes of packet `h`, which begin at `slab[from]`. mayEdit() has allowed it. */
  keep(h: number, slab: Uint8Array, from: number): void {
    // A module has changed it, and pacing changes it again.
    if ((this.held.flags[h] & FLAG_EDITED) !== 0) this.forget(h);
    this.held.flags[h] |= FLAG_EDITED;
    this.placeOf[h >> HELD_SHIFT] = this.places.put(slab, from, this.held.lengthBytes[h]) + 1;
  }

  /**
   * The new bytes of packet `h` lie in the slab of the batch that brought it, at `at`. mayEdit() has allowed
   * it. Call settle() before the next drain.
   */
  keepInSlab(h: number, at: number): void {
    this.held.flags[h] |= FLAG_EDITED;
    this.placeOf[h >> HELD_SHIFT] = -1 - at;
    this.fresh[this.freshCount++] = h;
  }

  /** Where in the slab the new bytes of packet `h` lie, which are forgotten then; NONE: take() has them. */
  takeFromSlab(h: number): number {
    const row = h >> HELD_SHIFT;
    const place = this.placeOf[row];
    if (place >= 0) return NONE;
    this.placeOf[row] = 0;
    return -1 - place;
  }

  /** Copies new bytes that lie in the slab, of packets that wait. */
  settle(slab: Uint8Array): void {
    const { fresh, placeOf, held, places } = this;
    for (let n = 0; n < this.freshCount; n++) {
      const row = fresh[n] >> HELD_SHIFT;
      if (placeOf[row] < 0)
        placeOf[row] = places.put(slab, -1 - placeOf[row], held.lengthBytes[fresh[n]]) + 1;
    }
    this.freshCount = 0;
  }

  /** Copies the new bytes of packet `h` to `slab[to]`, and forgets them. */
  take(h: number, slab: Uint8Array, to: number): void {
    this.places.copyTo(this.placeOf[h >> HELD_SHIFT] - 1, slab, to, this.held.lengthBytes[h]);
    this.forget(h);
  }

  /** Packet `h` is dropped. */
  forget(h: number): void {
    const row = h >> HELD_SHIFT;
    if (this.placeOf[row] > 0) this.places.give(this.placeOf[row] - 1);
    this.placeOf[row] = 0;
  }
}
