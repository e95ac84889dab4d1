/**
 * Packets that modules hold, from hold() to the answer.
 *
 *   hold()           NEW: the packet lies in the batch that brought it
 *   the batch ends   KEPT: a copy of its bytes and columns lies here, and it has a row of the held table
 *   accept(), drop() ACCEPTED, DROPPED: it stands in the list of answers, until the stage takes it from there
 *   its time is over or  it is gone: it has had its verdict, and an answer means nothing. Its record stays
 *   the kernel lost it   for as long as a packet may be held, so that the answer is no error
 *
 * Code of a module may be ended from outside at any call or turn of a loop. So what modules call here,
 * hold() and answer(), has neither behind its checks. Records are freed by the stage, which nobody ends.
 *
 * A handle is the place of its record and a number that no other hold has had, so a handle is answered once.
 */
import { NONE } from '../../base/none.ts';
import { shortText } from '../../base/short-text.ts';
import { MODULE_BYTES_MAX, MODULE_HELD_MAX, MODULE_HOLD_NS_MAX } from '../../limits.ts';
import type { Handle } from '../../modules/api/packet.ts';
import { ARRIVAL_COLUMNS } from '../../packet/batch.ts';
import { Places } from '../packets/places.ts';
import type { Rows } from './rows.ts';

// Fields of a record.
const STATE = 0;
/** Number of the module that holds it. */
const OWNER = 1;
const SERIAL = 2;
/** Row of the held table. */
const HELD = 3;
const PLACE = 4;
const EDITS = 5;
/** Of one whose batch has not ended: its entry in the line of the stage; else NONE. */
const ENTRY = 6;
/** Of an answered one: place in the line at which it was answered, and the next answer. */
const POSITION = 7;
const NEXT = 8;
/** Neighbours by age. */
const OLDER = 9;
const NEWER = 10;
/** 1: its verdict does not wait for the answer any more; 1: it goes on because its time is over. */
const IS_GONE = 11;
const IS_OVERDUE = 12;
/** The columns of the packet. */
const COLUMNS = 13;
const WORDS = 32;

const FREE = 0;
export const NEW = 1;
const KEPT = 2;
export const ACCEPTED = 3;
export const DROPPED = 4;

const RECORDS_AT_START = 256;
/** A handle is serial * 2^20 + record. */
const RECORD_BITS = 20;
const RECORDS_MAX = 1 << RECORD_BITS;

export class Holds {
  /** By number of a module: packets that it holds. */
  readonly heldBy: number[] = [];
  private readonly places = new Places(MODULE_BYTES_MAX);
  private words = new Int32Array(RECORDS_AT_START * WORDS);
  private floats = new Float64Array(RECORDS_AT_START);
  private free: number[] = [];
  private highWater = 0;
  private serial = 0;
  private oldest = NONE;
  private newest = NONE;
  private firstAnswer = NONE;
  private lastAnswer = NONE;
  /** NEW ones of this batch, which are to have places. */
  private fresh = 0;
  private readonly mayHold: (packets: number) => boolean;

  /** `mayHold` says whether so many packets more may wait for a verdict. */
  constructor(mayHold: (packets: number) => boolean) {
    this.mayHold = mayHold;
  }

  get hasAnswers(): boolean {
    return this.firstAnswer !== NONE;
  }

  /** Instant at which the oldest hold ends; Infinity without one. */
  get endsNs(): number {
    return this.oldest === NONE ? Number.POSITIVE_INFINITY : this.floats[this.oldest] + MODULE_HOLD_NS_MAX;
  }

  /** Code of modules runs next, for at most so many packets: there is a record for each. */
  prepare(packets: number): void {
    this.fresh = 0;
    while (this.free.length + this.words.length / WORDS - this.highWater < packets) this.grow();
  }

  /**
   * Module `owner` holds row `p` of `rows`, which is `entry` of the line. Returns its record.
   * @throws Error if it holds too many, or there is no memory for the packet
   */
  hold(owner: number, rows: Rows, p: number, entry: number, nowNs: number): number {
    if (this.heldBy[owner] >= MODULE_HELD_MAX)
      throw new Error(`the module holds ${MODULE_HELD_MAX} packets already, which is the most`);
    if (!this.places.hasRoom(rows.arrivals.copiedBytes[p], this.fresh + 1) || !this.mayHold(this.fresh + 1))
      throw new Error('the shaper has no memory for more held packets');
    if (this.free.length === 0 && this.highWater * WORDS >= this.words.length)
      throw new Error('too many packets are held');
    const r = this.free.length > 0 ? (this.free.pop() as number) : this.highWater++;
    const { words, newest } = this;
    const at = r * WORDS;
    this.serial = (this.serial + 1) & 0x7fffffff;
    this.fresh += 1;
    words[at + OWNER] = owner;
    words[at + SERIAL] = this.serial;
    words[at + HELD] = rows.h[p];
    words[at + PLACE] = NONE;
    words[at + ENTRY] = entry;
    words[at + IS_GONE] = 0;
    words[at + IS_OVERDUE] = 0;
    words[at + OLDER] = newest;
    words[at + NEWER] = NONE;
    this.floats[r] = nowNs;
    if (newest === NONE) this.oldest = r;
    else words[newest * WORDS + NEWER] = r;
    this.newest = r;
    this.heldBy[owner] += 1;
    words[at + STATE] = NEW;
    return r;
  }

  handleOf(r: number): Handle {
    return (this.words[r * WORDS + SERIAL] * RECORDS_MAX + r) as Handle;
  }

  /**
   * Module `owner` answers: the packet is ACCEPTED or DROPPED. `position` is the place in the line where that
   * happens.
   * @throws Error if there is no such packet, the handle was answered already, or is not the module's
   */
  answer(owner: number, handle: number, state: number, position: number): void {
    const r = handle % RECORDS_MAX;
    const at = r * WORDS;
    const { words, lastAnswer } = this;
    const isOne = Number.isSafeInteger(handle) && handle >= RECORDS_MAX && r < this.highWater;
    const serial = Math.floor(handle / RECORDS_MAX);
    // A record is used again for another packet, under a greater number.
    if (!isOne || serial > words[at + SERIAL])
      throw new Error(`${shortText(handle)} is no held packet: give what hold() has returned`);
    if (words[at + SERIAL] !== serial || words[at + STATE] === FREE)
      throw new Error('the handle was answered already');
    if (words[at + OWNER] !== owner) throw new Error('the handle is of another module');
    const before = words[at + STATE];
    if (before === ACCEPTED || before === DROPPED) throw new Error('the handle was answered already');
    words[at + POSITION] = position;
    words[at + NEXT] = NONE;
    if (lastAnswer === NONE) this.firstAnswer = r;
    else words[lastAnswer * WORDS + NEXT] = r;
    this.lastAnswer = r;
    words[at + STATE] = state;
  }

  // For the stage.

  /** The first answer, which stays in the list until endAnswer(); NONE. */
  get answered(): number {
    return this.firstAnswer;
  }

  /** The answer behind this one; NONE. */
  answerAfter(r: number): number {
    return this.words[r * WORDS + NEXT];
  }

  endAnswer(): void {
    this.firstAnswer = this.words[this.firstAnswer * WORDS + NEXT];
    if (this.firstAnswer === NONE) this.lastAnswer = NONE;
  }

  /** NEW, ACCEPTED, DROPPED, or anything else. */
  state(r: number): number {
    return this.words[r * WORDS + STATE];
  }

  owner(r: number): number {
    return this.words[r * WORDS + OWNER];
  }

  /** Another module takes over where it left off. */
  setOwner(r: number, owner: number): void {
    const by = this.isGone(r) ? 0 : 1;
    this.heldBy[this.owner(r)] -= by;
    this.heldBy[owner] += by;
    this.words[r * WORDS + OWNER] = owner;
  }

  entry(r: number): number {
    return this.words[r * WORDS + ENTRY];
  }

  position(r: number): number {
    return this.words[r * WORDS + POSITION];
  }

  /** Row of the held table; NONE of a NEW one that has come with this batch. */
  h(r: number): number {
    return this.words[r * WORDS + HELD];
  }

  /** Interface indexes of the packet. */
  isOf(r: number, ifIndexes: ReadonlySet<number>): boolean {
    const columns = r * WORDS + COLUMNS;
    return ifIndexes.has(this.words[columns + IF_IN]) || ifIndexes.has(this.words[columns + IF_OUT]);
  }

  /** Whether its bytes were copied, so that load() brings it back. Without them and an entry it is lost. */
  isKept(r: number): boolean {
    return this.words[r * WORDS + PLACE] !== NONE;
  }

  /** The batch ends: the packet of row `p`, held as `h`, is copied. */
  keep(r: number, rows: Rows, p: number, h: number): void {
    const { words } = this;
    const { arrivals, slab } = rows;
    const at = r * WORDS;
    words[at + HELD] = h;
    words[at + EDITS] = rows.edits[p];
    words[at + PLACE] = this.places.put(slab, arrivals.slabOffset[p], arrivals.copiedBytes[p]);
    for (let c = 0; c < ARRIVAL_COLUMNS.length; c++)
      words[at + COLUMNS + c] = arrivals[ARRIVAL_COLUMNS[c]][p];
    words[at + ENTRY] = NONE;
    if (words[at + STATE] === NEW) words[at + STATE] = KEPT;
  }

  /** Brings the packet back to row `p`, with its bytes at `slabOffset`. */
  load(r: number, rows: Rows, p: number, slabOffset: number): void {
    const { words } = this;
    const { arrivals } = rows;
    const at = r * WORDS;
    for (let c = 0; c < ARRIVAL_COLUMNS.length; c++)
      arrivals[ARRIVAL_COLUMNS[c]][p] = words[at + COLUMNS + c];
    arrivals.slabOffset[p] = slabOffset;
    rows.clear(p);
    rows.h[p] = words[at + HELD];
    rows.edits[p] = words[at + EDITS];
    this.places.copyTo(words[at + PLACE], rows.slab, slabOffset, arrivals.copiedBytes[p]);
  }

  copiedBytes(r: number): number {
    return this.words[r * WORDS + COLUMNS + COPIED];
  }

  /** The verdict of its packet does not wait for the answer any more. */
  lose(r: number): void {
    this.giveBytes(r);
    this.words[r * WORDS + IS_GONE] = 1;
    this.heldBy[this.owner(r)] -= 1;
  }

  isGone(r: number): boolean {
    return this.words[r * WORDS + IS_GONE] === 1;
  }

  /** Its time is over: it goes on as if it were answered. */
  expire(r: number): void {
    this.words[r * WORDS + IS_OVERDUE] = 1;
    this.answer(this.owner(r), this.handleOf(r), ACCEPTED, 0);
  }

  /** The packet has gone on, and the hold stands in no list of answers. */
  end(r: number, nowNs: number): void {
    const { words } = this;
    const at = r * WORDS;
    this.unlink(r);
    if (!this.isGone(r)) this.lose(r);
    if (words[at + IS_OVERDUE] === 0) {
      words[at + STATE] = FREE;
      this.free.push(r);
      return;
    }
    // The module may answer yet.
    words[at + IS_OVERDUE] = 0;
    words[at + STATE] = KEPT;
    words[at + ENTRY] = NONE;
    this.floats[r] = nowNs;
    words[at + OLDER] = this.newest;
    words[at + NEWER] = NONE;
    if (this.newest === NONE) this.oldest = r;
    else words[this.newest * WORDS + NEWER] = r;
    this.newest = r;
  }

  /** The oldest hold that nobody has answered, if its time is over; NONE. */
  overdue(nowNs: number): number {
    for (let r = this.oldest; r !== NONE; r = this.words[r * WORDS + NEWER]) {
      if (nowNs - this.floats[r] < MODULE_HOLD_NS_MAX) return NONE;
      if (this.isOpen(r)) return r;
    }
    return NONE;
  }

  /** Whether nobody has answered. */
  isOpen(r: number): boolean {
    const state = this.state(r);
    return state === NEW || state === KEPT;
  }

  /** All holds, the oldest first. */
  all(): number[] {
    const found: number[] = [];
    for (let r = this.oldest; r !== NONE; r = this.words[r * WORDS + NEWER]) found.push(r);
    return found;
  }

  private unlink(r: number): void {
    const { words } = this;
    const older = words[r * WORDS + OLDER];
    const newer = words[r * WORDS + NEWER];
    if (older === NONE) this.oldest = newer;
    else words[older * WORDS + NEWER] = newer;
    if (newer === NONE) this.newest = older;
    else words[newer * WORDS + OLDER] = older;
  }

  private giveBytes(r: number): void {
    const at = r * WORDS + PLACE;
    if (this.words[at] !== NONE) this.places.give(this.words[at]);
    this.words[at] = NONE;
  }

  private grow(): void {
    const words = new Int32Array(2 * this.words.length);
    const floats = new Float64Array(2 * this.floats.length);
    words.set(this.words);
    floats.set(this.floats);
    this.words = words;
    this.floats = floats;
  }
}

const IF_IN = ARRIVAL_COLUMNS.indexOf('ifIndexIn');
const IF_OUT = ARRIVAL_COLUMNS.indexOf('ifIndexOut');
const COPIED = ARRIVAL_COLUMNS.indexOf('copiedBytes');
