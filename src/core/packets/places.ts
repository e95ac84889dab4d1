/**
 * Copies of packets, in places of a few sizes, so that short packets, which most of them are, cost little
 * memory. Memory grows by doubling up to a bound for each size.
 */
import { NONE } from '../../base/none.ts';

const PLACES_AT_START = 64;

/** Places of one size. */
class PlacesOfSize {
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

  hasRoom(packets: number): boolean {
    return this.freeCount + this.placesMax - this.places >= packets;
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

/**
 * The greatest number of bytes of a place, and how many such places there may be. The smallest come first.
 */
export type PlaceSizes = readonly { readonly bytes: number; readonly packets: number }[];

/** A place is named by a number: its place among those of its size, and the size. */
export class Places {
  private readonly sizes: readonly PlacesOfSize[];

  constructor(sizes: PlaceSizes) {
    this.sizes = sizes.map(({ bytes, packets }) => new PlacesOfSize(bytes, packets));
  }

  /** Whether there is room for so many packets of this length. */
  hasRoom(bytes: number, packets: number): boolean {
    const size = this.sizeFor(bytes);
    return size !== NONE && this.sizes[size].hasRoom(packets);
  }

  /** A place with a copy of `bytes` bytes at `slab[from]`. hasRoom() has allowed it. */
  put(slab: Uint8Array, from: number, bytes: number): number {
    const size = this.sizeFor(bytes);
    return (this.sizes[size].put(slab, from, bytes) << SIZE_BITS) | size;
  }

  copyTo(place: number, slab: Uint8Array, to: number, bytes: number): void {
    this.sizes[place & SIZE_MASK].copyTo(place >> SIZE_BITS, slab, to, bytes);
  }

  give(place: number): void {
    this.sizes[place & SIZE_MASK].give(place >> SIZE_BITS);
  }

  private sizeFor(bytes: number): number {
    for (let size = 0; size < this.sizes.length; size++) if (bytes <= this.sizes[size].bytesEach) return size;
    return NONE;
  }
}
