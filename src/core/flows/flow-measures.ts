/**
 * What is measured of each flow beside its packets and bytes, for people only: nothing decides by it. Each
 * packet that waits, is dropped or is marked costs a few stores, a packet that passes at once costs none.
 *
 * A flow that passes two trees is measured in both: a packet that waits in each of them counts twice among
 * those that have waited. Packets without a flow (NONE) are measured nowhere.
 */
import { NONE } from '../../base/none.ts';
import { FLAG_CE, FLAG_MARKED, type HeldTable } from '../packets/held.ts';
import { DROP_MODULE } from '../packets/ledger.ts';
import {
  BYTES,
  BYTES_BEFORE,
  BYTES_DROPPED,
  DROP_CLASS,
  DROP_MS,
  DROP_REASON_BITS,
  DROP_REASON_MASK,
  DROPS,
  EACH_CLASS,
  EACH_MS,
  FIRST_TICK,
  type FlowMemory,
  MARKED,
  MEASURE_WORDS,
  MODULE_DROPS_MAX,
  MODULE_DROPS_SHIFT,
  measureAt,
  tickOf,
  WAIT_MS,
  waitBin,
} from './flow-layout.ts';

/** Packets that have waited and are not counted yet. */
const WAITED_AT = 1024;

export class FlowMeasures {
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  /** The records of flows. */
  private readonly records: Float64Array;
  private readonly waits: Uint16Array;
  /** The present millisecond, modulo 2^32. 0 is "never". */
  private nowMs = 1;
  private readonly waited = new Int32Array(WAITED_AT);
  private readonly waitedBin = new Uint8Array(WAITED_AT);
  private waitedCount = 0;

  constructor({ records, measures, measureFloats, waits }: FlowMemory) {
    this.records = records;
    this.words = measures;
    this.floats = measureFloats;
    this.waits = waits;
  }

  /** A batch begins. `nowMs` is not 0. */
  nowIs(nowMs: number): void {
    this.nowMs = nowMs;
  }

  /** A flow begins in row `f`. */
  begin(f: number, nowNs: number): void {
    const { words } = this;
    const at = measureAt(f);
    for (let w = 0; w < MEASURE_WORDS; w++) words[at + w] = 0;
    words[at + FIRST_TICK] = tickOf(nowNs);
  }

  /**
   * Bytes the flow sent before this packet: an upper estimate that never decreases. It includes packets that
   * arrived while this one waited elsewhere.
   */
  bytesBefore(f: number, lengthBytes: number): number {
    const at = (measureAt(f) + BYTES_BEFORE) >> 1;
    const before = Math.max(this.records[(f + BYTES) >> 1] - lengthBytes, this.floats[at]);
    this.floats[at] = before;
    return before;
  }

  /**
   * Packet `h` leaves a tree in which it has waited. The measure is updated later, many in a row, so that
   * cache misses overlap.
   */
  packetWaited(held: HeldTable, h: number, nowNs: number): void {
    const f = held.flow[h];
    if (f === NONE) return;
    if (this.waitedCount === WAITED_AT) this.settle();
    this.waited[this.waitedCount] = f;
    this.waitedBin[this.waitedCount++] = waitBin(nowNs - held.enteredNs(h));
  }

  /** Brings the measures up to date with the packets that have waited. */
  settle(): void {
    if (this.waitedCount === 0) return;
    const { words, waits, waited, waitedBin, nowMs } = this;
    for (let n = 0; n < this.waitedCount; n++) {
      const at = measureAt(waited[n]);
      words[at + WAIT_MS] = nowMs;
      waits[2 * at + waitedBin[n]] += 1;
    }
    this.waitedCount = 0;
  }

  /** A packet of the flow waits for an `each` bucket of class `c`. */
  packetWaitsForEach(f: number, c: number): void {
    if (f === NONE) return;
    const at = measureAt(f);
    this.words[at + EACH_MS] = this.nowMs;
    this.words[at + EACH_CLASS] = c + 1;
  }

  /** A packet of the flow is dropped for `reason` (DROP_* of the ledger), by something of class `c`. */
  packetDropped(f: number, c: number, reason: number, lengthBytes: number): void {
    if (f === NONE) return;
    const { words } = this;
    const at = measureAt(f);
    let byModules = words[at + DROP_CLASS] >>> MODULE_DROPS_SHIFT;
    if (reason !== DROP_MODULE) words[at + DROPS + reason] += 1;
    else if (byModules < MODULE_DROPS_MAX) byModules += 1;
    this.floats[(at + BYTES_DROPPED) >> 1] += lengthBytes;
    words[at + DROP_MS] = this.nowMs;
    words[at + DROP_CLASS] = (byModules << MODULE_DROPS_SHIFT) | ((c + 1) << DROP_REASON_BITS) | reason;
  }

  /** Packet `h` leaves a tree that asks for a CE mark. */
  packetMarked(held: HeldTable, h: number): void {
    const f = held.flow[h];
    held.flags[h] = (held.flags[h] & ~FLAG_CE) | FLAG_MARKED;
    if (f !== NONE) this.words[measureAt(f) + MARKED] += 1;
  }

  /** Class c has row heir[c] from now on. */
  renumber(f: number, heir: ArrayLike<number>): void {
    const { words } = this;
    const at = measureAt(f);
    if (words[at + EACH_CLASS] !== 0) words[at + EACH_CLASS] = 1 + heir[words[at + EACH_CLASS] - 1];
    const drop = words[at + DROP_CLASS];
    const c = ((drop & 0xffff) >> DROP_REASON_BITS) - 1;
    if (c === NONE) return;
    const others = drop & (DROP_REASON_MASK | ~0xffff);
    words[at + DROP_CLASS] = others | ((1 + heir[c]) << DROP_REASON_BITS);
  }
}
