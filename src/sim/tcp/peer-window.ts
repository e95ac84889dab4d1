/** The window that the receiver has promised to a sender, by Linux's tcp_may_update_window. */
import type { PacketTable } from '../packets/packet-table.ts';

export class PeerWindow {
  /** Scale of the windows behind the SYN. */
  private readonly scale: number;
  /** First byte behind the window, modulo 2^32, and the length of the window. */
  private edge = 0;
  private bytes = 0;
  /** Number of the segment that told it. */
  private toldByte = 0;

  constructor(scale: number) {
    this.scale = scale;
  }

  /** That of SYN-ACK `p`, which has no scale. */
  open(packets: PacketTable, p: number): void {
    this.bytes = packets.windowField[p];
    this.edge = (1 + this.bytes) | 0;
    this.toldByte = packets.firstByte[p];
  }

  /** That of acknowledgement `p`, unless a newer one was seen. `isNew`: it acknowledges more. */
  update(packets: PacketTable, p: number, isNew: boolean): void {
    const bytes = packets.windowField[p] * 2 ** this.scale;
    const isLater = ((packets.firstByte[p] - this.toldByte) | 0) > 0;
    if (!isNew && !isLater && bytes <= this.bytes && bytes !== 0) return;
    this.bytes = bytes;
    this.edge = (packets.ackByte[p] + bytes) | 0;
    this.toldByte = packets.firstByte[p];
  }

  /** Whether a segment that ends before byte `end` fits. */
  covers(end: number): boolean {
    return ((this.edge - end) | 0) >= 0;
  }
}
