/**
 * A port over memory, for measuring the cost of deciding. It delivers packets of many flows in random order,
 * keeps a given number of them waiting, and only counts verdicts. Its own time is measured separately.
 */
import { Prng } from '../src/base/prng.ts';
import { ARRIVAL_ROWS, SLOT_BYTES } from '../src/limits.ts';
import { type Batch, createBatch, NF_ACCEPT, NF_INET_FORWARD, VERDICT_UP_TO } from '../src/packet/batch.ts';
import type { Port } from '../src/packet/port.ts';
import { IPPROTO_UDP, writePacket } from '../src/sim/packets/packets.ts';

/** IPv4 and UDP. */
const HEADER_BYTES = 28;
const VERDICT_CODE_MASK = 0xff;

export interface Traffic {
  /** Flows; packet by packet one of them is drawn. */
  readonly flows: number;
  /** Source addresses 10.0.0.0 and up, by turns of flows. */
  readonly hosts: number;
  /** Destination ports FIRST_PORT and up, by turns of flows. */
  readonly ports: number;
}
export const FIRST_PORT = 5000;
export const PACKET_BYTES = 1000;

export class MemoryPort implements Port {
  readonly batch: Batch = createBatch();
  readonly slab = new Uint8Array(ARRIVAL_ROWS * SLOT_BYTES);
  readonly editOffset = this.slab.length;
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
  private readonly flows: number;
  private readonly prng = new Prng(7);
  private nextId = 1;
  private nextInOrder = 0;

  constructor({ flows, hosts, ports }: Traffic, ifIndexOut: number, clockMs: () => number) {
    this.clockMs = clockMs;
    this.flows = flows;
    this.headers = new Uint8Array(flows * HEADER_BYTES);
    for (let f = 0; f < flows; f++) {
      const shape = {
        src: 0x0a000000 + (f % hosts),
        dst: 0xc0a80001,
        protocol: IPPROTO_UDP,
        sport: 1024 + (Math.floor(f / hosts) % 60_000),
        dport: FIRST_PORT + (f % ports),
      };
      writePacket(this.headers, f * HEADER_BYTES, shape, PACKET_BYTES);
    }
    const { arrivals } = this.batch;
    arrivals.hook.fill(NF_INET_FORWARD);
    arrivals.ifIndexOut.fill(ifIndexOut);
    arrivals.lengthBytes.fill(PACKET_BYTES);
    arrivals.copiedBytes.fill(HEADER_BYTES);
    for (let row = 0; row < ARRIVAL_ROWS; row++) arrivals.slabOffset[row] = row * SLOT_BYTES;
  }

  drain(): number {
    const startMs = this.clockMs();
    const { packetId } = this.batch.arrivals;
    const { headers, slab, flows } = this;
    const inOrder = flows * this.packetsInOrder;
    for (let row = 0; row < this.rowsMax; row++) {
      // First packets of every flow, so that all are known, then flows at random.
      const f =
        this.nextInOrder < inOrder
          ? Math.floor(this.nextInOrder++ / this.packetsInOrder)
          : Math.floor(this.prng.nextUnit() * flows);
      const from = f * HEADER_BYTES;
      const to = row * SLOT_BYTES;
      for (let i = 0; i < HEADER_BYTES; i++) slab[to + i] = headers[from + i]!;
      packetId[row] = this.nextId++;
    }
    this.ownMs += this.clockMs() - startMs;
    return this.rowsMax;
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
