/**
 * ACK filter: of several acknowledgements that wait in one queue, those that a later one makes useless need
 * not be sent.
 *
 * Reference: net/sched/sch_cake.c, cake_ack_filter(), cake_tcph_may_drop() and cake_tcph_sack_compare(); RFC
 * 3449, section 5.2.1.
 *
 * Model. When an ACK joins the queue (the trigger: any segment with ACK and without SYN), walk the queue from
 * its head for older pure ACKs of the same connection that say nothing the trigger does not say:
 *
 *     head  A1  D  A2  A3  B1 | trigger    two found (A1, A2): drop A1, the oldest; the others still pace
 *           ^       ^                      one found: keep it; aggressive: drop it right before the trigger
 *
 * Redundant is a segment
 *  - without payload, flags but ACK, ECE and CWR, options but padding, SACK, time stamps and signature;
 *  - with no number above the trigger's, no newer stamps, no block that the trigger does not SACK, and no
 *    duplicate block (below its own number);
 *  - that is no duplicate ACK: with an equal number the trigger must SACK more.
 *
 * A change of ECE or CWR between two of them protects the first: the change is news.
 *
 * | parameter  | unit    | range  | default                                                        |
 * |------------|---------|--------|----------------------------------------------------------------|
 * | aggressive |         |        | false: at least every second ACK survives in the queue          |
 * | looksMax   | packets | > 0    | 64: packets walked for one trigger                              |
 *
 * Worked example: ACKs 100, 200 and 300 of one connection wait: with the third, 100 is dropped; with a
 * fourth, 400, also 200.
 *
 * Invariants (test/property/ack-filter):
 *  1. What is dropped is redundant by the rules above, applied one by one (test/oracle/ack-filter.ts).
 *  2. Duplicate ACKs, ACKs with payload and ACKs with news about SACK, time stamps or ECN are never dropped.
 *  3. The highest number that waits is never lost, and numbers are compared modulo 2^32.
 *
 * Departures: the walk is bounded, and gives up where it ends: behind 64 packets an ACK saves nothing worth
 * the walk. Cost: two comparisons per packet of another kind, about twenty per ACK.
 */
import { NONE } from '../../base/none.ts';
import { SACK_BLOCKS_MAX } from '../../limits.ts';

/** Parsed TCP segments that wait, by row. */
export interface AckRows {
  /** Same value: same connection and direction; NONE: no TCP. */
  readonly connection: Int32Array;
  /** TCP flags; ECE and CWR among them. */
  readonly flags: Uint8Array;
  /** 1: no payload, no reserved flag, and no option but those that an ACK may lose. */
  readonly isPlain: Uint8Array;
  readonly ack: Uint32Array;
  /** 0 without the option. */
  readonly stamp: Uint32Array;
  readonly stampEcho: Uint32Array;
  /** Blocks in use; edges of block b of row h at SACK_BLOCKS_MAX * h + b. */
  readonly sackBlocks: Uint8Array;
  readonly sackLeft: Uint32Array;
  readonly sackRight: Uint32Array;
}

/** Where a redundant ACK was found, for the caller to unlink it. */
export interface FoundAck {
  row: number;
  /** The row before it in the queue; NONE: it is the head. */
  before: number;
}

const TCP_SYN = 0x02;
const TCP_ACK = 0x10;
const TCP_ECE_CWR = 0xc0;

export function createAckRows(rows: number): AckRows {
  return {
    connection: new Int32Array(rows).fill(NONE),
    flags: new Uint8Array(rows),
    isPlain: new Uint8Array(rows),
    ack: new Uint32Array(rows),
    stamp: new Uint32Array(rows),
    stampEcho: new Uint32Array(rows),
    sackBlocks: new Uint8Array(rows),
    sackLeft: new Uint32Array(rows * SACK_BLOCKS_MAX),
    sackRight: new Uint32Array(rows * SACK_BLOCKS_MAX),
  };
}

/**
 * Looks for an ACK that `trigger`, the tail of the queue that begins at `head` and is linked by `links`, makes
 * useless. True: `found` says where.
 */
export function findRedundantAck(
  a: AckRows,
  links: { next(row: number): number },
  head: number,
  trigger: number,
  aggressive: boolean,
  looksMax: number,
  found: FoundAck,
): boolean {
  const connection = a.connection[trigger];
  if (connection === NONE || (a.flags[trigger] & (TCP_ACK | TCP_SYN)) !== TCP_ACK) return false;
  let row = NONE;
  let rowBefore = NONE;
  let before = NONE;
  let h = head;
  for (let looks = 0; h !== trigger; looks++, before = h, h = links.next(h)) {
    if (looks === looksMax) return false;
    if (a.connection[h] !== connection) continue;
    if (row !== NONE && ecnFlags(a, h) !== ecnFlags(a, row)) row = NONE;
    if (!isRedundant(a, h, trigger)) continue;
    if (row !== NONE) return report(found, row, rowBefore);
    row = h;
    rowBefore = before;
  }
  const isLast = row !== NONE && links.next(row) === trigger;
  if (!aggressive || !isLast || ecnFlags(a, row) !== ecnFlags(a, trigger)) return false;
  return report(found, row, rowBefore);
}

function report(found: FoundAck, row: number, before: number): true {
  found.row = row;
  found.before = before;
  return true;
}

function ecnFlags(a: AckRows, h: number): number {
  return a.flags[h] & TCP_ECE_CWR;
}

/** Whether segment `h` says nothing that `by` does not say. */
function isRedundant(a: AckRows, h: number, by: number): boolean {
  if (a.isPlain[h] === 0 || (a.flags[h] & ~TCP_ECE_CWR) !== TCP_ACK) return false;
  if (isAfter(a.stamp[h], a.stamp[by]) || isAfter(a.stampEcho[h], a.stampEcho[by])) return false;
  if (isAfter(a.ack[h], a.ack[by])) return false;
  if (!sacksNoMore(a, h, by)) return false;
  return a.ack[h] !== a.ack[by] || sackedBytes(a, by) > sackedBytes(a, h);
}

/** Whether every block that `h` SACKs is within one of `by`, none of them a duplicate. */
function sacksNoMore(a: AckRows, h: number, by: number): boolean {
  const from = h * SACK_BLOCKS_MAX;
  const other = by * SACK_BLOCKS_MAX;
  for (let b = from; b < from + a.sackBlocks[h]; b++) {
    if (isAfter(a.ack[h], a.sackLeft[b])) return false;
    let isCovered = false;
    for (let o = other; o < other + a.sackBlocks[by]; o++) {
      if (!isAfter(a.sackLeft[o], a.sackLeft[b]) && !isAfter(a.sackRight[b], a.sackRight[o]))
        isCovered = true;
    }
    if (!isCovered) return false;
  }
  return true;
}

function sackedBytes(a: AckRows, h: number): number {
  let bytes = 0;
  const from = h * SACK_BLOCKS_MAX;
  for (let b = from; b < from + a.sackBlocks[h]; b++) bytes += (a.sackRight[b] - a.sackLeft[b]) >>> 0;
  return bytes;
}

/** Whether sequence number `x` comes after `y`, modulo 2^32. */
function isAfter(x: number, y: number): boolean {
  return ((y - x) | 0) < 0;
}
