/**
 * Where packets of a leaf wait for its ceilings, by discipline:
 *
 *   fifo         one line                              CoDel, if configured, over the whole line
 *   fair         FairQueues: a line per flow or host   CoDel per line; the ACK filter, if configured
 *   short-first  two lines: packets of flows that have sent little so far, then the others; the second gets a packet through at
 *                least every SHORT_RUN_BYTES, so that a flood of new flows cannot shut out the long ones
 *
 * Packets that an AQM drops when they would leave, and ACKs that a new one made useless, are collected in `doomed`, for the engine
 * to answer.
 */
import {
  CODEL_DROP,
  CODEL_PASS,
  type CodelParameters,
  type CodelQueues,
  codelDecide,
  createCodelQueues,
} from '../algo/codel.ts';
import { NONE } from '../base/none.ts';
import type { AckFilter } from './ack-filter.ts';
import type { ClassInfo } from './classes.ts';
import { FairQueues } from './fair.ts';
import { FairKeys } from './fair-keys.ts';
import type { FlowTable } from './flow-table.ts';
import { FLAG_CE, FLAG_ECT, HeldFifos, type HeldTable } from './held.ts';
import { HostLoads } from './host-loads.ts';
import type { ClassSpec } from './spec.ts';

const FIFO = 0;
const FAIR = 1;
const SHORT_FIRST = 2;

/** The link's IP MTU: CoDel leaves that much in a queue. */
const MTU_BYTES = 1500;
/** Quantum of a fair leaf: CAKE's, one packet at most, smaller on slow links so that small packets need not wait long. */
const QUANTUM_BYTES_MAX = 1514;
const QUANTUM_BYTES_MIN = 300;
const QUANTUM_SHIFT = 4096;
/** Bytes of short flows between two packets of long ones, while both wait. */
const SHORT_RUN_BYTES = 10 * QUANTUM_BYTES_MAX;

export class LeafQueues {
  readonly fair: FairQueues;
  private readonly fairKeys: FairKeys;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly discipline: Uint8Array;
  private readonly shortBytes: Float64Array;
  private readonly codelOf: readonly (CodelParameters | null)[];
  private readonly codel: CodelQueues;
  /** Lines 2 * leaf (fifo; short flows) and 2 * leaf + 1 (long flows). */
  private readonly lines: HeldFifos;
  private readonly lineBytes: Float64Array;
  /** Bytes of short flows since the last packet of a long one. */
  private readonly shortRunBytes: Float64Array;
  private readonly doomed: HeldFifos;

  constructor(
    rows: number,
    key: () => number,
    classes: readonly ClassInfo[],
    held: HeldTable,
    flows: FlowTable,
    acks: AckFilter,
  ) {
    const specs = classes.map((info) => info.spec);
    this.held = held;
    this.flows = flows;
    this.discipline = Uint8Array.from(specs, disciplineOf);
    this.shortBytes = Float64Array.from(specs, (spec) => spec.queue?.shortBytes ?? 0);
    this.codelOf = specs.map(codelParameters);
    this.codel = createCodelQueues(classes.length);
    this.lines = new HeldFifos(2 * classes.length, held);
    this.lineBytes = new Float64Array(2 * classes.length);
    this.shortRunBytes = new Float64Array(classes.length);
    this.doomed = new HeldFifos(1, held);
    const used = this.discipline.includes(FAIR) ? rows : 1;
    const hosts = new HostLoads(used, key(), key(), flows);
    this.fairKeys = new FairKeys(rows, key(), key(), classes, held, flows, hosts);
    const quanta = Float64Array.from(specs, quantumBytes);
    this.fair = new FairQueues(classes, quanta, this.codelOf, held, this.fairKeys, hosts, acks, this.doomed);
    this.fairKeys.isIdle = (q) => this.fair.isIdle(q);
  }

  /** Appends packet `h` to its leaf; false when a fair leaf has no room for one more queue. */
  push(leaf: number, h: number, nowNs: number): boolean {
    if (this.discipline[leaf] === FAIR) return this.fair.push(leaf, h, nowNs);
    const line = 2 * leaf + (this.isLong(leaf, h) ? 1 : 0);
    this.lines.push(line, h);
    this.lineBytes[line] += this.held.lengthBytes[h];
    return true;
  }

  isEmpty(leaf: number): boolean {
    if (this.discipline[leaf] === FAIR) return this.fair.isEmpty(leaf);
    return this.lines.isEmpty(2 * leaf) && this.lines.isEmpty(2 * leaf + 1);
  }

  /** The packet whose turn it is, which stays where it is; the leaf must not be empty. */
  head(leaf: number): number {
    return this.discipline[leaf] === FAIR ? this.fair.head(leaf) : this.lines.head[this.line(leaf)];
  }

  /**
   * Takes the packet whose turn it is at `atNs`, with FLAG_CE set if it is to be marked; NONE when the AQM dropped all that was
   * left.
   */
  shift(leaf: number, atNs: number): number {
    if (this.discipline[leaf] === FAIR) return this.fair.shift(leaf, atNs);
    const parameters = this.codelOf[leaf];
    if (parameters === null) return this.take(leaf);
    const { held } = this;
    while (!this.isEmpty(leaf)) {
      const h = this.take(leaf);
      const ect = (held.flags[h] & FLAG_ECT) !== 0;
      const backlogBytes = this.lineBytes[2 * leaf] + this.lineBytes[2 * leaf + 1];
      const decision = codelDecide(
        this.codel,
        leaf,
        parameters,
        atNs,
        atNs - held.enteredNs[h],
        backlogBytes,
        ect,
      );
      if (decision !== CODEL_DROP || held.neverDrop(h)) {
        if (decision !== CODEL_DROP && decision !== CODEL_PASS) held.flags[h] |= FLAG_CE;
        return h;
      }
      this.doomed.push(0, h);
    }
    return NONE;
  }

  /** Takes any packet; the leaf must not be empty. For the orderly stop. */
  shiftAny(leaf: number): number {
    return this.discipline[leaf] === FAIR ? this.fair.shiftAny(leaf) : this.take(leaf);
  }

  /** A packet that an AQM or a full leaf dropped; NONE when there is none. */
  popDoomed(): number {
    return this.doomed.isEmpty(0) ? NONE : this.doomed.shift(0);
  }

  sweep(nowNs: number): void {
    this.fairKeys.sweep(nowNs);
  }

  private take(leaf: number): number {
    const line = this.line(leaf);
    const h = this.lines.shift(line);
    const bytes = this.held.lengthBytes[h];
    this.lineBytes[line] -= bytes;
    if (line === 2 * leaf) this.shortRunBytes[leaf] += bytes;
    else this.shortRunBytes[leaf] = 0;
    return h;
  }

  private line(leaf: number): number {
    const short = 2 * leaf;
    if (this.lines.isEmpty(short + 1)) return short;
    return this.lines.isEmpty(short) || this.shortRunBytes[leaf] >= SHORT_RUN_BYTES ? short + 1 : short;
  }

  private isLong(leaf: number, h: number): boolean {
    if (this.discipline[leaf] !== SHORT_FIRST) return false;
    const f = this.held.flow[h];
    return f === NONE || this.flows.bytes(f) > this.shortBytes[leaf];
  }
}

function disciplineOf(spec: ClassSpec): number {
  if (spec.queue?.discipline === 'fair') return FAIR;
  return spec.queue?.discipline === 'short-first' ? SHORT_FIRST : FIFO;
}

function codelParameters({ queue }: ClassSpec): CodelParameters | null {
  if (queue?.aqm.kind !== 'codel') return null;
  const { targetNs, intervalNs } = queue.aqm.codel;
  return {
    targetNs,
    intervalNs,
    mtuBytes: MTU_BYTES,
    ecn: queue.ecn,
    ceThresholdNs: Number.POSITIVE_INFINITY,
  };
}

function quantumBytes(spec: ClassSpec): number {
  return Math.min(QUANTUM_BYTES_MAX, Math.max(QUANTUM_BYTES_MIN, spec.ceilBytesPerSec / QUANTUM_SHIFT));
}
