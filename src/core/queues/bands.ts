/**
 * Lines of the leaves that are not fair:
 *
 *   fifo         one line
 *   short-first  two: packets of flows that have sent little so far, then the others (algo/size-aware.ts). The second has its
 *                share while both wait, so that a flood of new flows cannot shut out the long ones. A long packet has it only
 *                when the short ones that were there before it are gone: among them may be the first ones of its own flow.
 *
 * A full short-first leaf loses from the head of its longer line, so that neither band can lock the other out. A full fifo
 * has no room for what arrives.
 */
import {
  BAND_LONG,
  BAND_SHORT,
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
import { HELD_SHIFT, HeldFifos, type HeldTable } from '../packets/held.ts';

/** What the long band gets of the bytes while short flows wait too: one packet in four. */
const LONG_SHARE = 0.25;

export class Bands {
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  /** Line 2 * leaf + band; of a fifo only the first is used. */
  private readonly fifos: HeldFifos;
  private readonly bytes: Float64Array;
  /** Leaves that are not fair. */
  private readonly isUsed: Uint8Array;
  private readonly owed: SizeAwareQueues;
  /** By number of the held row: how many short packets there had been when it came, itself included. */
  private readonly shortsBefore: Float64Array;
  private shorts = 0;
  /** null: fifo. */
  private readonly shortFirst: readonly (SizeAwareParameters | null)[];
  /**
   * By leaf: those by which packets come to the bands. After a change that makes more of them short the old ones, until the long band
   * has been empty: its packets must not be overtaken by the next ones of their flows.
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

  /** Takes over the lines of `from`; where packets do not belong into them any more, `mover` gets them. */
  inherit(from: Bands, { oldRow, newRow }: ClassChange, mover: Mover): void {
    this.shorts = from.shorts;
    for (const [old, row] of newRow.entries()) {
      const hadBands = from.shortFirst[old] !== null;
      const stays = row !== NONE && this.isUsed[row] === 1 && hadBands === (this.shortFirst[row] !== null);
      for (const line of [2 * old, 2 * old + BAND_LONG]) {
        for (const h of from.fifos.takeAll(line)) {
          const leafBefore = this.held.leaf[h];
          const leaf = mover.settle(h);
          if (stays && leaf === row)
            this.append(2 * leaf + (line & 1), h, from.shortsBefore[h >> HELD_SHIFT]);
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
    if (band === BAND_SHORT) this.shorts++;
    this.append(2 * leaf + band, h, this.shorts);
  }

  private append(line: number, h: number, shortsBefore: number): void {
    this.shortsBefore[h >> HELD_SHIFT] = shortsBefore;
    this.fifos.push(line, h);
    this.bytes[line] += this.held.lengthBytes[h];
  }

  isEmpty(leaf: number): boolean {
    return this.fifos.isEmpty(2 * leaf) && this.fifos.isEmpty(2 * leaf + BAND_LONG);
  }

  /** The line whose turn it is; the leaf must not be empty. */
  line(leaf: number): number {
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

  /** First packet of a line; NONE when it is empty. */
  head(line: number): number {
    return this.fifos.head[line];
  }

  backlogBytes(line: number): number {
    return this.bytes[line];
  }

  /** Takes the first packet of a line that is not empty. */
  take(line: number): number {
    const h = this.fifos.shift(line);
    this.bytes[line] -= this.held.lengthBytes[h];
    return h;
  }

  /** Packet `h`, taken from `line`, is the one that leaves. */
  sent(line: number, h: number): void {
    const leaf = line >> 1;
    const parameters = this.shortFirst[leaf];
    if (parameters === null) return;
    const band = line & 1;
    const longWaits = band === BAND_LONG || !this.fifos.isEmpty(2 * leaf + BAND_LONG);
    sizeAwareSent(this.owed, leaf, parameters, band, this.held.lengthBytes[h], longWaits);
  }

  /** Line of a short-first leaf that packet `h` would join; NONE of a fifo, which makes no room. */
  pileOf(leaf: number, h: number): number {
    return this.shortFirst[leaf] === null ? NONE : 2 * leaf + this.bandOf(leaf, h);
  }

  /** The longer line of a short-first leaf; NONE of a fifo. */
  longestPile(leaf: number): number {
    return this.shortFirst[leaf] === null ? NONE : this.longest(leaf);
  }

  /** Whether so much in a line may be dropped. */
  canSpare(line: number, packets: number, bytes: number): boolean {
    return this.fifos.canSpare(line, line >> 1, packets, bytes);
  }

  /** Takes the first packet of a line that may be dropped, for want of room. */
  evict(line: number): number {
    const h = this.fifos.shiftDroppable(line, line >> 1);
    this.bytes[line] -= this.held.lengthBytes[h];
    return h;
  }

  private longest(leaf: number): number {
    return this.bytes[2 * leaf + BAND_LONG] >= this.bytes[2 * leaf] ? 2 * leaf + BAND_LONG : 2 * leaf;
  }

  /** 0: the line is empty. A message that the kernel cut may give no length. */
  private headBytes(line: number): number {
    const h = this.fifos.head[line];
    return h === NONE ? 0 : Math.max(1, this.held.lengthBytes[h]);
  }

  private bandOf(leaf: number, h: number): number {
    const parameters = this.inForce[leaf];
    if (parameters === null) return BAND_SHORT;
    const f = this.held.flow[h];
    if (f === NONE) return BAND_LONG;
    return sizeAwareBand(parameters, this.flows.bytesBefore(f, this.held.lengthBytes[h]));
  }
}
