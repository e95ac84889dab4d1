/** One TCP connection of the tunnel, on the side that sends packets into it. */
import { connect, type Socket } from 'node:net';
import { FRAME_HEADER_BYTES, HELLO, ReceiptReader, SESSION_BYTES } from './frames.ts';
import type { Endpoint } from './settings.ts';

export type ConnectionState = 'opening' | 'open' | 'draining' | 'closed';

export interface ConnectionListener {
  opened(connection: TunnelConnection): void;
  /** `bytes` of frames have been read over there. */
  delivered(connection: TunnelConnection, bytes: number): void;
  /** `fault`: why; null: it was to end. */
  closed(connection: TunnelConnection, fault: Error | null): void;
}

/** The longest frame fits. */
const CHUNK_BYTES = 65_535 + FRAME_HEADER_BYTES;
const OPENING_MS_MAX = 10_000;
/** With bytes on the way, a peer that reads nothing for so long is taken for dead. */
const SILENT_MS_MAX = 6000;
const DRAINING_MS_MAX = 30_000;

export class TunnelConnection {
  state: ConnectionState = 'opening';
  /** Bytes of frames that the other side has not read yet. */
  inFlightBytes = 0;
  /** The shortest time from a frame to its receipt; Infinity: not known. */
  rttMsMin = Number.POSITIVE_INFINITY;
  private readonly socket: Socket;
  private readonly listener: ConnectionListener;
  private readonly receipts = new ReceiptReader();
  private fault: Error | null = null;
  private isToEnd = false;
  /** A buffer that has been written, for the next frames. */
  private spare: Buffer | null = null;
  private sentBytes = 0;
  private readBytes = 0;
  private timedBytes = 0;
  private timedAtMs = 0;
  /** When the state began, or the last receipt came, or the first byte after silence went. */
  private sinceMs = performance.now();
  private chunk: Buffer | null = null;
  private chunkBytes = 0;

  constructor(peer: Endpoint, session: number, listener: ConnectionListener) {
    this.listener = listener;
    this.socket = connect({ host: peer.address, port: peer.port, noDelay: true });
    const greeting = Buffer.concat([HELLO, Buffer.alloc(SESSION_BYTES)]);
    greeting.writeUInt32BE(session, HELLO.length);
    this.socket.on('connect', () => this.socket.write(greeting));
    this.socket.on('data', (chunk) => this.receipt(this.receipts.read(chunk)));
    this.socket.on('error', (error) => {
      this.fault ??= error;
    });
    this.socket.on('close', () => this.close());
  }

  /** Takes a frame with packet `number` of `flow`. Call it only while the connection is open. */
  send(packet: Uint8Array, flow: number, number: number): void {
    const bytes = packet.length + FRAME_HEADER_BYTES;
    if (this.chunkBytes + bytes > CHUNK_BYTES) this.flush();
    if (this.chunk === null) {
      this.chunk = this.spare ?? Buffer.allocUnsafe(CHUNK_BYTES);
      this.spare = null;
      setImmediate(() => this.flush());
    }
    this.chunk.writeUInt16BE(packet.length, this.chunkBytes);
    this.chunk.writeUInt16BE(flow, this.chunkBytes + 2);
    this.chunk.writeUInt16BE(number, this.chunkBytes + 4);
    this.chunk.set(packet, this.chunkBytes + FRAME_HEADER_BYTES);
    this.chunkBytes += bytes;
    if (this.inFlightBytes === 0) this.sinceMs = performance.now();
    this.inFlightBytes += bytes;
    this.sentBytes += bytes;
    if (this.timedBytes > 0) return;
    this.timedBytes = this.sentBytes;
    this.timedAtMs = performance.now();
  }

  /** Takes no more packets. What it has is delivered before it ends. */
  drain(): void {
    this.isToEnd = true;
    if (this.state !== 'open') {
      this.socket.destroy();
      return;
    }
    this.flush();
    this.state = 'draining';
    this.sinceMs = performance.now();
    this.socket.end();
  }

  /** Ends it at once. */
  destroy(): void {
    this.isToEnd = true;
    this.socket.destroy();
  }

  /** Looks whether it has been waiting for too long. */
  look(nowMs: number): void {
    const waitedMs = nowMs - this.sinceMs;
    if (this.state === 'opening' && waitedMs > OPENING_MS_MAX) this.fail('the peer has not answered in 10 s');
    if (this.state === 'open' && this.inFlightBytes > 0 && waitedMs > SILENT_MS_MAX)
      this.fail('the peer has read nothing for 6 s');
    if (this.state === 'draining' && waitedMs > DRAINING_MS_MAX)
      this.fail('the peer has not taken the rest in 30 s');
  }

  private fail(why: string): void {
    this.socket.destroy(new Error(why));
  }

  private flush(): void {
    const { chunk, chunkBytes } = this;
    this.chunk = null;
    this.chunkBytes = 0;
    // After the end nobody reads: the frames are part of what is in flight, and counted as lost.
    if (chunk === null || !this.socket.writable) return;
    this.socket.write(chunk.subarray(0, chunkBytes), () => {
      this.spare = chunk;
    });
  }

  private receipt(total: number): void {
    if (total < 0) return;
    const bytes = (total - this.readBytes) >>> 0;
    if (bytes > this.inFlightBytes) {
      this.fail('the peer says that it has read more than was sent');
      return;
    }
    const nowMs = performance.now();
    this.readBytes = total;
    this.inFlightBytes -= bytes;
    this.sinceMs = nowMs;
    if (this.state === 'opening') {
      this.state = 'open';
      this.listener.opened(this);
    }
    if (this.timedBytes > 0 && this.sentBytes - this.inFlightBytes >= this.timedBytes) {
      this.rttMsMin = Math.min(this.rttMsMin, nowMs - this.timedAtMs);
      this.timedBytes = 0;
    }
    if (bytes > 0) this.listener.delivered(this, bytes);
  }

  private close(): void {
    this.state = 'closed';
    const isExpected = this.isToEnd && this.fault === null;
    this.listener.closed(this, isExpected ? null : (this.fault ?? new Error('the peer has ended it')));
  }
}
