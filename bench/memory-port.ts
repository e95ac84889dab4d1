/**
 * A port over memory, for measuring the cost of deciding. It delivers packets of many flows in random order,
 * keeps a given number of them waiting, and only counts verdicts. Its own time is measured separately.
 */
import { Prng } from '../src/base/prng.ts';
import { ARRIVAL_ROWS, EDIT_BYTES, SLOT_BYTES } from '../src/limits.ts';
import { type Batch, createBatch, NF_ACCEPT, NF_INET_FORWARD, VERDICT_UP_TO } from '../src/packet/batch.ts';
import type { Port } from '../src/packet/port.ts';
import { ACK, IPPROTO_TCP, SYN } from '../src/packet/tcp-header.ts';
import { IPPROTO_UDP, writePacket } from '../src/sim/packets/packets.ts';

/** IPv4 and UDP, TCP, TCP with time stamps. */
const UDP_HEADERS_BYTES = 28;
const TCP_HEADERS_BYTES = 40;
const STAMPED_HEADERS_BYTES = 52;
// Places in these headers.
const SEQ_AT = 24;
const ACK_AT = 28;
const STAMP_AT = 44;
const ECHO_AT = 48;
/** NOP, NOP, time stamps. */
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
/** A scale of 7, and as many NOPs as make it as long. */
const SCALE = [3, 3, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1];
const FLAGS_AT = 33;
const OPTIONS_AT = 40;
const VERDICT_CODE_MASK = 0xff;

export interface Traffic {
  /** Flows; packet by packet one of them is drawn. */
  readonly flows: number;
  /** Source addresses 10.0.0.0 and up, by turns of flows, each of a device with a MAC. */
  readonly hosts: number;
  /** Destination ports FIRST_PORT and up, by turns of flows. */
  readonly ports: number;
  /** UDP if it is left out, else TCP: every other flow acknowledges the data of the one before. */
  readonly tcp?: 'plain' | 'timestamps';
  /** The first packets of each connection are SYN and SYN-ACK, which say a scale. */
  readonly hasHandshake?: boolean;
}
/** The device by which packets come. */
const INSIDE_IF_INDEX = 99;
/** Of MACs; the rest is the number of the host. */
const MAC_HIGH = 0x0250;
export const FIRST_PORT = 5000;
export const PACKET_BYTES = 1000;
/** Time stamps count so many batches, about a millisecond. */
const STAMP_BATCHES = 8;

export class MemoryPort implements Port {
  readonly batch: Batch = createBatch();
  readonly editOffset = ARRIVAL_ROWS * SLOT_BYTES;
  readonly slab = new Uint8Array(this.editOffset + EDIT_BYTES);
  readonly failureRows = 0;
  /** Packets of each flow in a row, before flows are drawn at random. */
  packetsInOrder = 1;
  /** Packets that drain() gives at most. */
  rowsMax = ARRIVAL_ROWS;
  /** Time spent here, milliseconds of the caller's clock. */
  ownMs = 0;
  droppedPackets = 0;
  verdictRows = 0;
  private readonly clockMs: () => number;
  private readonly headers: Uint8Array;
  private readonly headersBytes: number;
  private readonly flows: number;
  private readonly hosts: number;
  private readonly tcp: Traffic['tcp'];
  private readonly hasHandshake: boolean;
  private readonly view = new DataView(this.slab.buffer);
  // By TCP connection.
  private readonly nextSeq: Uint32Array;
  private readonly lastStamp: Uint32Array;
  private batches = 0;
  private readonly prng = new Prng(7);
  private nextId = 1;
  private nextInOrder = 0;

  constructor(
    { flows, hosts, ports, tcp, hasHandshake = false }: Traffic,
    ifIndexOut: number,
    clockMs: () => number,
  ) {
    this.clockMs = clockMs;
    this.flows = flows;
    this.hosts = hosts;
    this.tcp = tcp;
    this.hasHandshake = hasHandshake;
    this.headersBytes =
      tcp === undefined ? UDP_HEADERS_BYTES : tcp === 'plain' ? TCP_HEADERS_BYTES : STAMPED_HEADERS_BYTES;
    this.headers = new Uint8Array(flows * this.headersBytes);
    this.nextSeq = new Uint32Array(flows);
    this.lastStamp = new Uint32Array(flows);
    for (let f = 0; f < flows; f++) {
      // Both directions of a TCP connection are flows.
      const n = tcp === undefined ? f : f >> 1;
      const asked = {
        src: 0x0a000000 + (n % hosts),
        dst: 0xc0a80001,
        protocol: tcp === undefined ? IPPROTO_UDP : IPPROTO_TCP,
        sport: 1024 + (Math.floor(n / hosts) % 60_000),
        dport: FIRST_PORT + (n % ports),
        tcpOptions: tcp === 'timestamps' ? TIMESTAMPS : [],
      };
      const answering = { src: asked.dst, dst: asked.src, sport: asked.dport, dport: asked.sport };
      const shape = this.isAnswer(f) ? { ...asked, ...answering } : asked;
      writePacket(this.headers, f * this.headersBytes, shape, PACKET_BYTES);
    }
    const { arrivals } = this.batch;
    arrivals.hook.fill(NF_INET_FORWARD);
    arrivals.ifIndexIn.fill(INSIDE_IF_INDEX);
    arrivals.macHigh.fill(MAC_HIGH);
    arrivals.ifIndexOut.fill(ifIndexOut);
    arrivals.lengthBytes.fill(PACKET_BYTES);
    arrivals.copiedBytes.fill(this.headersBytes);
    for (let row = 0; row < ARRIVAL_ROWS; row++) arrivals.slabOffset[row] = row * SLOT_BYTES;
  }

  drain(): number {
    const startMs = this.clockMs();
    const { packetId, lengthBytes, macLow } = this.batch.arrivals;
    const { headers, headersBytes, slab, flows } = this;
    const inOrder = flows * this.packetsInOrder;
    for (let row = 0; row < this.rowsMax; row++) {
      // First packets of every flow, so that all are known, then flows at random.
      const isFirst = this.nextInOrder < inOrder;
      const f = isFirst
        ? Math.floor(this.nextInOrder++ / this.packetsInOrder)
        : Math.floor(this.prng.nextUnit() * flows);
      const from = f * headersBytes;
      const to = row * SLOT_BYTES;
      for (let i = 0; i < headersBytes; i++) slab[to + i] = headers[from + i]!;
      if (isFirst && this.hasHandshake) this.writeHandshake(f, to);
      else if (this.tcp !== undefined) this.writeNumbers(f, to);
      const isEmpty = this.isAnswer(f) || (isFirst && this.hasHandshake);
      lengthBytes[row] = isEmpty ? headersBytes : PACKET_BYTES;
      packetId[row] = this.nextId++;
      // All servers are behind one device.
      macLow[row] = this.isAnswer(f) ? 0xffff_ffff : (this.tcp === undefined ? f : f >> 1) % this.hosts;
    }
    this.batches++;
    this.ownMs += this.clockMs() - startMs;
    return this.rowsMax;
  }

  private isAnswer(f: number): boolean {
    return this.tcp !== undefined && (f & 1) === 1;
  }

  private writeHandshake(f: number, at: number): void {
    this.slab[at + FLAGS_AT] = this.isAnswer(f) ? SYN | ACK : SYN;
    this.slab.set(SCALE, at + OPTIONS_AT);
    // The SYN takes one number. Data begins behind it.
    if (this.isAnswer(f)) this.view.setUint32(at + ACK_AT, this.nextSeq[f >> 1]!);
    else this.nextSeq[f >> 1] = 1;
  }

  private writeNumbers(f: number, at: number): void {
    const { view, nextSeq, lastStamp } = this;
    const connection = f >> 1;
    const stamp = 1 + Math.floor(this.batches / STAMP_BATCHES);
    if (this.isAnswer(f)) view.setUint32(at + ACK_AT, nextSeq[connection]!);
    else {
      view.setUint32(at + SEQ_AT, nextSeq[connection]!);
      nextSeq[connection]! += PACKET_BYTES - this.headersBytes;
    }
    if (this.tcp !== 'timestamps') return;
    view.setUint32(at + STAMP_AT, stamp);
    if (this.isAnswer(f)) view.setUint32(at + ECHO_AT, lastStamp[connection]!);
    else lastStamp[connection] = stamp;
  }

  send(count: number): void {
    const { verdict } = this.batch.verdicts;
    this.verdictRows += count;
    for (let row = 0; row < count; row++) {
      if ((verdict[row]! & VERDICT_CODE_MASK & ~VERDICT_UP_TO) !== NF_ACCEPT) this.droppedPackets++;
    }
  }

  arm(): void {
    // The measuring loop has its own clock.
  }
}
