/**
 * A port without objects per packet, like that of allocation.test.ts: connections that a class paces, each
 * with a full segment and its acknowledgement in every batch.
 */
import { ARRIVAL_ROWS, EDIT_BYTES, SLOT_BYTES } from '../../src/limits.ts';
import { createBatch, NF_INET_FORWARD } from '../../src/packet/batch.ts';
import type { Port } from '../../src/packet/port.ts';
import { ACK, IPPROTO_TCP, SYN } from '../../src/packet/tcp-header.ts';
import { ipv4, writePacket } from '../../src/sim/packets/packets.ts';
import { MSS, scaleOption } from './paced.ts';

export const CONNECTIONS = ARRIVAL_ROWS / 2;
const TCP_AT = 20;
const HEADERS_BYTES = 40;
const SENDER = ipv4(10, 0, 0, 1);
const RECEIVER = ipv4(192, 0, 2, 1);

export class EndlessPacedPort implements Port {
  readonly batch = createBatch();
  readonly editOffset = ARRIVAL_ROWS * SLOT_BYTES;
  readonly slab = new Uint8Array(this.editOffset + EDIT_BYTES);
  readonly failureRows = 0;
  answers = 0;
  edited = 0;
  private readonly view = new DataView(this.slab.buffer);
  private id = 0;
  private batches = 0;

  constructor() {
    const { arrivals } = this.batch;
    for (let row = 0; row < ARRIVAL_ROWS; row++) {
      arrivals.slabOffset[row] = row * SLOT_BYTES;
      arrivals.hook[row] = NF_INET_FORWARD;
      arrivals.ifIndexIn[row] = isAnswer(row) ? 1 : 99;
      arrivals.ifIndexOut[row] = isAnswer(row) ? 99 : 1;
    }
  }

  /** The first batch has SYN and SYN-ACK of every connection. */
  drain(): number {
    const { packetId, lengthBytes } = this.batch.arrivals;
    if (this.batches <= 1) this.write();
    for (let row = 0; row < ARRIVAL_ROWS; row++) {
      packetId[row] = ++this.id;
      const at = row * SLOT_BYTES + TCP_AT;
      const seq = 1001 + MSS * (this.batches - 1);
      lengthBytes[row] = this.batch.arrivals.copiedBytes[row];
      if (this.batches === 0) continue;
      if (!isAnswer(row)) lengthBytes[row] += MSS;
      this.view.setUint32(at + 4, isAnswer(row) ? 1001 : seq >>> 0);
      this.view.setUint32(at + 8, isAnswer(row) ? (seq + MSS) >>> 0 : 1001);
      // The core has written its window here.
      this.view.setUint16(at + 14, 60_000);
    }
    this.batches++;
    return ARRIVAL_ROWS;
  }

  private write(): void {
    const isFirst = this.batches === 0;
    for (let row = 0; row < ARRIVAL_ROWS; row++) {
      const ends = isAnswer(row) ? { src: RECEIVER, dst: SENDER } : { src: SENDER, dst: RECEIVER };
      const port = 2000 + (row >> 1);
      const ports = isAnswer(row) ? { sport: 5001, dport: port } : { sport: port, dport: 5001 };
      const tcpFlags = isFirst ? (isAnswer(row) ? SYN | ACK : SYN) : ACK;
      const handshake = isFirst ? { tcpOptions: scaleOption(7), tcpSeq: 1000, tcpAck: 1001 } : {};
      const shape = { ...ends, ...ports, protocol: IPPROTO_TCP, tcpFlags, ...handshake };
      const bytes = HEADERS_BYTES + (isFirst ? 4 : 0);
      this.batch.arrivals.copiedBytes[row] = writePacket(this.slab, row * SLOT_BYTES, shape, bytes);
    }
  }

  send(count: number): void {
    this.answers += count;
    const { payloadBytes } = this.batch.verdicts;
    for (let row = 0; row < count; row++) if (payloadBytes[row] > 0) this.edited++;
  }

  arm(): void {}
}

/** Rows of a connection stand side by side: its sender's, its receiver's. */
function isAnswer(row: number): boolean {
  return (row & 1) === 1;
}
