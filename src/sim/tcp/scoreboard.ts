/**
 * A TCP sender's knowledge of its segments under way, by RFC 6675, with the counters of Linux: SACKed, lost,
 * retransmitted.
 *
 *   una                        third highest SACKed                      nxt
 *    |  lost unless SACKed            |   not known                       |
 *    [ L  L  S  S  L' S  L  S  S  S ][ S  .  .  S  .  .  .  .  .  .  . ]        L' retransmitted
 *
 *   under way = (nxt - una) - sacked - lost + retransmitted
 *
 * A segment is lost when three segments above it are SACKed (RFC 6675, 4, IsLost with whole segments). Cost:
 * constant per segment over its life; blocks that were seen before are not walked again.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { NONE } from '../../base/none.ts';
import { type PacketTable, SACK_BLOCKS, SACK_WORDS } from '../packets/packet-table.ts';

const SACKED = 1;
const IS_LOST = 2;
const RETRANSMITTED = 4;
const SEGMENTS_AT_START = 64;
/** A hole is a loss when this many segments above it have arrived (RFC 5681, 3.2; RFC 6675, DupThresh). */
const DUP_THRESH = 3;

export class Scoreboard {
  una = 0;
  nxt = 0;
  sacked = 0;
  lost = 0;
  retransmitted = 0;
  /** Latest sending instant of a segment that has arrived. Kept only while a segment is missing. */
  newestArrivedNs = FLOAT_ZERO;
  private flags = new Uint8Array(SEGMENTS_AT_START);
  private sentNs = new Float64Array(SEGMENTS_AT_START);
  /** The three highest SACKed segments, highest first. */
  private readonly highest = new Int32Array(DUP_THRESH).fill(NONE);
  /** Every segment below this one that has no SACK was counted as lost. */
  private lostEdge = 0;
  /** No segment below this one waits for its retransmission. */
  private retransmitFrom = 0;
  /** SACK blocks of the acknowledgement before. */
  private readonly seen = new Int32Array(SACK_WORDS);

  /** Number of segments in the network. */
  get underWay(): number {
    return this.nxt - this.una - this.sacked - this.lost + this.retransmitted;
  }

  /** Number of lost segments that have not been sent again. */
  get toRetransmit(): number {
    return this.lost - this.retransmitted;
  }

  /** Adds segment `nxt`, which is sent now. Returns its number. */
  send(nowNs: number): number {
    if (this.nxt - this.una === this.flags.length) this.grow();
    const seq = this.nxt++;
    this.sentNs[seq & (this.flags.length - 1)] = nowNs;
    return seq;
  }

  /**
   * Returns the first lost segment that was not sent again, and records it as sent again now. Requires
   * toRetransmit > 0.
   */
  retransmit(nowNs: number): number {
    const mask = this.flags.length - 1;
    let seq = Math.max(this.una, this.retransmitFrom);
    while ((this.flags[seq & mask] & (IS_LOST | RETRANSMITTED)) !== IS_LOST) seq++;
    this.flags[seq & mask] |= RETRANSMITTED;
    this.sentNs[seq & mask] = nowNs;
    this.retransmitted++;
    this.retransmitFrom = seq + 1;
    return seq;
  }

  /**
   * Everything below `ack` has arrived. Returns how many of these segments were not known to have arrived.
   */
  acknowledge(ack: number): number {
    let arrived = ack - this.una;
    if (this.sacked + this.lost > 0) {
      const { flags } = this;
      const mask = flags.length - 1;
      for (let seq = this.una; seq < ack; seq++) {
        const flag = flags[seq & mask];
        if (flag & SACKED) {
          this.sacked--;
          arrived--;
        } else if (this.sentNs[seq & mask] > this.newestArrivedNs) {
          this.newestArrivedNs = this.sentNs[seq & mask];
        }
        if (flag & IS_LOST) this.lost--;
        if (flag & RETRANSMITTED) this.retransmitted--;
        flags[seq & mask] = 0;
      }
    }
    this.una = ack;
    return arrived;
  }

  /** Reads the SACK blocks of packet `p`. Returns how many segments they report for the first time. */
  absorb(packets: PacketTable, p: number): number {
    const { sack } = packets;
    const { seen } = this;
    const first = p * SACK_WORDS;
    let arrived = 0;
    for (let b = 0; b < packets.sacks[p]; b++) {
      let from = Math.max(sack[first + 2 * b], this.una);
      let to = Math.min(sack[first + 2 * b + 1], this.nxt);
      for (let s = 0; s < SACK_BLOCKS; s++) {
        const seenFrom = seen[2 * s];
        const seenTo = seen[2 * s + 1];
        if (seenFrom <= from && seenTo > from) from = seenTo;
        else if (seenFrom < to && seenTo >= to) to = seenFrom;
      }
      for (let seq = from; seq < to; seq++) arrived += this.sackOne(seq);
    }
    for (let w = 0; w < SACK_WORDS; w++) seen[w] = w < 2 * packets.sacks[p] ? sack[first + w] : 0;
    return arrived;
  }

  /** Counts every segment as lost that has three SACKed segments above it. */
  findLost(): void {
    const edge = this.highest[DUP_THRESH - 1];
    const { flags } = this;
    const mask = flags.length - 1;
    for (let seq = Math.max(this.lostEdge, this.una); seq < edge; seq++) {
      if ((flags[seq & mask] & (SACKED | IS_LOST)) === 0) {
        flags[seq & mask] |= IS_LOST;
        this.lost++;
        if (seq < this.retransmitFrom) this.retransmitFrom = seq;
      }
    }
    if (edge > this.lostEdge) this.lostEdge = edge;
  }

  /**
   * The retransmission of the first segment counts as lost if a segment sent `reorderNs` later has arrived.
   * This is the idea of RACK (RFC 8985) for the one segment that holds up all others. Returns true if the
   * segment waits for another retransmission.
   */
  headLostAgain(reorderNs: number): boolean {
    const at = this.una & (this.flags.length - 1);
    if ((this.flags[at] & RETRANSMITTED) === 0 || this.sentNs[at] + reorderNs >= this.newestArrivedNs)
      return false;
    this.flags[at] &= ~RETRANSMITTED;
    this.retransmitted--;
    this.retransmitFrom = this.una;
    return true;
  }

  /** The timer ran out. Every segment without SACK counts as lost and will be sent again (RFC 6675, 5.1). */
  allLost(): void {
    const { flags } = this;
    const mask = flags.length - 1;
    this.lost = 0;
    this.retransmitted = 0;
    for (let seq = this.una; seq < this.nxt; seq++) {
      if (flags[seq & mask] & SACKED) continue;
      flags[seq & mask] = IS_LOST;
      this.lost++;
    }
    this.lostEdge = this.nxt;
    this.retransmitFrom = this.una;
  }

  private sackOne(seq: number): number {
    const at = seq & (this.flags.length - 1);
    const flag = this.flags[at];
    if (flag & SACKED) return 0;
    if (flag & IS_LOST) this.lost--;
    if (flag & RETRANSMITTED) this.retransmitted--;
    this.flags[at] = SACKED;
    this.sacked++;
    if (this.sentNs[at] > this.newestArrivedNs) this.newestArrivedNs = this.sentNs[at];
    const { highest } = this;
    if (seq > highest[0]) {
      highest[2] = highest[1];
      highest[1] = highest[0];
      highest[0] = seq;
    } else if (seq > highest[1]) {
      highest[2] = highest[1];
      highest[1] = seq;
    } else if (seq > highest[2]) {
      highest[2] = seq;
    }
    return 1;
  }

  private grow(): void {
    const segments = this.flags.length;
    const flags = new Uint8Array(2 * segments);
    const sentNs = new Float64Array(2 * segments);
    for (let seq = this.una; seq < this.nxt; seq++) {
      flags[seq & (2 * segments - 1)] = this.flags[seq & (segments - 1)];
      sentNs[seq & (2 * segments - 1)] = this.sentNs[seq & (segments - 1)];
    }
    this.flags = flags;
    this.sentNs = sentNs;
  }
}
