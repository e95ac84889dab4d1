/**
 * A port over nothing: arrivals come from a list in order of time, verdicts go into a trace with the instant
 * at which they were given, and into a hash of it. It plays the kernel's part strictly. An id has one
 * verdict, and an unknown id is refused with ENOENT. VERDICT_UP_TO counts for all older packets of its
 * NFQUEUE. New bytes must be a packet by themselves, as the kernel demands from 7.2 on, and replace a packet
 * that was copied whole, which only we know.
 */
import { invariant } from '../../src/base/assert.ts';
import { ARRIVAL_ROWS, ATTRIBUTE_BYTES, COPY_BYTES, EDIT_BYTES, FAILURE_ROWS } from '../../src/limits.ts';
import {
  type Batch,
  createBatch,
  NF_ACCEPT,
  NF_INET_FORWARD,
  NF_QUEUE,
  NF_REPEAT,
  NF_VERDICT_FLAG_QUEUE_BYPASS,
  VERDICT_UP_TO,
} from '../../src/packet/batch.ts';
import type { Port } from '../../src/packet/port.ts';
import { type PacketShape, writePacket } from '../../src/sim/packets/packets.ts';
import type { MacSpec } from '../../src/spec/hosts.ts';

const ENOENT = 2;
const VERDICT_CODE_MASK = 0xff;
/** Arrivals kept after they were read, so that the list need not be moved for each. */
const FORGET_READ_AFTER = 65536;

/** What becomes of a packet: one for an NFQUEUE that nobody reads passes, if its verdict says bypass. */
function outcome(verdict: number): number {
  const code = verdict & VERDICT_CODE_MASK;
  if (code === NF_REPEAT) return NF_ACCEPT;
  if (code !== NF_QUEUE) return code;
  invariant((verdict & NF_VERDICT_FLAG_QUEUE_BYPASS) !== 0, 'without bypass the kernel drops the packet');
  return NF_ACCEPT;
}

export interface SimArrival {
  readonly timeNs: number;
  readonly lengthBytes: number;
  readonly shape: PacketShape;
  readonly nfqueue?: number;
  readonly hook?: number;
  readonly ifIndexIn?: number;
  readonly ifIndexOut?: number;
  readonly mark?: number;
  readonly portIn?: number;
  readonly portOut?: number;
  /** Source MAC: its first two bytes, and its last four. */
  readonly mac?: MacSpec;
}

export interface SimVerdict {
  readonly timeNs: number;
  readonly nfqueue: number;
  readonly packetId: number;
  /** NF_ACCEPT or NF_DROP. */
  readonly verdict: number;
  /** The packet as it leaves, if it was edited. */
  readonly payload?: Uint8Array;
}

export class SimPort implements Port {
  readonly batch: Batch = createBatch();
  readonly slab: Uint8Array;
  readonly editOffset: number;
  failureRows = 0;
  /** Packets with a verdict, in order; kept only when asked for. */
  readonly trace: SimVerdict[] = [];
  /** Instant asked for by the last arm(). */
  armedNs = Number.POSITIVE_INFINITY;
  nowNs = 0;
  /** Calls of send() and rows in them, as the cost of crossing and of verdicts. */
  sends = 0;
  verdictRows = 0;
  private readonly keepTrace: boolean;
  private readonly copyBytes: readonly number[];
  private readonly slotBytes: number;
  private readonly waiting: SimArrival[] = [];
  private read = 0;
  /**
   * Ids that the "kernel" still holds, by nfqueue and in order of arrival: whether they were copied whole.
   */
  private readonly kernel: Map<number, boolean>[] = [];
  private readonly nextId: number[] = [];
  private readonly refusals: { tag: number; errno: number }[] = [];
  private hash = 0x811c9dc5;

  /** `copyBytes`: by nfqueue, the bytes of a packet that are copied; COPY_BYTES by default. */
  constructor(options: { keepTrace: boolean; copyBytes?: readonly number[] }) {
    this.keepTrace = options.keepTrace;
    this.copyBytes = options.copyBytes ?? [];
    this.slotBytes = ATTRIBUTE_BYTES + Math.max(COPY_BYTES, ...this.copyBytes);
    this.editOffset = ARRIVAL_ROWS * this.slotBytes;
    this.slab = new Uint8Array(this.editOffset + EDIT_BYTES);
  }

  /** Adds arrivals; each call's must not be earlier than those before. */
  inject(arrivals: Iterable<SimArrival>): void {
    for (const arrival of arrivals) this.waiting.push(arrival);
  }

  /** Instant of the next arrival not read; Infinity when none. */
  nextArrivalNs(): number {
    return this.waiting[this.read]?.timeNs ?? Number.POSITIVE_INFINITY;
  }

  /** Verdicts were refused, and drain() has not told yet. */
  get hasRefusals(): boolean {
    return this.refusals.length > 0;
  }

  /** Packets read that have no verdict yet. */
  get heldPackets(): number {
    return this.kernel.reduce((sum, held) => sum + held.size, 0);
  }

  /** FNV-1a over instant, nfqueue, id and verdict of every packet, and over new bytes. */
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
      this.batch.failures.errorNumber[row] = this.refusals[row].errno;
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
    const { packetId, nfqueue, verdict, tag, payloadBytes } = this.batch.verdicts;
    this.sends++;
    this.verdictRows += count;
    for (let row = 0; row < count; row++) {
      const held = this.kernel[nfqueue[row]] ?? new Map();
      const upTo = (verdict[row] & VERDICT_UP_TO) !== 0;
      const ids = upTo
        ? [...held.keys()].filter((id) => id <= packetId[row])
        : [packetId[row]].filter((id) => held.has(id));
      if (ids.length === 0) this.refusals.push({ tag: tag[row], errno: ENOENT });
      const payload = payloadBytes[row] > 0 && ids.length > 0 ? this.newBytes(row) : undefined;
      for (const id of ids) {
        held.delete(id);
        this.decided(nfqueue[row], id, outcome(verdict[row]), payload);
      }
    }
  }

  arm(dueNs: number): void {
    this.armedNs = dueNs;
  }

  /** The new bytes that verdict row `row` brings. */
  private newBytes(row: number): Uint8Array {
    const { packetId, nfqueue, verdict, payloadOffset, payloadBytes } = this.batch.verdicts;
    const at = payloadOffset[row];
    const bytes = this.slab.slice(at, at + payloadBytes[row]);
    invariant(bytes.length === payloadBytes[row], 'new bytes lie in the slab');
    const isOneAccepted = outcome(verdict[row]) === NF_ACCEPT && (verdict[row] & VERDICT_UP_TO) === 0;
    invariant(isOneAccepted, 'only a single accepted packet has new bytes');
    invariant(this.kernel[nfqueue[row]].get(packetId[row]) === true, 'only a packet copied whole is edited');
    const said = bytes[0] >> 4 === 4 ? (bytes[2] << 8) | bytes[3] : 40 + ((bytes[4] << 8) | bytes[5]);
    invariant(said === bytes.length, 'the IP header of new bytes says their length');
    return bytes;
  }

  private present(arrival: SimArrival, row: number): void {
    const a = this.batch.arrivals;
    const nfqueue = arrival.nfqueue ?? 0;
    this.kernel[nfqueue] ??= new Map();
    const id = (this.nextId[nfqueue] ?? 0) + 1;
    this.nextId[nfqueue] = id;
    const offset = row * this.slotBytes;
    const written = writePacket(this.slab, offset, arrival.shape, arrival.lengthBytes);
    invariant(written <= COPY_BYTES, 'headers fit the copy range');
    const copied = Math.min(arrival.lengthBytes, this.copyBytes[nfqueue] ?? COPY_BYTES);
    this.slab.fill(0, offset + written, offset + copied);
    this.kernel[nfqueue].set(id, copied === arrival.lengthBytes);
    a.packetId[row] = id;
    a.nfqueue[row] = nfqueue;
    a.hook[row] = arrival.hook ?? NF_INET_FORWARD;
    a.ifIndexIn[row] = arrival.ifIndexIn ?? 0;
    a.ifIndexOut[row] = arrival.ifIndexOut ?? 0;
    a.lengthBytes[row] = arrival.lengthBytes;
    a.copiedBytes[row] = copied;
    a.slabOffset[row] = offset;
    a.mark[row] = arrival.mark ?? 0;
    a.portIn[row] = arrival.portIn ?? 0;
    a.macHigh[row] = arrival.mac?.high ?? 0;
    a.macLow[row] = arrival.mac?.low ?? 0;
    a.portOut[row] = arrival.portOut ?? 0;
  }

  private decided(nfqueue: number, packetId: number, verdict: number, payload?: Uint8Array): void {
    const { nowNs } = this;
    if (this.keepTrace)
      this.trace.push({ timeNs: nowNs, nfqueue, packetId, verdict, ...(payload && { payload }) });
    const words = [nowNs % 0x100000000, nowNs / 0x100000000, nfqueue, packetId, verdict];
    for (const word of payload ? [...words, ...payload] : words) {
      this.hash = Math.imul(this.hash ^ (word >>> 0), 0x01000193) >>> 0;
      this.hash = (this.hash ^ (this.hash >>> 15)) >>> 0;
    }
  }
}
