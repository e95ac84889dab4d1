/**
 * Whether a leaf's queue takes one more packet: its limit, and the algorithms that signal on arrival
 * (queues/arrival-aqm.ts).
 *
 * The limit bounds all packets of the leaf: those that wait for its `each` buckets and for its ceilings. Each
 * algorithm sees the queue that it works for: that of the packet's own bucket, or that of the leaf. A packet
 * asks for the bucket's signal, and for the leaf's unless others wait for the bucket.
 */
import { NONE } from '../../base/none.ts';
import type { Prng } from '../../base/prng.ts';
import type { QueueSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { EachTable } from '../each/each.ts';
import type { Backlog } from '../packets/backlog.ts';
import { FLAG_ALONE, FLAG_LATER_FRAGMENT, FLAG_WAITED, type HeldTable } from '../packets/held.ts';
import { ArrivalAqm, SIGNAL_NONE } from '../queues/arrival-aqm.ts';
import type { Trees } from '../tree/trees.ts';

/** The longest IPv4 datagram in fragments of 1500 bytes, headers included. */
const DATAGRAM_BYTES_MAX = 66_500;
/** A leaf for so many full-sized packets lets a packet in for which several others must go (room.ts). */
const MANY_PACKETS = 20;
const PACKET_BYTES = 1500;

export class Admission {
  private readonly queues: readonly (QueueSpec | null)[];
  private readonly backlog: Backlog;
  private readonly held: HeldTable;
  private readonly each: EachTable;
  private readonly trees: Trees;
  private readonly aqm: ArrivalAqm;
  /** By leaf: the flow whose packet found the leaf empty, while nothing but fragments of it came. */
  private readonly alone: Int32Array;

  constructor(
    classes: readonly ClassInfo[],
    backlog: Backlog,
    held: HeldTable,
    each: EachTable,
    trees: Trees,
    prng: Prng,
  ) {
    this.queues = classes.map((info) => info.spec.queue);
    this.backlog = backlog;
    this.held = held;
    this.each = each;
    this.trees = trees;
    this.aqm = new ArrivalAqm(classes.length, this.queues, held, prng);
    for (let c = 0; c < classes.length; c++) this.aqm.start(c, c, 0);
    this.alone = new Int32Array(classes.length).fill(NONE);
  }

  /** Takes over averages and probabilities of leaves that stay, if their algorithm is of the same kind. */
  inherit(from: Admission, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      if (old === NONE) this.aqm.start(c, c, nowNs);
      else this.aqm.inherit(c, c, from.aqm, old, old, nowNs);
    }
  }

  /** The signal for arriving packet `h`. It moves averages, so call it once for every arrival. */
  signal(leaf: number, h: number, nowNs: number): number {
    const { aqm, each, trees } = this;
    if (!aqm.has(leaf)) return SIGNAL_NONE;
    if (each.hasAqm(leaf)) {
      const signal = each.signal(leaf, h, nowNs);
      if (signal !== SIGNAL_NONE || each.lastSignalledBytes > 0) return signal;
    }
    return aqm.signal(leaf, leaf, h, this.queuedBytes(leaf), trees.nsPerByte(leaf), nowNs);
  }

  /** Whether a drop that signal() asks for counts as early (RED, WRED), else as AQM (PIE). */
  isEarly(leaf: number): boolean {
    return this.aqm.isEarly(leaf);
  }

  /**
   * Whether the leaf's limit leaves no room for packet `h`. So that nothing is locked out by its length, two
   * kinds of packets always have room: one that finds the leaf empty, and later fragments of the datagram
   * that did, while nothing else comes. A datagram has 64 kB at most, and is lost with any of its fragments.
   */
  isFull(leaf: number, h: number): boolean {
    const { alone, held } = this;
    const f = held.flow[h];
    if (this.backlog.packets(leaf) === 0) {
      alone[leaf] = f;
      return false;
    }
    if (alone[leaf] !== NONE) {
      if (alone[leaf] !== f || (held.flags[h] & FLAG_LATER_FRAGMENT) === 0) alone[leaf] = NONE;
      else if (this.backlog.bytes(leaf) + held.lengthBytes[h] <= DATAGRAM_BYTES_MAX) {
        held.flags[h] |= FLAG_ALONE;
        return false;
      }
    }
    return this.excessBytes(leaf, held.lengthBytes[h]) > 0 || this.excessPackets(leaf) > 0;
  }

  /**
   * Bytes by which one more packet of this length would exceed the leaf's limit; at most 0 if it would not.
   */
  excessBytes(leaf: number, lengthBytes: number): number {
    const limitBytes = this.queues[leaf]?.limitBytes ?? Number.POSITIVE_INFINITY;
    return this.backlog.bytes(leaf) + lengthBytes - limitBytes;
  }

  /** The same in packets. */
  excessPackets(leaf: number): number {
    const limitPackets = this.queues[leaf]?.limitPackets ?? Number.POSITIVE_INFINITY;
    return this.backlog.packets(leaf) + 1 - limitPackets;
  }

  /** Whether the leaf keeps its limit now, and the limit is for many packets and for many of this length. */
  holdsMany(leaf: number, lengthBytes: number): boolean {
    const queue = this.queues[leaf];
    if (queue === null || this.excessBytes(leaf, 0) > 0 || this.excessPackets(leaf) > 1) return false;
    const longestBytes = Math.max(lengthBytes, PACKET_BYTES);
    return queue.limitBytes >= MANY_PACKETS * longestBytes && queue.limitPackets >= MANY_PACKETS;
  }

  /** Packet `h` has left the queue of its leaf; the backlog is without it. */
  departed(h: number, nowNs: number): void {
    const { held } = this;
    const leaf = held.leaf[h];
    if (!this.aqm.has(leaf)) return;
    // Nobody knows how much of its time a packet that waited for a bucket has waited for the ceilings.
    const sojournNs = (held.flags[h] & FLAG_WAITED) === 0 ? nowNs - held.enteredNs(h) : -1;
    const isEmptyNow = this.backlog.packets(leaf) === this.each.packetsOf(leaf);
    this.aqm.departed(leaf, leaf, sojournNs, isEmptyNow, nowNs);
  }

  /** All packets of the leaf have gone to other leaves. */
  emptied(leaf: number, nowNs: number): void {
    this.aqm.departed(leaf, leaf, 0, true, nowNs);
  }

  /** RED's average queue in bytes, as an arrival at `nowNs` would find it; NaN without RED. */
  averageBytes(leaf: number, nowNs: number): number {
    return this.aqm.averageBytes(leaf, leaf, this.queuedBytes(leaf), this.trees.nsPerByte(leaf), nowNs);
  }

  /** Bytes that wait for the ceilings of the leaf. */
  private queuedBytes(leaf: number): number {
    return this.backlog.bytes(leaf) - this.each.bytesOf(leaf);
  }
}
