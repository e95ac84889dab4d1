/**
 * The npm package `nfqueue` as a Port, so that the same core runs over it. The package pushes one packet per
 * callback. The port collects rows and calls the core when a batch is full, or when a turn of the event loop
 * brought no further packet. Timers are Node's (1 ms). The package tells interface indexes, but not the hook.
 */
import { ARRIVAL_ROWS, COPY_BYTES, SLOT_BYTES } from '../src/limits.ts';
import { createBatch, NF_INET_FORWARD, VERDICT_SET_MARK, VERDICT_UP_TO } from '../src/packet/batch.ts';
import type { Port } from '../src/packet/port.ts';
import { type NpmPacket, type NpmQueue, openNpmQueue } from './npm-nfqueue.ts';

const VERDICT_MASK = 0xff;

export class NpmNfqueuePort implements Port {
  readonly batch = createBatch();
  readonly slab = new Uint8Array(ARRIVAL_ROWS * SLOT_BYTES);
  readonly editOffset = this.slab.length;
  /** The package ignores the kernel's replies to verdicts. */
  readonly failureRows = 0;
  private readonly handler: NpmQueue;
  /** Ids without a verdict, oldest first, for VERDICT_UP_TO. */
  private readonly waiting = new Set<number>();
  private readonly openedNs = process.hrtime.bigint();
  private filled = 0;
  private filledBefore = 0;
  private turn: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private callback: () => void = () => undefined;

  constructor(queue: number, lengthPackets: number) {
    this.handler = openNpmQueue(queue, lengthPackets, (packet) => this.take(packet));
  }

  nowNs(): number {
    return Number(process.hrtime.bigint() - this.openedNs);
  }

  onReady(callback: () => void): void {
    this.callback = callback;
  }

  drain(): number {
    const rows = this.filled;
    this.filled = 0;
    return rows;
  }

  send(count: number): void {
    const { packetId, verdict, mark } = this.batch.verdicts;
    for (let row = 0; row < count; row++) {
      const id = packetId[row]!;
      const wanted = verdict[row]!;
      if (wanted & VERDICT_UP_TO) {
        for (const older of this.waiting) {
          this.answer(older, wanted, mark[row]!);
          if (older === id) break;
        }
      } else {
        this.answer(id, wanted, mark[row]!);
      }
    }
  }

  arm(dueNs: number): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (dueNs === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.callback(), Math.max(0, (dueNs - this.nowNs()) / 1e6));
  }

  private answer(id: number, verdict: number, mark: number): void {
    this.waiting.delete(id);
    if (verdict & VERDICT_SET_MARK) this.handler.bindings.setVerdict(id, verdict & VERDICT_MASK, mark, null);
    else this.handler.bindings.setVerdict(id, verdict & VERDICT_MASK, null);
  }

  private take(packet: NpmPacket): void {
    const row = this.filled++;
    const { arrivals } = this.batch;
    const { info, payload } = packet;
    const copied = Math.min(payload.length, COPY_BYTES);
    const offset = row * SLOT_BYTES;
    this.slab.set(payload.subarray(0, copied), offset);
    arrivals.packetId[row] = info.id;
    arrivals.nfqueue[row] = 0;
    arrivals.hook[row] = NF_INET_FORWARD;
    arrivals.ifIndexIn[row] = info.indev;
    arrivals.ifIndexOut[row] = info.outdev;
    arrivals.lengthBytes[row] = payload.length;
    arrivals.copiedBytes[row] = copied;
    arrivals.slabOffset[row] = offset;
    arrivals.mark[row] = info.nfmark;
    arrivals.macHigh[row] = 0;
    arrivals.macLow[row] = 0;
    arrivals.skbInfo[row] = 0;
    this.waiting.add(info.id);
    if (this.filled === ARRIVAL_ROWS) this.callback();
    else this.turn ??= setImmediate(() => this.endOfTurn());
  }

  /** Calls the core if no packet came since the last turn. */
  private endOfTurn(): void {
    this.turn = undefined;
    if (this.filled > 0 && this.filled === this.filledBefore) this.callback();
    this.filledBefore = this.filled;
    if (this.filled > 0) this.turn = setImmediate(() => this.endOfTurn());
  }
}
