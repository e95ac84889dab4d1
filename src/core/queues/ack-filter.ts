/**
 * ACK filters of fair leaves: reads the TCP fields of arriving packets, and finds the waiting ACK that a new
 * one makes redundant (algo/queues/ack-filter.ts). While no leaf has the filter, no packet is read and no
 * memory is taken.
 *
 * Only fair leaves have the filter: a flow queue holds the packets of a flow or of a host, so a short walk
 * finds the flow's older ACKs. Packets that wait in an `each` bucket are not in the flow queue yet.
 */
import {
  type AckRows,
  createAckRows,
  type FoundAck,
  findRedundantAck,
} from '../../algo/queues/ack-filter.ts';
import { NONE } from '../../base/none.ts';
import { CLASSES_MAX } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';
import { FRAGMENT_NONE, type Parsed } from '../../packet/parse.ts';
import { clearSegment, parseSegment } from '../../packet/tcp.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { HELD_SHIFT, type HeldTable } from '../packets/held.ts';

/** Packets of a flow queue that are looked at for one ACK. */
const LOOKS_MAX = 64;

export class AckFilter {
  /** Whether any leaf has the filter. */
  isUsed: boolean;
  /** The ACK that the last isAckRedundant() found. Read it before the next call. */
  readonly lastFound: FoundAck = { row: NONE, before: NONE };
  private readonly held: HeldTable;
  /** By leaf. */
  private readonly has: Uint8Array;
  private rows: AckRows;

  constructor(classes: readonly ClassInfo[], held: HeldTable) {
    this.held = held;
    this.has = new Uint8Array(CLASSES_MAX);
    this.isUsed = false;
    this.rows = createAckRows(0);
    this.regroup(classes);
  }

  /** Takes over other classes. Packets that came while no leaf had the filter are never redundant. */
  regroup(classes: readonly ClassInfo[]): void {
    this.has.fill(0);
    for (const [row, { spec }] of classes.entries()) if (spec.queue?.ackFilter) this.has[row] = 1;
    const wasUsed = this.isUsed;
    this.isUsed = this.has.includes(1);
    if (this.isUsed === wasUsed) return;
    this.rows = createAckRows(this.isUsed ? this.held.rows : 0);
  }

  /**
   * Forgets the TCP fields of packet `h`, which moves to another flow queue: it makes no ACK redundant there.
   */
  forget(h: number): void {
    if (this.isUsed) clearSegment(this.rows, h >> HELD_SHIFT);
  }

  /**
   * Reads the TCP fields of arrival `p`, held as `h` with its leaves set. Call it for every packet if isUsed.
   */
  read(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number, h: number): void {
    const { held, has, rows } = this;
    const row = h >> HELD_SHIFT;
    // A flow is a connection in one direction.
    rows.connection[row] = held.flow[h];
    const leaf = held.leaf[h];
    const nextLeaf = held.nextLeaf[h];
    const isAsked = (leaf !== NONE && has[leaf] === 1) || (nextLeaf !== NONE && has[nextLeaf] === 1);
    const at = parsed.l4Offset[p];
    if (
      !isAsked ||
      at === 0 ||
      parsed.protocol[p] !== IPPROTO_TCP ||
      parsed.fragment[p] !== FRAGMENT_NONE ||
      held.neverDrop(h)
    ) {
      clearSegment(rows, row);
      return;
    }
    const start = arrivals.slabOffset[p];
    const end = start + arrivals.copiedBytes[p];
    parseSegment(slab, start + at, end, arrivals.lengthBytes[p] - at, rows, row);
  }

  /**
   * Whether `h`, the tail of a flow queue that begins at `head`, makes an ACK in it redundant. If so,
   * `lastFound` is that ACK. Packets of leaves without the filter make none redundant.
   */
  isAckRedundant(head: number, h: number): boolean {
    if (head === h || this.has[this.held.leaf[h]] !== 1) return false;
    const { rows, lastFound: found } = this;
    const isFound = findRedundantAck(rows, this, head >> HELD_SHIFT, h >> HELD_SHIFT, LOOKS_MAX, found);
    if (!isFound) return false;
    found.row <<= HELD_SHIFT;
    if (found.before !== NONE) found.before <<= HELD_SHIFT;
    return true;
  }

  /**
   * The row behind this one in its flow queue. For findRedundantAck(), which counts rows, not places of
   * records.
   */
  next(row: number): number {
    // NONE stays NONE.
    return this.held.next[row << HELD_SHIFT] >> HELD_SHIFT;
  }
}
