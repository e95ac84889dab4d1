/** The side that takes packets out of the tunnel: they leave as if this machine had made them. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Itm } from '../../modules/api/module.ts';
import type { Complaints } from '../shared/complaints.ts';
import { FrameReader, RECEIPT_BYTES } from './frames.ts';
import { Resequencer } from './resequencer.ts';
import { type Endpoint, plainAddress } from './settings.ts';

const RECEIPT_EVERY_BYTES = 8192;
const GREETING_MS_MAX = 10_000;
const LISTEN_AGAIN_MS = 1000;

interface Guest {
  readonly socket: Socket;
  readonly frames: FrameReader;
  readonly sinceMs: number;
  receiptBytes: number;
  hasReceipt: boolean;
}

export class TunnelReceiver {
  receivedPackets = 0;
  receivedBytes = 0;
  private readonly itm: Itm;
  private readonly listen: Endpoint;
  private readonly peer: string;
  private readonly guestsMax: number;
  private readonly complaints: Complaints;
  private readonly guests = new Set<Guest>();
  /** Of the session that greeted last: those of the instance before the peer's restart are of no use. */
  private order: Resequencer;
  private session = -1;
  private server: Server | null = null;
  private listenAtMs = 0;
  private isOver = false;

  constructor(itm: Itm, listen: Endpoint, peer: string, guestsMax: number, complaints: Complaints) {
    this.itm = itm;
    this.listen = listen;
    this.peer = peer;
    this.guestsMax = guestsMax;
    this.complaints = complaints;
    this.order = this.newOrder();
    this.open();
  }

  get guestCount(): number {
    return this.guests.size;
  }

  /** Sends the receipts that are due, ends guests that say nothing, and listens again after a failure. */
  look(nowMs: number): void {
    this.order.look(nowMs);
    if (this.server === null && nowMs >= this.listenAtMs) this.open();
    for (const guest of this.guests) {
      if (guest.frames.hasGreeted) this.sendReceipt(guest);
      else if (nowMs - guest.sinceMs > GREETING_MS_MAX)
        guest.socket.destroy(new Error('it has not greeted in 10 s'));
    }
  }

  stop(): void {
    this.isOver = true;
    this.server?.close();
    for (const { socket } of this.guests) socket.destroy();
  }

  private open(): void {
    if (this.isOver) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.welcome(socket));
    this.server = server;
    server.on('error', (error: NodeJS.ErrnoException) => {
      const hint = 'another program has the port, or the address is none of this machine';
      this.complaints.add(`no peer can connect: ${error.message}`, { code: error.code ?? '', hint });
      server.close();
      this.server = null;
      this.listenAtMs = performance.now() + LISTEN_AGAIN_MS;
    });
    const { address, port } = this.listen;
    server.listen(address === '' ? { port } : { host: address, port });
  }

  private welcome(socket: Socket): void {
    const from = socket.remoteAddress ?? '';
    socket.on('error', (error) =>
      this.complaints.add('a connection from the peer failed', { error: error.message }),
    );
    if (plainAddress(from) !== this.peer) {
      this.complaints.add('somebody who is not the peer has connected', { from });
      socket.destroy();
      return;
    }
    if (this.guests.size >= this.guestsMax) {
      this.complaints.add('the peer has too many connections', { most: this.guestsMax });
      socket.destroy();
      return;
    }
    const guest: Guest = {
      ...{ socket, frames: new FrameReader(), sinceMs: performance.now() },
      ...{ receiptBytes: 0, hasReceipt: false },
    };
    this.guests.add(guest);
    socket.on('data', (chunk) => this.read(guest, chunk));
    socket.on('end', () => {
      this.sendReceipt(guest);
      socket.end();
    });
    socket.on('close', () => this.guests.delete(guest));
  }

  private read(guest: Guest, chunk: Uint8Array): void {
    try {
      const nowMs = performance.now();
      guest.frames.read(chunk, (packet, flow, number) => {
        this.receivedPackets++;
        this.receivedBytes += packet.length;
        this.orderOf(guest.frames.session).take(packet, flow, number, nowMs);
      });
    } catch (error) {
      // Whatever is wrong, the stream cannot be read on. The error is told where the socket's errors are.
      guest.socket.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    const isDue = guest.frames.frameBytes - guest.receiptBytes >= RECEIPT_EVERY_BYTES;
    if (guest.frames.hasGreeted && (isDue || !guest.hasReceipt)) this.sendReceipt(guest);
  }

  private orderOf(session: number): Resequencer {
    if (session !== this.session) {
      this.session = session;
      this.order = this.newOrder();
    }
    return this.order;
  }

  private newOrder(): Resequencer {
    return new Resequencer((packet) => this.send(packet));
  }

  private send(packet: Uint8Array): void {
    try {
      this.itm.inject(packet);
    } catch (error) {
      this.complaints.add('a packet of the tunnel cannot be sent', { error: String(error) });
    }
  }

  private sendReceipt(guest: Guest): void {
    const { socket, frames } = guest;
    if ((guest.hasReceipt && frames.frameBytes === guest.receiptBytes) || !socket.writable) return;
    guest.hasReceipt = true;
    guest.receiptBytes = frames.frameBytes;
    const receipt = Buffer.alloc(RECEIPT_BYTES);
    receipt.writeUInt32BE(frames.frameBytes % 0x1_0000_0000);
    socket.write(receipt);
  }
}
