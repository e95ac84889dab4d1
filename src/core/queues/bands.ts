/**
 * Bands: the FIFOs of the sets (queue-sets.ts) that are not fair.
 *
 *   fifo         one band, the first
 *   short-first  two bands: packets of flows that have sent little so far, then all others (size-aware.ts)
 *
 * The long band has its share while both wait, so that a flood of new flows cannot shut it out. A long packet
 * uses that share only when the short packets that came before it are gone: they may be the first of its own
 * flow.
 *
 * Room is made at the head of the longer band of a short-first set, so that neither band can lock the other
 * out. A fifo makes none: the arriving packet is refused.
 */
import {
  BAND_LONG,
  createSizeAwareQueues,
  type SizeAwareParameters,
  type SizeAwareQueues,
  sizeAwareBand,
  sizeAwareSent,
  sizeAwareTurn,
} from '../../algo/queues/size-aware.ts';
import { NONE } from '../../base/none.ts';
import type { ClassChange } from '../classes/change.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { HELD_SHIFT, type HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';
import type { QueueSets } from './queue-sets.ts';

export class Bands {
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  /** By band. The bands of a set are 2 * set and 2 * set + 1; a fifo uses only the first. */
  private readonly fifos: HeldFifos;
  /** By band: bytes that wait. */
  private readonly bytes: Float64Array;
  /** Class of each set. */
  private readonly classOf: Int16Array;
  /** Whether a fifo loses packets at its head to make room: one of many buckets does. */
  private readonly isOfBuckets: boolean;
  /** By class: 1 if its sets have bands. */
  private isUsed: Uint8Array;
  private readonly owed: SizeAwareQueues;
  /** By row of the held packet: the count of short packets when it came, itself included. */
  private readonly shortsBefore: Float64Array;
  /** Short packets that ever came. */
  private shorts = 0;
  /** By class: the parameters wanted; null for a fifo. */
  private shortFirst: readonly (SizeAwareParameters | null)[];
  /**
   * By set: the threshold in force. After an increase the old one applies until the long band drains, so
   * that no packet overtakes an older one of its flow.
   */
  private readonly inForceBytes: Float64Array;

  /** `from` are the bands of before, if inherit() is to follow. */
  constructor(
    { classOf, kinds, isOfBuckets, bandSets: count }: QueueSets,
    held: HeldTable,
    flows: FlowTable,
    from: Bands | null = null,
  ) {
    this.held = held;
    this.flows = flows;
    // Sets of buckets begin with lend(): tables that nobody has touched cost no memory.
    this.isOfBuckets = isOfBuckets;
    this.fifos = isOfBuckets
      ? new HeldFifos(0, held, new Int32Array(2 * count), new Int32Array(2 * count))
      : new HeldFifos(2 * count, held);
    this.bytes = new Float64Array(2 * count);
    this.classOf = classOf;
    this.isUsed = hasBands(kinds);
    this.owed = createSizeAwareQueues(count);
    this.shortsBefore = from === null ? new Float64Array(held.rows) : from.shortsBefore;
    this.shortFirst = kinds.map((kind) => kind?.shortFirst ?? null);
    this.inForceBytes = new Float64Array(count);
  }

  /** Takes over the bands of `from`. Packets that do not belong in them any more go to `mover`. */
  inherit(from: Bands, { oldRow, newRow }: ClassChange, mover: Mover): void {
    this.shorts = from.shorts;
    for (const [old, row] of newRow.entries()) {
      const hadBands = from.shortFirst[old] !== null;
      const stays = row !== NONE && this.isUsed[row] === 1 && hadBands === (this.shortFirst[row] !== null);
      for (const band of [2 * old, 2 * old + BAND_LONG]) {
        for (const h of from.fifos.takeAll(band)) {
          const leafBefore = this.held.leaf[h];
          const leaf = mover.settle(h);
          if (stays && leaf === row)
            this.append(2 * leaf + (band & 1), h, from.shortsBefore[h >> HELD_SHIFT]);
          else mover.move(h, leafBefore, NONE);
        }
      }
      if (stays && !this.fifos.isEmpty(2 * row + BAND_LONG)) {
        this.inForceBytes[row] = Math.min(from.inForceBytes[old], this.shortFirst[row]?.thresholdBytes ?? 0);
      }
    }
    for (const [row, old] of oldRow.entries()) {
      if (old !== NONE) this.owed.owedBytes[row] = from.owed.owedBytes[old];
    }
  }

  /** Takes over other classes. Sets of buckets whose discipline changes must have been drained. */
  adopt({ kinds }: QueueSets): void {
    this.isUsed = hasBands(kinds);
    this.shortFirst = kinds.map((kind) => kind?.shortFirst ?? null);
  }

  /** A bucket gets this set, in which nothing waits. */
  lend(set: number): void {
    for (const band of [2 * set, 2 * set + BAND_LONG]) {
      this.fifos.head[band] = NONE;
      this.bytes[band] = 0;
    }
    this.owed.owedBytes[set] = 0;
  }

  /** The packets of a set, band by band; those of a band come in their order. */
  list(set: number): number[] {
    return [...this.fifos.list(2 * set), ...this.fifos.list(2 * set + BAND_LONG)];
  }

  /** Takes all packets of a set out, in the order of list(). */
  drain(set: number): number[] {
    const bands = [2 * set, 2 * set + BAND_LONG];
    for (const band of bands) this.bytes[band] = 0;
    return bands.flatMap((band) => this.fifos.takeAll(band));
  }

  push(set: number, h: number): void {
    const band = this.bandOf(set, h);
    if (band === 2 * set) this.shorts++;
    this.append(band, h, this.shorts);
  }

  private append(band: number, h: number, shortsBefore: number): void {
    this.shortsBefore[h >> HELD_SHIFT] = shortsBefore;
    this.fifos.push(band, h);
    this.bytes[band] += this.held.lengthBytes[h];
  }

  isEmpty(set: number): boolean {
    return this.fifos.isEmpty(2 * set) && this.fifos.isEmpty(2 * set + BAND_LONG);
  }

  /** The band whose turn it is. The set must not be empty. */
  next(set: number): number {
    const short = 2 * set;
    if (this.parameters(set) === null) return short;
    const first = this.fifos.head[short];
    const long = this.fifos.head[short + BAND_LONG];
    if (
      first !== NONE &&
      long !== NONE &&
      this.shortsBefore[first >> HELD_SHIFT] <= this.shortsBefore[long >> HELD_SHIFT]
    )
      return short;
    return short + sizeAwareTurn(this.owed, set, this.headBytes(short), this.headBytes(short + BAND_LONG));
  }

  /** First packet of a band; NONE if it is empty. */
  head(band: number): number {
    return this.fifos.head[band];
  }

  backlogBytes(band: number): number {
    return this.bytes[band];
  }

  /** Whether a band has at least one packet, or two. */
  hasPackets(band: number, count: 1 | 2): boolean {
    const first = this.fifos.head[band];
    return first !== NONE && (count === 1 || this.held.next[first] !== NONE);
  }

  /** Takes the first packet of a band that is not empty. */
  take(band: number): number {
    const h = this.fifos.shift(band);
    this.bytes[band] -= this.held.lengthBytes[h];
    return h;
  }

  /** Tells that packet `h`, taken from `band`, leaves. */
  sent(band: number, h: number): void {
    const set = band >> 1;
    const params = this.parameters(set);
    if (params === null) return;
    const kind = band & 1;
    const longWaits = kind === BAND_LONG || !this.fifos.isEmpty(2 * set + BAND_LONG);
    sizeAwareSent(this.owed, set, params, kind, this.held.lengthBytes[h], longWaits);
  }

  /** Band that packet `h` would join. NONE for the fifo of a leaf, which evicts nothing. */
  victimOf(set: number, h: number): number {
    return this.isVictim(set) ? this.bandOf(set, h) : NONE;
  }

  /** The longer band. NONE for the fifo of a leaf. */
  longestVictim(set: number): number {
    if (!this.isVictim(set)) return NONE;
    return this.bytes[2 * set + BAND_LONG] >= this.bytes[2 * set] ? 2 * set + BAND_LONG : 2 * set;
  }

  /** `band` if it has a packet of `leaf` that may be dropped, else the other band of the set, or NONE. */
  spareOf(set: number, band: number, leaf: number): number {
    if (band !== NONE && this.canSpare(band, leaf, 1, 0)) return band;
    for (const other of [2 * set, 2 * set + BAND_LONG]) if (this.canSpare(other, leaf, 1, 0)) return other;
    return NONE;
  }

  /** Whether a band has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(band: number, leaf: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(band, leaf, packets, bytes);
  }

  /** Evicts the first packet of `leaf` from a band that may be dropped. */
  evict(band: number, leaf: number): number {
    const h = this.fifos.shiftDroppable(band, leaf);
    this.bytes[band] -= this.held.lengthBytes[h];
    return h;
  }

  /**
   * Length of the first packet, at least 1: a message that the kernel cut may give no length. 0 if the band
   * is empty.
   */
  private headBytes(band: number): number {
    const h = this.fifos.head[band];
    return h === NONE ? 0 : Math.max(1, this.held.lengthBytes[h]);
  }

  private isVictim(set: number): boolean {
    return this.isOfBuckets || this.parameters(set) !== null;
  }

  /** Parameters of a short-first set; null for a fifo. */
  private parameters(set: number): SizeAwareParameters | null {
    return this.shortFirst[this.classOf[set]];
  }

  /** Band that packet `h` joins in `set`. */
  private bandOf(set: number, h: number): number {
    const params = this.parameters(set);
    if (params === null) return 2 * set;
    if (this.fifos.isEmpty(2 * set + BAND_LONG)) this.inForceBytes[set] = params.thresholdBytes;
    const f = this.held.flow[h];
    if (f === NONE) return 2 * set + BAND_LONG;
    const sentBytes = this.flows.measures.bytesBefore(f, this.held.lengthBytes[h]);
    return 2 * set + sizeAwareBand(this.inForceBytes[set], sentBytes);
  }
}

/** By class: 1 if its sets have bands. */
function hasBands(kinds: QueueSets['kinds']): Uint8Array {
  return Uint8Array.from(kinds, (kind) => (kind && kind.fair === null ? 1 : 0));
}
