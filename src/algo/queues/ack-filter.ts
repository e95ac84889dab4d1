/**
 * ACK filter: of several acknowledgements that wait in one queue, those that a later one makes redundant need
 * not be sent.
 *
 * Reference: net/sched/sch_cake.c, cake_ack_filter(), cake_tcph_may_drop() and cake_tcph_sack_compare(); RFC
 * 3449, section 5.2.1.
 *
 * Model. When an ACK joins the queue (the trigger: any segment with ACK and without SYN), walk the queue from
 * its head and look for older ACKs of the same connection that the trigger makes redundant:
 *
 *     head  A1  D  A2  A3  B1 | trigger    two found (A1, A2): drop A1, the oldest; the others still pace
 *           ^       ^                      one found: keep it
 *
 * A segment is redundant if
 *  - it has no payload, no flag but ACK, ECE and CWR, and no option but padding, SACK, time stamps and
 *    signature;
 *  - its number is not above the trigger's, its stamps are not newer, the trigger SACKs all its blocks, and
 *    none of them is a duplicate block (below its own number);
 *  - it is no duplicate ACK: if the numbers are equal, the trigger SACKs more.
 *
 * A change of ECE or CWR between two of them protects the first, because the change is news.
 *
 * | parameter  | unit    | range  | default                           |
 * |------------|---------|--------|-----------------------------------|
 * | looksMax   | packets | > 0    | 64: packets walked for one trigger |
 *
 * Worked example: ACKs 100, 200 and 300 of one connection wait. The third makes the filter drop 100, a
 * fourth, 400, also 200.
 *
 * Invariants (test/property/ack-filter):
 *  1. A dropped segment is redundant by the rules above, applied one by one (test/oracle/ack-filter.ts).
 *  2. Duplicate ACKs, ACKs with payload and ACKs with news about SACK, time stamps or ECN are never dropped.
 *  3. The highest number that waits is never lost, and numbers are compared modulo 2^32.
 *
 * Departures: the walk is bounded, and gives up where it ends: behind 64 packets an ACK saves nothing worth
 * the walk. CAKE's aggressive form, which drops a single redundant ACK too, is in
 * test/reference/ack-aggressive.ts. Cost: two comparisons per packet of another kind, about twenty per ACK.
 */
import { NONE } from '../../base/none.ts';
import { SACK_BLOCKS_MAX } from '../../limits.ts';

/** Parsed TCP segments that wait, by row. */
export interface AckRows {
  /** Equal for segments of one connection and direction; NONE if the packet is not TCP. */
  readonly connection: Int32Array;
  /** TCP flags; ECE and CWR among them. */
  readonly flags: Uint8Array;
  /** 1 if there is no payload, no reserved flag and no option but those that an ACK may lose. */
  readonly isPlain: Uint8Array;
  readonly ack: Uint32Array;
  /** 0 without the option. */
  readonly stamp: Uint32Array;
  readonly stampEcho: Uint32Array;
  /** Blocks in use. The edges of block b of row h are at SACK_BLOCKS_MAX * h + b. */
  readonly sackBlocks: Uint8Array;
  readonly sackLeft: Uint32Array;
  readonly sackRight: Uint32Array;
}

/** A redundant ACK, with what the caller needs to unlink it. */
export interface FoundAck {
  row: number;
  /** The row before it in the queue; NONE if it is the head. */
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
 * Looks for an ACK that `trigger`, the tail of the queue that begins at `head` and is linked by `links`,
 * makes redundant. Returns whether there is one to drop, and writes it to `found`.
 */
export function findRedundantAck(
  acks: AckRows,
  links: { next(row: number): number },
  head: number,
  trigger: number,
  looksMax: number,
  found: FoundAck,
): boolean {
  if (!isTrigger(acks, trigger)) return false;
  let row = NONE;
  let rowBefore = NONE;
  let before = NONE;
  let h = head;
  for (let looks = 0; h !== trigger; looks++, before = h, h = links.next(h)) {
    if (looks === looksMax) return false;
    if (acks.connection[h] !== acks.connection[trigger]) continue;
    if (row !== NONE && ecnFlags(acks, h) !== ecnFlags(acks, row)) row = NONE;
    if (!isRedundant(acks, h, trigger)) continue;
    if (row !== NONE) {
      found.row = row;
      found.before = rowBefore;
      return true;
    }
    row = h;
    rowBefore = before;
  }
  return false;
}

/** Whether segment `h` may make others redundant: TCP with ACK and without SYN. */
export function isTrigger(acks: AckRows, h: number): boolean {
  return acks.connection[h] !== NONE && (acks.flags[h] & (TCP_ACK | TCP_SYN)) === TCP_ACK;
}

/** The flags of segment `h` whose change is news. */
export function ecnFlags(acks: AckRows, h: number): number {
  return acks.flags[h] & TCP_ECE_CWR;
}

/** Whether segment `h` says nothing that segment `by` of its connection does not say. */
export function isRedundant(acks: AckRows, h: number, by: number): boolean {
  if (acks.isPlain[h] === 0 || (acks.flags[h] & ~TCP_ECE_CWR) !== TCP_ACK) return false;
  if (isAfter(acks.stamp[h], acks.stamp[by]) || isAfter(acks.stampEcho[h], acks.stampEcho[by])) return false;
  if (isAfter(acks.ack[h], acks.ack[by])) return false;
  if (!sacksNoMore(acks, h, by)) return false;
  return acks.ack[h] !== acks.ack[by] || sackedBytes(acks, by) > sackedBytes(acks, h);
}

/** Whether `by` SACKs every block of `h`, none of which is a duplicate. */
function sacksNoMore(acks: AckRows, h: number, by: number): boolean {
  const from = h * SACK_BLOCKS_MAX;
  const other = by * SACK_BLOCKS_MAX;
  for (let b = from; b < from + acks.sackBlocks[h]; b++) {
    if (isAfter(acks.ack[h], acks.sackLeft[b])) return false;
    let isCovered = false;
    for (let o = other; o < other + acks.sackBlocks[by]; o++) {
      if (!isAfter(acks.sackLeft[o], acks.sackLeft[b]) && !isAfter(acks.sackRight[b], acks.sackRight[o]))
        isCovered = true;
    }
    if (!isCovered) return false;
  }
  return true;
}

function sackedBytes(acks: AckRows, h: number): number {
  let bytes = 0;
  const from = h * SACK_BLOCKS_MAX;
  for (let b = from; b < from + acks.sackBlocks[h]; b++)
    bytes += (acks.sackRight[b] - acks.sackLeft[b]) >>> 0;
  return bytes;
}

/** Whether sequence number `x` comes after `y`, modulo 2^32. */
function isAfter(x: number, y: number): boolean {
  return ((y - x) | 0) < 0;
}
