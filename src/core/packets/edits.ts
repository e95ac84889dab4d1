/**
 * New bytes of packets between arrival and verdict. The port's slab holds the bytes of a packet until the
 * next drain; a packet that is edited keeps a copy of them here until its verdict.
 *
 * Copies have places of three sizes, so that short acknowledgements, which most of them are, cost little
 * memory. Memory grows by doubling up to the bounds of limits.ts. Where it is full, a packet cannot be
 * edited.
 */
import { NONE } from '../../base/none.ts';
import { EDITS_MAX } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';
import { FLAG_EDITED, FLAG_WHOLE, HELD_SHIFT, type HeldTable } from './held.ts';

const PLACES_AT_START = 64;

/** Places of one size. */
class Places {
  readonly bytesEach: number;
  private readonly placesMax: number;
  private memory = new Uint8Array(0);
  private free = new Int32Array(0);
  private freeCount = 0;
  private places = 0;

  constructor(bytesEach: number, placesMax: number) {
    this.bytesEach = bytesEach;
    this.placesMax = placesMax;
  }

  get isFull(): boolean {
    return this.freeCount === 0 && this.places === this.placesMax;
  }

  /** A place, which must exist, with a copy of `bytes` bytes at `slab[from]`. */
  put(slab: Uint8Array, from: number, bytes: number): number {
    if (this.freeCount === 0) this.grow();
    const place = this.free[--this.freeCount];
    const at = place * this.bytesEach;
    copy(slab, from, this.memory, at, bytes);
    return place;
  }

  copyTo(place: number, slab: Uint8Array, to: number, bytes: number): void {
    copy(this.memory, place * this.bytesEach, slab, to, bytes);
  }

  give(place: number): void {
    this.free[this.freeCount++] = place;
  }

  private grow(): void {
    const places = Math.min(this.placesMax, Math.max(PLACES_AT_START, 2 * this.places));
    const memory = new Uint8Array(places * this.bytesEach);
    memory.set(this.memory);
    this.memory = memory;
    const free = new Int32Array(places);
    for (let place = places - 1; place >= this.places; place--) free[this.freeCount++] = place;
    this.free = free;
    this.places = places;
  }
}

/** Short copies byte by byte: a view for each would be an allocation. */
const LOOP_BYTES_MAX = 256;

function copy(from: Uint8Array, at: number, to: Uint8Array, toAt: number, bytes: number): void {
  if (bytes > LOOP_BYTES_MAX) {
    to.set(from.subarray(at, at + bytes), toAt);
    return;
  }
  for (let n = 0; n < bytes; n++) to[toAt + n] = from[at + n];
}

const SIZE_BITS = 2;
const SIZE_MASK = (1 << SIZE_BITS) - 1;

export class Edits {
  private readonly sizes: readonly Places[];
  /** By held row: (place << SIZE_BITS | size) + 1; 0 without new bytes. */
  private readonly placeOf: Int32Array;
  private readonly held: HeldTable;

  constructor(held: HeldTable) {
    this.held = held;
    this.placeOf = new Int32Array(held.rows);
    this.sizes = EDITS_MAX.map(({ bytes, packets }) => new Places(bytes, packets));
  }

  /**
   * Whether packet `h`, row `p` of the arrivals, can be edited now: it was copied whole, so it is known to
   * the last byte, and there is room for its bytes.
   */
  mayEdit(h: number, { copiedBytes, lengthBytes }: Arrivals, p: number): boolean {
    if (copiedBytes[p] !== lengthBytes[p]) return false;
    this.held.flags[h] |= FLAG_WHOLE;
    const size = this.sizeFor(lengthBytes[p]);
    return size !== NONE && !this.sizes[size].isFull;
  }

  /** Keeps the new bytes of packet `h`, which begin at `slab[from]`. mayEdit() has allowed it. */
  keep(h: number, slab: Uint8Array, from: number): void {
    this.held.flags[h] |= FLAG_EDITED;
    const bytes = this.held.lengthBytes[h];
    const size = this.sizeFor(bytes);
    this.placeOf[h >> HELD_SHIFT] = ((this.sizes[size].put(slab, from, bytes) << SIZE_BITS) | size) + 1;
  }

  /** Copies the new bytes of packet `h` to `slab[to]`, and forgets them. */
  take(h: number, slab: Uint8Array, to: number): void {
    const { placeOf } = this;
    const place = placeOf[h >> HELD_SHIFT] - 1;
    this.sizes[place & SIZE_MASK].copyTo(place >> SIZE_BITS, slab, to, this.held.lengthBytes[h]);
    this.forget(h);
  }

  /** Packet `h` is dropped. */
  forget(h: number): void {
    const row = h >> HELD_SHIFT;
    const place = this.placeOf[row] - 1;
    this.sizes[place & SIZE_MASK].give(place >> SIZE_BITS);
    this.placeOf[row] = 0;
  }

  private sizeFor(bytes: number): number {
    for (let size = 0; size < this.sizes.length; size++) if (bytes <= this.sizes[size].bytesEach) return size;
    return NONE;
  }
}
