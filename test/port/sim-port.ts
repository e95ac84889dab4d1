/**
 * A port over nothing: arrivals come from a list in order of time, verdicts go into a trace with the instant at which
 * they were given and into a hash of it. It plays the kernel's part strictly: an id is answered once, an unknown id is
 * refused with ENOENT, VERDICT_UP_TO answers everything older of its queue.
 */
import { invariant } from '../../src/base/assert.ts';
import { ARRIVAL_ROWS, COPY_BYTES, FAILURE_ROWS, SLOT_BYTES } from '../../src/limits.ts';
import { type Batch, createBatch, NF_INET_FORWARD, VERDICT_UP_TO } from '../../src/packet/batch.ts';
import type { Port } from '../../src/packet/port.ts';
import { type PacketShape, writePacket } from '../../src/sim/packets/packets.ts';

const ENOENT = 2;
const VERDICT_CODE_MASK = 0xff;
/** Arrivals kept after they were read, so that the list need not be moved for each. */
const FORGET_READ_AFTER = 65536;

export interface SimArrival {
  readonly timeNs: number;
  readonly lengthBytes: number;
  readonly shape: PacketShape;
  readonly nfqueue?: number;
  readonly hook?: number;
  readonly ifIndexIn?: number;
  readonly ifIndexOut?: number;
  readonly mark?: number;
}

export interface SimVerdict {
  readonly timeNs: number;
  readonly nfqueue: number;
  readonly packetId: number;
  /** NF_ACCEPT or NF_DROP. */
  readonly verdict: number;
}

export class SimPort implements Port {
  readonly batch: Batch = createBatch();
  readonly slab = new Uint8Array(ARRIVAL_ROWS * SLOT_BYTES);
  failureRows = 0;
  /** What was answered, in order; kept only when asked for. */
  readonly trace: SimVerdict[] = [];
  /** Instant asked for by the last arm(). */
  armedNs = Number.POSITIVE_INFINITY;
  nowNs = 0;
  /** Calls of send() and rows in them: what crossing and answering cost. */
  sends = 0;
  verdictRows = 0;
  private readonly keepTrace: boolean;
  private readonly waiting: SimArrival[] = [];
  private read = 0;
  /** Ids the "kernel" still holds, per queue, in order of arrival. */
  private readonly kernel: Map<number, SimArrival>[] = [];
  private readonly nextId: number[] = [];
  private readonly refusals: { tag: number; errno: number }[] = [];
  private hash = 0x811c9dc5;

  constructor(options: { keepTrace: boolean }) {
    this.keepTrace = options.keepTrace;
  }

  /** Adds arrivals; each call's must not be earlier than those before. */
  inject(arrivals: Iterable<SimArrival>): void {
    for (const arrival of arrivals) this.waiting.push(arrival);
  }

  /** Instant of the next arrival not read; Infinity when none. */
  nextArrivalNs(): number {
    return this.waiting[this.read]?.timeNs ?? Number.POSITIVE_INFINITY;
  }

  /** Packets read and not answered. */
  get heldPackets(): number {
    return this.kernel.reduce((sum, held) => sum + held.size, 0);
  }

  /** FNV-1a over instant, queue, id and verdict of everything answered. */
  get traceHash(): string {
    return this.hash.toString(16).padStart(8, '0');
  }

  /** Drops everything held, as the kernel does when a base chain goes. */
  forgetHeld(): void {
    for (const held of this.kernel) held?.clear();
  }

  drain(): number {
    this.failureRows = Math.min(this.refusals.length, FAILURE_ROWS);
    for (let row = 0; row < this.failureRows; row++) {
      this.batch.failures.tag[row] = this.refusals[row].tag;
      this.batch.failures.errno[row] = this.refusals[row].errno;
    }
    this.refusals.splice(0, this.failureRows);
    let rows = 0;
    while (rows < ARRIVAL_ROWS && this.nextArrivalNs() <= this.nowNs)
      this.present(this.waiting[this.read++], rows++);
    if (this.read > FORGET_READ_AFTER) {
      this.waiting.splice(0, this.read);
      this.read = 0;
    }
    return rows;
  }

  send(count: number): void {
    const { packetId, nfqueue, verdict, tag } = this.batch.verdicts;
    this.sends++;
    this.verdictRows += count;
    for (let row = 0; row < count; row++) {
      const held = this.kernel[nfqueue[row]] ?? new Map();
      const upTo = (verdict[row] & VERDICT_UP_TO) !== 0;
      const ids = upTo
        ? [...held.keys()].filter((id) => id <= packetId[row])
        : [packetId[row]].filter((id) => held.has(id));
      if (ids.length === 0) this.refusals.push({ tag: tag[row], errno: ENOENT });
      for (const id of ids) {
        held.delete(id);
        this.answered(nfqueue[row], id, verdict[row] & VERDICT_CODE_MASK);
      }
    }
  }

  arm(dueNs: number): void {
    this.armedNs = dueNs;
  }

  private present(arrival: SimArrival, row: number): void {
    const a = this.batch.arrivals;
    const nfqueue = arrival.nfqueue ?? 0;
    this.kernel[nfqueue] ??= new Map();
    const id = (this.nextId[nfqueue] ?? 0) + 1;
    this.nextId[nfqueue] = id;
    this.kernel[nfqueue].set(id, arrival);
    const offset = row * SLOT_BYTES;
    const written = writePacket(this.slab, offset, arrival.shape, arrival.lengthBytes);
    invariant(written <= COPY_BYTES, 'headers fit the copy range');
    a.packetId[row] = id;
    a.nfqueue[row] = nfqueue;
    a.hook[row] = arrival.hook ?? NF_INET_FORWARD;
    a.ifIndexIn[row] = arrival.ifIndexIn ?? 0;
    a.ifIndexOut[row] = arrival.ifIndexOut ?? 0;
    a.lengthBytes[row] = arrival.lengthBytes;
    a.copiedBytes[row] = written;
    a.slabOffset[row] = offset;
    a.mark[row] = arrival.mark ?? 0;
  }

  private answered(nfqueue: number, packetId: number, verdict: number): void {
    if (this.keepTrace) this.trace.push({ timeNs: this.nowNs, nfqueue, packetId, verdict });
    for (const word of [this.nowNs % 0x100000000, this.nowNs / 0x100000000, nfqueue, packetId, verdict]) {
      this.hash = Math.imul(this.hash ^ (word >>> 0), 0x01000193) >>> 0;
      this.hash = (this.hash ^ (this.hash >>> 15)) >>> 0;
    }
  }
}
