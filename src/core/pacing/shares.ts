/**
 * Every 100 ms: which paced connections are active, what share each has of the rate of its class, and the
 * window and the pace of acknowledgements that hold it there.
 *
 *   class 2 Mbit/s       a wants all, b wants all, c moves 20 kB/s by itself
 *                        a and b have 115 kB/s each, and c could have as much          (algo/pacing/share.ts)
 *
 *   window of a share    what fits into the round trip and a queue of ALLOWANCE_NS, which keeps the line busy
 *
 * A connection wants all if, in the last ticks, its window or a held acknowledgement was what held it back.
 * Otherwise it wants a little more than it moves, so the others have the rest, and it can have as much as
 * they at any time.
 *
 * Pacing gives way where it does harm: a connection that only we hold back, in a class without a queue, and
 * that yet moves much less than its share has a longer way than was measured. Its window grows by half,
 * again and again, and in the end it is the receiver's for a minute.
 */
import { TIMED_SEGMENTS } from '../../algo/pacing/ack-timing.ts';
import { targetBytes, waterLevel } from '../../algo/pacing/share.ts';
import { MIN_SEGMENTS, mssOf, wholeUnits } from '../../algo/pacing/window.ts';
import { NONE } from '../../base/none.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { TcpView } from '../flows/tcp-view.ts';
import type { Ledger } from '../packets/ledger.ts';
import { chargeBytesOfMany } from '../packets/wire-cost.ts';
import {
  ANSWERS,
  BEFORE_BYTES,
  BEFORE_NS,
  FREE_UNTIL_TICK,
  GAIN_ONE,
  GAIN_SHIFT,
  HARMED_TICKS,
  HAS_ENDED,
  HEADER_BYTES,
  IS_ACTIVE,
  IS_TIMED,
  LIMITED_TICK,
  NS_PER_BYTE,
  SINCE_BYTES,
  SINCE_NS,
  STATE,
  TARGET_BYTES,
  WINDOW,
} from './connections.ts';
import type { Pacing } from './pacing.ts';

/** What a class could have now (tree/available.ts). */
export interface AvailableRates {
  look(active: ArrayLike<number>): void;
  bytesPerSec(c: number): number;
}

/** A standing queue keeps the line busy while acknowledgements are under way. */
const ALLOWANCE_NS = 10e6;
/** Until a round trip is known. */
const ROUND_TRIP_NS_AT_START = 100e6;
/** A connection counts as held back by us for so many ticks. */
const LIMITED_TICKS = 3;
/** One that moves this wants so much. */
const GROWTH = 1.25;
/** Nobody has less: a share of nothing would never let an acknowledgement go on. */
const LEAST_SHARE_BYTES_PER_SEC = 1000;
/** Less than this part of its share is harm, if it lasts HARM_TICKS. */
const HARM_SHARE = 0.7;
const HARM_TICKS = 20;
const GAIN_STEP = 1.5;
const GAIN_MAX = 16;
/** So long a connection keeps the receiver's window: a minute. */
const FREE_TICKS = 600;
/** The rate of a young connection is not taken over less time than this. */
const LEAST_SPAN_NS = 100e6;

/** A connection whose window is the receiver's again. */
export interface FreedConnection {
  readonly flow: number;
  /** Of the flow, whose row may have another one when this is read. */
  readonly generation: number;
  readonly classRow: number;
  readonly movedBytesPerSec: number;
  readonly shareBytesPerSec: number;
}

const FREED_KEPT = 64;
/** Of windows: a field of 16 bits, with the greatest scale. */
const TARGET_BYTES_MAX = 2 ** 29;
const STATE_BITS = (1 << GAIN_SHIFT) - 1;

export class Shares {
  private readonly pacing: Pacing;
  private readonly view: TcpView;
  private readonly ledger: Ledger;
  private classes: readonly ClassInfo[];
  /** By class: its active connections, and the first connection in the list of all of them. */
  private active: Int32Array;
  private first: Int32Array;
  /** By class: connections that have begun since the last tick, and the share of each at that tick. */
  private begun: Int32Array;
  private shareBytesPerSec: Float64Array;
  // By place of a connection: the next one of its class, what it moves, and scratch.
  private next = new Int32Array(0);
  private moved = new Float64Array(0);
  private wanted = new Float64Array(0);
  /** Connections that pacing has given way to, since freed() was called. */
  private freedNow: FreedConnection[] = [];

  constructor(pacing: Pacing, classes: readonly ClassInfo[], view: TcpView, ledger: Ledger) {
    this.pacing = pacing;
    this.view = view;
    this.ledger = ledger;
    this.classes = classes;
    this.active = new Int32Array(classes.length);
    this.first = new Int32Array(classes.length);
    this.begun = new Int32Array(classes.length);
    this.shareBytesPerSec = ceilsOf(classes);
  }

  /** Goes by other classes: `heir` has the new row of each. */
  regroup(classes: readonly ClassInfo[], heir: ArrayLike<number>): void {
    this.freedNow = this.freedNow
      .map((freed) => ({ ...freed, classRow: heir[freed.classRow] }))
      .filter(({ classRow }) => classRow !== NONE);
    this.classes = classes;
    this.active = new Int32Array(classes.length);
    this.first = new Int32Array(classes.length);
    this.begun = new Int32Array(classes.length);
    this.shareBytesPerSec = ceilsOf(classes);
  }

  /** What pacing has given way to since the last call. */
  freed(): readonly FreedConnection[] {
    const all = this.freedNow;
    if (all.length > 0) this.freedNow = [];
    return all;
  }

  advance(available: AvailableRates, nowNs: number): void {
    this.pacing.tick++;
    this.pacing.forgetUnpaced();
    this.makeRoom();
    this.group(nowNs);
    available.look(this.active);
    for (let c = 0; c < this.classes.length; c++) {
      if (this.classes[c].spec.pace !== null) this.divide(c, available.bytesPerSec(c));
    }
  }

  private makeRoom(): void {
    const { size } = this.pacing.connections;
    if (size <= this.next.length) return;
    const room = Math.max(64, 2 * size);
    this.next = new Int32Array(room);
    this.moved = new Float64Array(room);
    this.wanted = new Float64Array(room);
  }

  /** Lists the connections of each class, and counts the active ones. */
  private group(nowNs: number): void {
    const { connections } = this.pacing;
    const { words } = connections;
    const { active, first, next, moved, classes } = this;
    active.fill(0);
    first.fill(NONE);
    for (let n = 0; n < connections.size; n++) {
      const d = connections.at(n);
      const c = this.pacing.classOf(d);
      if (c === NONE) continue;
      const pace = classes[c].spec.pace;
      if (pace === null) continue;
      next[n] = first[c];
      first[c] = n;
      moved[n] = this.movedBytesPerSec(d, pace.ageNs, nowNs);
      const isActive = moved[n] > pace.activeBytesPerSec;
      if (isActive) active[c] += 1;
      words[d + STATE] = (words[d + STATE] & ~IS_ACTIVE) | (isActive ? IS_ACTIVE : 0);
    }
  }

  /** Over the last `ageNs` to twice that. */
  private movedBytesPerSec(d: number, ageNs: number, nowNs: number): number {
    const { floats } = this.pacing.connections;
    const bytes = this.view.bytes(d);
    const since = (d + SINCE_NS) >> 1;
    if (nowNs - floats[since] >= ageNs) {
      floats[(d + BEFORE_BYTES) >> 1] = floats[(d + SINCE_BYTES) >> 1];
      floats[(d + BEFORE_NS) >> 1] = floats[since];
      floats[(d + SINCE_BYTES) >> 1] = bytes;
      floats[since] = nowNs;
    }
    const spanNs = Math.max(LEAST_SPAN_NS, nowNs - floats[(d + BEFORE_NS) >> 1]);
    return ((bytes - floats[(d + BEFORE_BYTES) >> 1]) * 1e9) / spanNs;
  }

  /**
   * Gives a connection that has just begun in class `c` a share before it has moved anything: that of one
   * more beside those that were active, and beside those that have begun since.
   */
  welcome(d: number, c: number): void {
    const others = this.active[c] + this.begun[c];
    this.begun[c] += 1;
    const all = this.shareBytesPerSec[c] * Math.max(1, this.active[c]);
    this.hold(d, c, all / (others + 1));
  }

  /**
   * What class `c` has for its connections, less what is needed to send within a second the queue that they
   * have left there. A queue would stand otherwise, however exact the shares are.
   */
  private dividable(c: number, availableBytesPerSec: number): number {
    const { connections } = this.pacing;
    let waitingBytes = 0;
    for (let n = this.first[c]; n !== NONE; n = this.next[n])
      waitingBytes += this.view.waitingBytes(connections.at(n));
    const excessBytes = waitingBytes - (availableBytesPerSec * ALLOWANCE_NS) / 1e9;
    const draining = excessBytes > 0 ? excessBytes : 0;
    return Math.max(availableBytesPerSec - draining, availableBytesPerSec / 2);
  }

  /** Divides what class `c` has among its connections. */
  private divide(c: number, availableBytesPerSec: number): void {
    const { connections, tick } = this.pacing;
    const { words } = connections;
    const { first, next, moved, wanted } = this;
    let count = 0;
    let open = 0;
    for (let n = first[c]; n !== NONE; n = next[n]) {
      const d = connections.at(n);
      if ((words[d + STATE] & HAS_ENDED) === 0) open++;
      if ((words[d + STATE] & IS_ACTIVE) === 0) continue;
      const isLimited = tick - words[d + LIMITED_TICK] <= LIMITED_TICKS && words[d + LIMITED_TICK] !== NONE;
      wanted[count++] = isLimited ? Number.POSITIVE_INFINITY : GROWTH * moved[n];
    }
    const level = waterLevel(this.dividable(c, availableBytesPerSec), wanted, count);
    this.shareBytesPerSec[c] = level;
    this.begun[c] = 0;
    this.ledger.paced(c, open, count === 0 ? 0 : level);
    for (let n = first[c]; n !== NONE; n = next[n]) {
      const d = connections.at(n);
      this.giveWay(d, c, level, moved[n]);
      this.hold(d, c, level);
    }
  }

  /** Holds connection `d` to a share, in bytes on the wire. */
  private hold(d: number, c: number, bytesPerSec: number): void {
    const { words, floats } = this.pacing.connections;
    const shareBytesPerSec = Math.max(LEAST_SHARE_BYTES_PER_SEC, bytesPerSec);
    const { spec, link } = this.classes[c];
    const mss = mssOf(words, d + WINDOW);
    const wireBytes = chargeBytesOfMany(link.linkLayer, 1, mss + words[d + HEADER_BYTES]);
    const payloadPerSec = (shareBytesPerSec * mss) / wireBytes;
    const roundTripUs = this.view.roundTripUs(words[d + ANSWERS], d);
    const roundTripNs = roundTripUs === 0 ? ROUND_TRIP_NS_AT_START : 1e3 * roundTripUs;
    const delayNs = spec.pace?.delayNs ?? 0;
    const gain = (words[d + STATE] >> GAIN_SHIFT) / GAIN_ONE;
    const allowanceNs = Math.min(ALLOWANCE_NS * gain, delayNs / 2);
    const spanSec = (roundTripNs * gain + allowanceNs) / 1e9;
    const segments = (payloadPerSec * spanSec) / mss;
    const isTimed = segments < TIMED_SEGMENTS;
    words[d + STATE] = (words[d + STATE] & ~IS_TIMED) | (isTimed ? IS_TIMED : 0);
    // A timed window need not be exact, and must not be too small.
    const timed = mss * Math.max(MIN_SEGMENTS, Math.ceil(segments) + 1);
    const exact = Math.min(TARGET_BYTES_MAX, targetBytes(payloadPerSec, spanSec, mss));
    // A window a few bytes short of a whole segment would cost the segment.
    words[d + TARGET_BYTES] = wholeUnits(words, d + WINDOW, isTimed ? timed : exact);
    floats[(d + NS_PER_BYTE) >> 1] = 1e9 / payloadPerSec;
  }

  /** Gives way to connection `d` where pacing does harm. */
  private giveWay(d: number, c: number, shareBytesPerSec: number, movedBytesPerSec: number): void {
    const { connections, tick } = this.pacing;
    const { words } = connections;
    if (words[d + FREE_UNTIL_TICK] !== 0) {
      if (tick >= words[d + FREE_UNTIL_TICK]) words[d + FREE_UNTIL_TICK] = 0;
      return;
    }
    const isLimited = words[d + LIMITED_TICK] !== NONE && tick - words[d + LIMITED_TICK] <= 1;
    const isHarmed =
      isLimited && movedBytesPerSec < HARM_SHARE * shareBytesPerSec && this.view.waitingBytes(d) === 0;
    words[d + HARMED_TICKS] = isHarmed ? words[d + HARMED_TICKS] + 1 : 0;
    if (words[d + HARMED_TICKS] < HARM_TICKS) return;
    words[d + HARMED_TICKS] = 0;
    const gain = Math.ceil((words[d + STATE] >> GAIN_SHIFT) * GAIN_STEP);
    const isTried = gain > GAIN_MAX * GAIN_ONE;
    words[d + STATE] = (words[d + STATE] & STATE_BITS) | ((isTried ? GAIN_ONE : gain) << GAIN_SHIFT);
    if (!isTried) return;
    words[d + FREE_UNTIL_TICK] = tick + FREE_TICKS;
    this.pacing.acks.release(d);
    if (this.freedNow.length >= FREED_KEPT) return;
    const generation = this.view.generation(d);
    this.freedNow.push({ flow: d, generation, classRow: c, movedBytesPerSec, shareBytesPerSec });
  }
}

/** What classes have while nobody has looked at them yet. */
function ceilsOf(classes: readonly ClassInfo[]): Float64Array {
  return Float64Array.from(classes, ({ spec }) => spec.ceilBytesPerSec);
}
