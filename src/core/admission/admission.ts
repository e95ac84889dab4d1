/**
 * Whether a leaf's queue takes one more packet: its limit, and the algorithms that signal on arrival, RED,
 * weighted and adaptive RED, and PIE. (CoDel signals when packets leave: leaf-queues.ts.)
 */
import { type Ared, aredAdvance, aredInherit, aredStart, createAred } from '../../algo/aqm/ared.ts';
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
import { NONE } from '../../base/none.ts';
import type { Prng } from '../../base/prng.ts';
import type { AqmSpec, QueueSpec, WredSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Backlog } from '../packets/backlog.ts';
import type { HeldTable } from '../packets/held.ts';
import type { Trees } from '../tree/trees.ts';

export const SIGNAL_NONE = 0;
/** Signal by a CE mark where ECN is on and the packet can carry one, else by a drop. */
export const SIGNAL_MARK = 1;
/** Signal by a drop, because it is too late for marks (RFC 3168 section 7, RFC 8033 section 5.1). */
export const SIGNAL_DROP = 2;

const DSCPS = 64;
const COLOURS = 3;
/** PIE's mean packet, of which two may wait unharmed (RFC 8033 section 4.1), and the bound of marking. */
const PIE_MEAN_PACKET_BYTES = 1000;
const PIE_MARK_BELOW = 0.1;

export class Admission {
  private readonly queues: readonly (QueueSpec | null)[];
  private readonly backlog: Backlog;
  private readonly held: HeldTable;
  private readonly trees: Trees;
  private readonly prng: Prng;
  private readonly red: RedQueues;
  private readonly redOf: readonly (RedParameters | null)[];
  private readonly aredOf: readonly (Ared | null)[];
  private readonly wred: WredQueues;
  private readonly wredOf: readonly (WredSpec | null)[];
  private readonly wredParameters: readonly WredParameters[];
  /** WRED's profile of each colour and DSCP, COLOURS * DSCPS per leaf. */
  private readonly profileOf: Uint8Array;
  private readonly pie: PieQueues;
  private readonly pieOf: readonly (PieParameters | null)[];

  constructor(classes: readonly ClassInfo[], backlog: Backlog, held: HeldTable, trees: Trees, prng: Prng) {
    this.queues = classes.map((info) => info.spec.queue);
    this.backlog = backlog;
    this.held = held;
    this.trees = trees;
    this.prng = prng;
    const aqms = this.queues.map((queue) => queue?.aqm ?? { kind: 'none' as const });
    this.red = createRedQueues(classes.length);
    this.aredOf = aqms.map(adaptive);
    this.redOf = aqms.map((aqm, row) => (aqm.kind === 'red' ? (this.aredOf[row] ?? aqm.red) : null));
    this.wredOf = aqms.map((aqm) => (aqm.kind === 'wred' ? aqm.wred : null));
    this.wredParameters = this.wredOf.map((wred) => ({ profiles: profiles(wred) }));
    const profilesMax = Math.max(1, ...this.wredParameters.map((wred) => wred.profiles.length));
    this.wred = createWredQueues(classes.length, profilesMax);
    this.profileOf = new Uint8Array(COLOURS * DSCPS * classes.length);
    for (const [row, wred] of this.wredOf.entries())
      if (wred) this.profileOf.set(profileTable(wred), row * COLOURS * DSCPS);
    this.pie = createPieQueues(classes.length);
    this.pieOf = aqms.map(pieParameters);
    for (const [row, pie] of this.pieOf.entries()) if (pie) pieReset(this.pie, row, pie, 0);
  }

  /** Takes over averages and probabilities of leaves that stay, if their algorithm is of the same kind. */
  inherit(from: Admission, { oldRow, nowNs }: ClassChange): void {
    for (const [c, old] of oldRow.entries()) {
      if (old === NONE) {
        this.start(c, nowNs);
        continue;
      }
      if (this.redOf[c] !== null && from.redOf[old] !== null) copyRow(this.red, c, from.red, old);
      else if (this.wredOf[c] !== null && from.wredOf[old] !== null) this.inheritWred(c, from, old);
      else if (this.pieOf[c] !== null && from.pieOf[old] !== null) copyRow(this.pie, c, from.pie, old);
      else this.start(c, nowNs);
      this.inheritAred(c, from, old, nowNs);
    }
  }

  private inheritWred(c: number, from: Admission, old: number): void {
    copyRow(this.wred.red, c, from.wred.red, old);
    const count = this.wredParameters[c].profiles.length;
    // Counts belong to profiles. With another number of profiles they mean nothing.
    if (count !== from.wredParameters[old].profiles.length) return;
    const [to, at] = [c * this.wred.profilesMax, old * from.wred.profilesMax];
    for (let i = 0; i < count; i++) this.wred.count[to + i] = from.wred.count[at + i];
  }

  private inheritAred(c: number, from: Admission, old: number, nowNs: number): void {
    const [ared, before] = [this.aredOf[c], from.aredOf[old]];
    if (ared === null) return;
    if (before === null) aredStart(ared, nowNs);
    else aredInherit(ared, before);
  }

  /** The leaf has no history yet. */
  private start(c: number, nowNs: number): void {
    const [pie, ared] = [this.pieOf[c], this.aredOf[c]];
    if (pie !== null) pieReset(this.pie, c, pie, nowNs);
    if (ared !== null) aredStart(ared, nowNs);
  }

  /**
   * The signal of the leaf's AQM for arriving packet `h`. It moves the average, so call it once for every
   * arrival.
   */
  signal(leaf: number, h: number, nowNs: number): number {
    const backlogBytes = this.backlog.bytes(leaf);
    const lengthBytes = this.held.lengthBytes[h];
    const red = this.redOf[leaf];
    if (red !== null) {
      const ared = this.aredOf[leaf];
      if (ared !== null) aredAdvance(ared, this.red, leaf, backlogBytes, this.trees.nsPerByte(leaf), nowNs);
      redObserve(this.red, leaf, red, backlogBytes, this.trees.nsPerByte(leaf), nowNs);
      if (!redSignal(this.red, leaf, red, lengthBytes, this.prng.nextUnit())) return SIGNAL_NONE;
      return redIsForced(red, this.red.avgBytes[leaf]) ? SIGNAL_DROP : SIGNAL_MARK;
    }
    const pie = this.pieOf[leaf];
    if (pie !== null) {
      if (!pieArrive(this.pie, leaf, pie, backlogBytes, this.prng.nextUnit(), nowNs)) return SIGNAL_NONE;
      return pieMayMark(this.pie, leaf, pie) ? SIGNAL_MARK : SIGNAL_DROP;
    }
    return this.wredOf[leaf] === null ? SIGNAL_NONE : this.wredSignal(leaf, h, nowNs, backlogBytes);
  }

  /** Whether a drop that signal() asks for counts as early (RED, WRED), else as AQM (PIE). */
  isEarly(leaf: number): boolean {
    return this.pieOf[leaf] === null;
  }

  /**
   * Whether the leaf's limit leaves no room for the packet. An empty queue has room for any, so that a
   * superpacket larger than the limit is not locked out.
   */
  isFull(leaf: number, lengthBytes: number): boolean {
    if (this.backlog.packets(leaf) === 0) return false;
    return this.excessBytes(leaf, lengthBytes) > 0 || this.excessPackets(leaf) > 0;
  }

  /**
   * Bytes by which one more packet of this length would exceed the leaf's limit; at most 0 if it would not.
   */
  excessBytes(leaf: number, lengthBytes: number): number {
    const limitBytes = this.queues[leaf]?.limitBytes ?? Number.POSITIVE_INFINITY;
    return this.backlog.bytes(leaf) + lengthBytes - limitBytes;
  }

  /** The same in packets. */
  excessPackets(leaf: number): number {
    const limitPackets = this.queues[leaf]?.limitPackets ?? Number.POSITIVE_INFINITY;
    return this.backlog.packets(leaf) + 1 - limitPackets;
  }

  /** A packet has left the leaf after `sojournNs` in it; the backlog is without it. */
  departed(leaf: number, sojournNs: number, nowNs: number): void {
    const isEmptyNow = this.backlog.packets(leaf) === 0;
    const pie = this.pieOf[leaf];
    if (pie !== null) pieDeparted(this.pie, leaf, pie, sojournNs, isEmptyNow, nowNs);
    if (!isEmptyNow) return;
    if (this.redOf[leaf] !== null) redBecameIdle(this.red, leaf, nowNs);
    else if (this.wredOf[leaf] !== null) redBecameIdle(this.wred.red, leaf, nowNs);
  }

  /** RED's average queue in bytes, as an arrival at `nowNs` would find it; NaN without RED. */
  averageBytes(leaf: number, nowNs: number): number {
    const red = this.redOf[leaf] ?? this.wredParameters[leaf].profiles[0];
    if (!red) return Number.NaN;
    const queues = this.redOf[leaf] === null ? this.wred.red : this.red;
    return redAverageAt(queues, leaf, red, this.backlog.bytes(leaf), this.trees.nsPerByte(leaf), nowNs);
  }

  private wredSignal(leaf: number, h: number, nowNs: number, backlogBytes: number): number {
    const parameters = this.wredParameters[leaf];
    wredObserve(this.wred, leaf, parameters, backlogBytes, this.trees.nsPerByte(leaf), nowNs);
    const { held } = this;
    const profile = this.profileOf[(leaf * COLOURS + held.colour(h)) * DSCPS + held.dscp(h)];
    const lengthBytes = held.lengthBytes[h];
    if (!wredSignal(this.wred, leaf, parameters, profile, lengthBytes, this.prng.nextUnit()))
      return SIGNAL_NONE;
    return redIsForced(parameters.profiles[profile], this.wred.red.avgBytes[leaf])
      ? SIGNAL_DROP
      : SIGNAL_MARK;
  }
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
