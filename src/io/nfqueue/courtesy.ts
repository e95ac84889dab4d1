/**
 * Decides when the packet thread runs ahead of other threads.
 *
 * Running ahead of other threads (native/loop/promptness.h) pays off while packets are small or few: releases
 * come in time on a busy machine. Under a heavy load of superpackets it hurts the traffic it should protect.
 * Each of 40,000 wake-ups a second takes the processor from the program that sends or receives the packets,
 * ten microseconds before that program would have slept by itself, and batches shrink. Measured with one TCP
 * flow between two programs on the same two processors, a 100gbit class and Linux 6.18: ahead of others 14
 * Gbit/s and 20 us of processor time a packet, like others 22 Gbit/s and 8 us. A C loop that asks for nothing
 * reaches 22 Gbit/s. The thread keeps its short slice, so a wake-up still comes early.
 */

/** Traffic is judged over windows of this length. */
const WINDOW_NS = 100e6;
/**
 * A load is heavy from a gigabit a second on, in packets of at
 * least this mean size: superpackets of several segments each.
 */
const HEAVY_BYTES_PER_WINDOW = 125e6 * (WINDOW_NS / 1e9);
const HEAVY_PACKET_BYTES = 4096;

export class Courtesy {
  private readonly setFirst: (first: boolean) => void;
  private isFirst = true;
  private windowEndNs = WINDOW_NS;
  private packetsBefore = 0;
  private bytesBefore = 0;

  /** `setFirst` is called at each change. The thread begins ahead of others. */
  constructor(setFirst: (first: boolean) => void) {
    this.setFirst = setFirst;
  }

  /** Call at wake-ups, with the packets and bytes received since start. */
  look(nowNs: number, receivedPackets: number, receivedBytes: number): void {
    if (nowNs < this.windowEndNs) return;
    // After a silence the window is longer than WINDOW_NS, so a load must be heavy over all of it.
    const packets = receivedPackets - this.packetsBefore;
    const bytes = receivedBytes - this.bytesBefore;
    const windows = 1 + (nowNs - this.windowEndNs) / WINDOW_NS;
    this.windowEndNs = nowNs + WINDOW_NS;
    this.packetsBefore = receivedPackets;
    this.bytesBefore = receivedBytes;
    const isHeavy = bytes >= HEAVY_BYTES_PER_WINDOW * windows && bytes >= HEAVY_PACKET_BYTES * packets;
    if (isHeavy !== this.isFirst) return;
    this.isFirst = !isHeavy;
    this.setFirst(this.isFirst);
  }
}
