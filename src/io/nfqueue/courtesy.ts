/**
 * When the thread of packets runs before everybody else, and when it does not.
 *
 * First (native/promptness.h) is right while packets are small or few: releases come in time on a busy machine. Where
 * superpackets press, it costs what it is meant to protect: each of 40,000 wake-ups a second takes the processor from the program
 * that is sending or receiving them, ten microseconds before it would have slept by itself, and batches shrink. One TCP flow between
 * two programs of the same two processors, 100gbit class, Linux 6.18: first 14 Gbit/s and 20 us of processor time a packet,
 * as others 22 Gbit/s and 8 us; a C loop that asks for nothing 22 Gbit/s. The short slice stays, so a wake-up still comes early.
 */

/** Length of the windows over which traffic is looked at. */
const WINDOW_NS = 100e6;
/** At least this much, a gigabit a second, in packets of at least this mean size: superpackets, several segments each. */
const PRESSING_BYTES_PER_WINDOW = 125e6 * (WINDOW_NS / 1e9);
const PRESSING_PACKET_BYTES = 4096;

export class Courtesy {
  private readonly setFirst: (first: boolean) => void;
  private isFirst = true;
  private windowEndNs = WINDOW_NS;
  private packetsBefore = 0;
  private bytesBefore = 0;

  /** `setFirst` is called when it changes; at the beginning the thread is first. */
  constructor(setFirst: (first: boolean) => void) {
    this.setFirst = setFirst;
  }

  /** Call at wake-ups, with what was received since start. */
  look(nowNs: number, receivedPackets: number, receivedBytes: number): void {
    if (nowNs < this.windowEndNs) return;
    // After a silence the window is longer than it should be, and what was silent does not press.
    const packets = receivedPackets - this.packetsBefore;
    const bytes = receivedBytes - this.bytesBefore;
    const windows = 1 + (nowNs - this.windowEndNs) / WINDOW_NS;
    this.windowEndNs = nowNs + WINDOW_NS;
    this.packetsBefore = receivedPackets;
    this.bytesBefore = receivedBytes;
    const presses = bytes >= PRESSING_BYTES_PER_WINDOW * windows && bytes >= PRESSING_PACKET_BYTES * packets;
    if (presses !== this.isFirst) return;
    this.isFirst = !presses;
    this.setFirst(this.isFirst);
  }
}
