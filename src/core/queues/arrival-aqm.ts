/**
 * The algorithms that signal when a packet arrives: RED, weighted and adaptive RED, and PIE. (CoDel signals
 * when packets leave: set-queues.ts.)
 *
 * There are two tables, as of sets (queue-sets.ts). In the one of the leaves a row is a class. In the one of
 * `each` a row is a bucket, and its class says by which parameters it goes: average and probability stay with
 * the bucket while nothing waits for it.
 */
import { type Ared, aredAdvance, aredStart, createAred } from '../../algo/aqm/ared.ts';
import {
  createPieQueues,
  type PieParameters,
  type PieQueues,
  pieArrive,
  pieDeparted,
  pieMayMark,
  pieReset,
} from '../../algo/aqm/pie.ts';
import {
  createRedQueues,
  type RedParameters,
  type RedQueues,
  redAverageAt,
  redBecameIdle,
  redIsForced,
  redObserve,
  redSignal,
} from '../../algo/aqm/red.ts';
import {
  createWredQueues,
  type WredParameters,
  type WredQueues,
  wredObserve,
  wredSignal,
} from '../../algo/aqm/wred.ts';
import type { Prng } from '../../base/prng.ts';
import type { AqmSpec, WaitingSpec, WredSpec } from '../../spec/spec.ts';
import type { HeldTable } from '../packets/held.ts';

export const SIGNAL_NONE = 0;
/** Signal by a CE mark where ECN is on and the packet can carry one, else by a drop. */
export const SIGNAL_MARK = 1;
/** Signal by a drop, because it is too late for marks (RFC 3168 section 7, RFC 8033 section 5.1). */
export const SIGNAL_DROP = 2;

/** What a class has. */
const KIND_NONE = 0;
const KIND_RED = 1;
const KIND_WRED = 2;
const KIND_PIE = 3;

const DSCPS = 64;
const COLOURS = 3;
/** PIE's mean packet, of which two may wait unharmed (RFC 8033 section 4.1), and the bound of marking. */
const PIE_MEAN_PACKET_BYTES = 1000;
const PIE_MARK_BELOW = 0.1;

export class ArrivalAqm {
  private readonly held: HeldTable;
  private readonly prng: Prng;
  // By class.
  private readonly kind: Uint8Array;
  private readonly redOf: readonly (RedParameters | null)[];
  private readonly aredOf: readonly (Ared | null)[];
  private readonly wredOf: readonly (WredSpec | null)[];
  private readonly wredParameters: readonly WredParameters[];
  /** WRED's profile of each colour and DSCP, COLOURS * DSCPS per class. */
  private readonly profileOf: Uint8Array;
  private readonly pieOf: readonly (PieParameters | null)[];
  /** Adaptive RED: where maxp starts. */
  private readonly maxpOf: Float64Array;
  // By row; without rows where no class has the algorithm.
  private readonly red: RedQueues;
  /** Adaptive RED: maxp, and the instant of its next step. */
  private readonly aredProbability: Float64Array;
  private readonly aredNextNs: Float64Array;
  private readonly wred: WredQueues;
  private readonly pie: PieQueues;

  /** `waiting` has what each class, or the buckets of each class, are told. */
  constructor(rows: number, waiting: readonly (WaitingSpec | null)[], held: HeldTable, prng: Prng) {
    this.held = held;
    this.prng = prng;
    const aqms = waiting.map((one): AqmSpec => one?.aqm ?? { kind: 'none' });
    this.kind = Uint8Array.from(aqms, kindOf);
    this.aredOf = aqms.map(adaptive);
    this.maxpOf = Float64Array.from(aqms, (aqm) => (aqm.kind === 'red' ? aqm.red.probability : 0));
    this.redOf = aqms.map((aqm, c) => (aqm.kind === 'red' ? (this.aredOf[c] ?? aqm.red) : null));
    this.wredOf = aqms.map((aqm) => (aqm.kind === 'wred' ? aqm.wred : null));
    this.wredParameters = this.wredOf.map((wred) => ({ profiles: profiles(wred) }));
    this.pieOf = aqms.map(pieParameters);
    const rowsFor = (kind: number): number => (this.kind.includes(kind) ? rows : 0);
    this.red = createRedQueues(rowsFor(KIND_RED));
    const isAdaptive = this.aredOf.some((ared) => ared !== null);
    this.aredProbability = new Float64Array(isAdaptive ? rows : 0);
    this.aredNextNs = new Float64Array(isAdaptive ? rows : 0);
    const profilesMax = Math.max(1, ...this.wredParameters.map((wred) => wred.profiles.length));
    this.wred = createWredQueues(rowsFor(KIND_WRED), profilesMax);
    this.profileOf = new Uint8Array(COLOURS * DSCPS * waiting.length);
    for (const [c, wred] of this.wredOf.entries())
      if (wred) this.profileOf.set(profileTable(wred), c * COLOURS * DSCPS);
    this.pie = createPieQueues(rowsFor(KIND_PIE));
  }

  /** Whether class `c` has one of the algorithms. */
  has(c: number): boolean {
    return this.kind[c] !== KIND_NONE;
  }

  /** Row `row` of class `c` has no history yet. */
  start(row: number, c: number, nowNs: number): void {
    const [pie, ared, wred] = [this.pieOf[c], this.aredOf[c], this.wredOf[c]];
    if (pie !== null) pieReset(this.pie, row, pie, nowNs);
    if (this.redOf[c] !== null) redStart(this.red, row);
    if (ared !== null) this.startAred(row, c, nowNs);
    if (wred === null) return;
    redStart(this.wred.red, row);
    const { count, profilesMax } = this.wred;
    for (let i = row * profilesMax; i < (row + 1) * profilesMax; i++) count[i] = -1;
  }

  /**
   * Row `row` of class `c` goes on with average and probability of row `old`, which had class `oldClass`, of
   * `from`. With another algorithm it starts anew.
   */
  inherit(row: number, c: number, from: ArrivalAqm, old: number, oldClass: number, nowNs: number): void {
    this.start(row, c, nowNs);
    if (this.kind[c] !== from.kind[oldClass]) return;
    if (this.redOf[c] !== null) {
      copyRow(this.red, row, from.red, old);
      if (this.aredOf[c] === null || from.aredOf[oldClass] === null) return;
      this.aredProbability[row] = from.aredProbability[old];
      this.aredNextNs[row] = from.aredNextNs[old];
    } else if (this.pieOf[c] !== null) {
      copyRow(this.pie, row, from.pie, old);
    } else if (this.wredOf[c] !== null) {
      copyRow(this.wred.red, row, from.wred.red, old);
      const count = this.wredParameters[c].profiles.length;
      // Counts belong to profiles. With another number of profiles they mean nothing.
      if (count !== from.wredParameters[oldClass].profiles.length) return;
      const [to, at] = [row * this.wred.profilesMax, old * from.wred.profilesMax];
      for (let i = 0; i < count; i++) this.wred.count[to + i] = from.wred.count[at + i];
    }
  }

  /**
   * The signal for arriving packet `h`, which finds `backlogBytes` waiting, at a rate of a byte in
   * `nsPerByte`. It moves the average, so call it once for every arrival.
   */
  signal(row: number, c: number, h: number, backlogBytes: number, nsPerByte: number, nowNs: number): number {
    const { prng } = this;
    const red = this.redOf[c];
    if (red !== null) {
      const ared = this.aredOf[c];
      if (ared !== null) this.advanceAred(row, ared, backlogBytes, nsPerByte, nowNs);
      redObserve(this.red, row, red, backlogBytes, nsPerByte, nowNs);
      if (!redSignal(this.red, row, red, this.held.lengthBytes[h], prng.nextUnit())) return SIGNAL_NONE;
      return redIsForced(red, this.red.avgBytes[row]) ? SIGNAL_DROP : SIGNAL_MARK;
    }
    const pie = this.pieOf[c];
    if (pie !== null) {
      if (!pieArrive(this.pie, row, pie, backlogBytes, prng.nextUnit(), nowNs)) return SIGNAL_NONE;
      return pieMayMark(this.pie, row, pie) ? SIGNAL_MARK : SIGNAL_DROP;
    }
    return this.wredOf[c] === null ? SIGNAL_NONE : this.wredSignal(row, c, h, backlogBytes, nsPerByte, nowNs);
  }

  /** Whether a drop that signal() asks for counts as early (RED, WRED), else as AQM (PIE). */
  isEarly(c: number): boolean {
    return this.pieOf[c] === null;
  }

  /** A packet has left after `sojournNs`, which is negative if nobody knows it. */
  departed(row: number, c: number, sojournNs: number, isEmptyNow: boolean, nowNs: number): void {
    const pie = this.pieOf[c];
    if (pie !== null) {
      const knownNs = sojournNs < 0 ? this.pie.delayNs[row] : sojournNs;
      pieDeparted(this.pie, row, pie, knownNs, isEmptyNow, nowNs);
    }
    if (!isEmptyNow) return;
    if (this.redOf[c] !== null) redBecameIdle(this.red, row, nowNs);
    else if (this.wredOf[c] !== null) redBecameIdle(this.wred.red, row, nowNs);
  }

  /** RED's average queue in bytes, as an arrival at `nowNs` would find it; NaN without RED. */
  averageBytes(row: number, c: number, backlogBytes: number, nsPerByte: number, nowNs: number): number {
    const red = this.redOf[c] ?? this.wredParameters[c].profiles[0];
    if (!red) return Number.NaN;
    const queues = this.redOf[c] === null ? this.wred.red : this.red;
    return redAverageAt(queues, row, red, backlogBytes, nsPerByte, nowNs);
  }

  private wredSignal(
    row: number,
    c: number,
    h: number,
    backlogBytes: number,
    nsPerByte: number,
    nowNs: number,
  ): number {
    const { held, prng } = this;
    const parameters = this.wredParameters[c];
    wredObserve(this.wred, row, parameters, backlogBytes, nsPerByte, nowNs);
    const profile = this.profileOf[(c * COLOURS + held.colour(h)) * DSCPS + held.dscp(h)];
    if (!wredSignal(this.wred, row, parameters, profile, held.lengthBytes[h], prng.nextUnit()))
      return SIGNAL_NONE;
    const isForced = redIsForced(parameters.profiles[profile], this.wred.red.avgBytes[row]);
    return isForced ? SIGNAL_DROP : SIGNAL_MARK;
  }

  private startAred(row: number, c: number, nowNs: number): void {
    const ared = this.aredOf[c] as Ared;
    aredStart(ared, nowNs);
    this.aredProbability[row] = this.maxpOf[c];
    this.aredNextNs[row] = ared.nextStepNs;
  }

  /** Rows of a class take turns with its one record of maxp and next step. */
  private advanceAred(row: number, ared: Ared, backlogBytes: number, nsPerByte: number, nowNs: number): void {
    ared.probability = this.aredProbability[row];
    ared.nextStepNs = this.aredNextNs[row];
    aredAdvance(ared, this.red, row, backlogBytes, nsPerByte, nowNs);
    this.aredProbability[row] = ared.probability;
    this.aredNextNs[row] = ared.nextStepNs;
  }
}

function kindOf({ kind }: AqmSpec): number {
  if (kind === 'red') return KIND_RED;
  if (kind === 'wred') return KIND_WRED;
  return kind === 'pie' ? KIND_PIE : KIND_NONE;
}

function redStart(red: RedQueues, row: number): void {
  red.avgBytes[row] = 0;
  red.count[row] = -1;
  red.idleSinceNs[row] = 0;
}

/** Copies one row of all columns. */
function copyRow<Columns extends object>(to: Columns, i: number, from: Columns, j: number): void {
  for (const name of Object.keys(to) as (keyof Columns)[]) {
    (to[name] as Float64Array)[i] = (from[name] as Float64Array)[j];
  }
}

/** RED whose probability follows the average; the other parameters are the configured ones. */
function adaptive(aqm: AqmSpec): Ared | null {
  if (aqm.kind !== 'red' || !aqm.red.adaptive) return null;
  return createAred(aqm.red, 0);
}

function profiles(wred: WredSpec | null): RedParameters[] {
  if (wred === null) return [];
  const { weight, gentle, meanPacketBytes } = wred;
  return wred.profiles.map(({ minBytes, maxBytes, probability }) => {
    return { minBytes, maxBytes, probability, weight, gentle, meanPacketBytes, byteMode: false };
  });
}

/** Profile of each colour and DSCP: the first that takes both, else the last. */
function profileTable({ profiles: all }: WredSpec): Uint8Array {
  const takes = (listed: readonly number[], value: number): boolean =>
    listed.length === 0 || listed.includes(value);
  return Uint8Array.from({ length: COLOURS * DSCPS }, (_, at) => {
    const [colour, point] = [Math.floor(at / DSCPS), at % DSCPS];
    const first = all.findIndex(({ colours, dscp }) => takes(colours, colour) && takes(dscp, point));
    return first >= 0 ? first : all.length - 1;
  });
}

function pieParameters(aqm: AqmSpec): PieParameters | null {
  if (aqm.kind !== 'pie') return null;
  return { ...aqm.pie, meanPacketBytes: PIE_MEAN_PACKET_BYTES, markBelow: PIE_MARK_BELOW };
}
