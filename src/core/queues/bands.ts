/**
 * Bands: the FIFOs of the leaves that are not fair.
 *
 *   fifo         one band, the first
 *   short-first  two bands: packets of flows that have sent little so far, then all others (size-aware.ts)
 *
 * The long band has its share while both wait, so that a flood of new flows cannot shut it out. A long packet
 * uses that share only when the short packets that came before it are gone: they may be the first of its own
 * flow.
 *
 * A full short-first leaf evicts from the head of its longer band, so that neither band can lock the other
 * out. A full fifo refuses the arriving packet.
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
import type { ClassInfo } from '../classes/classes.ts';
import type { Mover } from '../classes/mover.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { HELD_SHIFT, type HeldTable } from '../packets/held.ts';
import { HeldFifos } from '../packets/held-fifos.ts';

/** The long band's share of the bytes while both bands wait: one packet in four. */
const LONG_SHARE = 0.25;

export class Bands {
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  /** By band. The bands of a leaf are 2 * leaf and 2 * leaf + 1; a fifo uses only the first. */
  private readonly fifos: HeldFifos;
  /** By band: bytes that wait. */
  private readonly bytes: Float64Array;
  /** By leaf: 1 if it is not fair. */
  private readonly isUsed: Uint8Array;
  private readonly owed: SizeAwareQueues;
  /** By row of the held packet: the count of short packets when it came, itself included. */
  private readonly shortsBefore: Float64Array;
  /** Short packets that ever came. */
  private shorts = 0;
  /** By leaf: the parameters wanted; null for a fifo. */
  private readonly shortFirst: readonly (SizeAwareParameters | null)[];
  /**
   * By leaf: the thresholds in force. After an increase the old ones apply until the long band drains, so
   * that no packet overtakes an older one of its flow.
   */
  private readonly inForce: (SizeAwareParameters | null)[];

  constructor(classes: readonly ClassInfo[], held: HeldTable, flows: FlowTable) {
    this.held = held;
    this.flows = flows;
    this.fifos = new HeldFifos(2 * classes.length, held);
    this.bytes = new Float64Array(2 * classes.length);
    this.isUsed = Uint8Array.from(classes, ({ spec: { queue } }) =>
      queue && queue.discipline !== 'fair' ? 1 : 0,
    );
    this.owed = createSizeAwareQueues(classes.length);
    this.shortsBefore = new Float64Array(held.rows);
    this.shortFirst = classes.map(({ spec: { queue } }) =>
      queue?.discipline === 'short-first'
        ? { thresholdBytes: queue.shortBytes, longShare: LONG_SHARE }
        : null,
    );
    this.inForce = [...this.shortFirst];
  }

  /** Takes over the bands of `from`. Packets that do not belong into them any more go to `mover`. */
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
        const [before, wanted] = [from.inForce[old], this.shortFirst[row]];
        if (before && wanted && before.thresholdBytes < wanted.thresholdBytes) this.inForce[row] = before;
      }
    }
    for (const [row, old] of oldRow.entries()) {
      if (old !== NONE) this.owed.owedBytes[row] = from.owed.owedBytes[old];
    }
  }

  push(leaf: number, h: number): void {
    if (this.fifos.isEmpty(2 * leaf + BAND_LONG)) this.inForce[leaf] = this.shortFirst[leaf];
    const band = this.bandOf(leaf, h);
    if (band === 2 * leaf) this.shorts++;
    this.append(band, h, this.shorts);
  }

  private append(band: number, h: number, shortsBefore: number): void {
    this.shortsBefore[h >> HELD_SHIFT] = shortsBefore;
    this.fifos.push(band, h);
    this.bytes[band] += this.held.lengthBytes[h];
  }

  isEmpty(leaf: number): boolean {
    return this.fifos.isEmpty(2 * leaf) && this.fifos.isEmpty(2 * leaf + BAND_LONG);
  }

  /** The band whose turn it is. The leaf must not be empty. */
  next(leaf: number): number {
    const short = 2 * leaf;
    if (this.shortFirst[leaf] === null) return short;
    const first = this.fifos.head[short];
    const long = this.fifos.head[short + BAND_LONG];
    if (
      first !== NONE &&
      long !== NONE &&
      this.shortsBefore[first >> HELD_SHIFT] <= this.shortsBefore[long >> HELD_SHIFT]
    )
      return short;
    return short + sizeAwareTurn(this.owed, leaf, this.headBytes(short), this.headBytes(short + BAND_LONG));
  }

  /** First packet of a band; NONE if it is empty. */
  head(band: number): number {
    return this.fifos.head[band];
  }

  backlogBytes(band: number): number {
    return this.bytes[band];
  }

  /** Takes the first packet of a band that is not empty. */
  take(band: number): number {
    const h = this.fifos.shift(band);
    this.bytes[band] -= this.held.lengthBytes[h];
    return h;
  }

  /** Tells that packet `h`, taken from `band`, leaves. */
  sent(band: number, h: number): void {
    const leaf = band >> 1;
    const params = this.shortFirst[leaf];
    if (params === null) return;
    const kind = band & 1;
    const longWaits = kind === BAND_LONG || !this.fifos.isEmpty(2 * leaf + BAND_LONG);
    sizeAwareSent(this.owed, leaf, params, kind, this.held.lengthBytes[h], longWaits);
  }

  /** Band of a short-first leaf that packet `h` would join. NONE for a fifo, which evicts nothing. */
  victimOf(leaf: number, h: number): number {
    return this.shortFirst[leaf] === null ? NONE : this.bandOf(leaf, h);
  }

  /** The longer band of a short-first leaf. NONE for a fifo. */
  longestVictim(leaf: number): number {
    if (this.shortFirst[leaf] === null) return NONE;
    return this.bytes[2 * leaf + BAND_LONG] >= this.bytes[2 * leaf] ? 2 * leaf + BAND_LONG : 2 * leaf;
  }

  /** Whether a band has at least `packets` packets and `bytes` bytes that may be dropped. */
  canSpare(band: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(band, band >> 1, packets, bytes);
  }

  /** Evicts the first packet of a band that may be dropped. */
  evict(band: number): number {
    const h = this.fifos.shiftDroppable(band, band >> 1);
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

  /** Band that packet `h` joins in `leaf`. */
  private bandOf(leaf: number, h: number): number {
    const params = this.inForce[leaf];
    if (params === null) return 2 * leaf;
    const f = this.held.flow[h];
    if (f === NONE) return 2 * leaf + BAND_LONG;
    return 2 * leaf + sizeAwareBand(params, this.flows.bytesBefore(f, this.held.lengthBytes[h]));
  }
}
