/**
 * The verdicts of late, by tag modulo the size of a table: what was counted and charged for each packet, so
 * that both can be taken back if the kernel no longer had it.
 *
 * A refused verdict is told by the next drain. What was counted must be found then, even if all held packets
 * have left at once. Charges matter for packets that have waited, and where they leave one by one. So the
 * last few hundred of those are enough, in a table that stays in the processor's cache.
 */
import { NONE } from '../../base/none.ts';
import { VERDICT_LOG_ROWS } from '../../limits.ts';
import { FLAG_PASSED_HOST, type HeldTable } from '../packets/held.ts';

const LOG_MASK = VERDICT_LOG_ROWS - 1;
/** Tags stay positive as signed numbers. */
const TAG_MASK = 0x7fffffff;
/** Charges that are remembered; a power of two. */
const CHARGE_ROWS = 512;
const CHARGE_MASK = CHARGE_ROWS - 1;
/** Changes of rows that the columns do not show yet. Going through all columns costs a millisecond or two. */
const RENUMBERINGS_MAX = 128;

/** Classes got other rows before the verdict of `tag`: class c became heir[c]. */
interface Renumbering {
  readonly tag: number;
  readonly heir: ArrayLike<number>;
}

export class VerdictLog {
  private readonly held: HeldTable;
  private nextTag = 0;
  private readonly bytes = new Int32Array(VERDICT_LOG_ROWS);
  private readonly accepted = new Uint8Array(VERDICT_LOG_ROWS);
  private readonly lastLeaf = new Int16Array(VERDICT_LOG_ROWS);
  private readonly firstLeaf = new Int16Array(VERDICT_LOG_ROWS);
  /** Tag of the packet before in the same batch verdict; NONE for the first packet. */
  private readonly before = new Int32Array(VERDICT_LOG_ROWS);
  // Charges.
  private readonly chargeTag = new Int32Array(CHARGE_ROWS).fill(NONE);
  private readonly chargeLender = new Int16Array(CHARGE_ROWS);
  private readonly chargeOfHost = new Uint8Array(CHARGE_ROWS);
  private readonly chargedBytes = new Int32Array(CHARGE_ROWS);
  private readonly chargedFlow = new Int32Array(CHARGE_ROWS);
  private readonly chargeNs = new Float64Array(CHARGE_ROWS);
  /** The oldest first. */
  private readonly renumberings: Renumbering[] = [];

  constructor(held: HeldTable) {
    this.held = held;
  }

  /** Notes that packet `h` is accepted. Returns the tag of its verdict. */
  accept(h: number): number {
    const { held } = this;
    const tag = this.note(held.lengthBytes[h], 1, held.leaf[h], held.leafBefore[h]);
    if (held.isCharged(h)) this.noteCharge(tag, h);
    return tag;
  }

  /** Notes that packet `h` is dropped. Returns the tag of its verdict. */
  drop(h: number): number {
    return this.note(this.held.lengthBytes[h], 0, NONE, NONE);
  }

  /** The packet of `tag` has its verdict together with that of tag `previous`. */
  join(tag: number, previous: number): void {
    this.before[tag & LOG_MASK] = previous;
  }

  /** Tag of the packet before in the same batch verdict; NONE for the first packet. */
  previous(tag: number): number {
    return this.before[tag & LOG_MASK];
  }

  isAccepted(tag: number): boolean {
    return this.accepted[tag & LOG_MASK] === 1;
  }

  lengthBytes(tag: number): number {
    return this.bytes[tag & LOG_MASK];
  }

  /** The leaf that sent the packet last; NONE if it was dropped, or if no tree took it. */
  leaf(tag: number): number {
    return this.rowNow(tag, this.lastLeaf[tag & LOG_MASK]);
  }

  /** The leaf of the tree before; NONE if there was none. */
  leafBefore(tag: number): number {
    return this.rowNow(tag, this.firstLeaf[tag & LOG_MASK]);
  }

  /**
   * The class that lent the packet's tokens in the last tree. NONE if the packet did not wait there, or if it
   * is too long ago. With a lender, or if isOfHost(), the methods below say more about the charge.
   */
  lender(tag: number): number {
    const at = tag & CHARGE_MASK;
    return this.chargeTag[at] === tag ? this.rowNow(tag, this.chargeLender[at]) : NONE;
  }

  /** Whether the bucket of its host was charged for the packet, and that is not too long ago. */
  isOfHost(tag: number): boolean {
    const at = tag & CHARGE_MASK;
    return this.chargeTag[at] === tag && this.chargeOfHost[at] === 1;
  }

  chargeBytes(tag: number): number {
    return this.chargedBytes[tag & CHARGE_MASK];
  }

  /** Instant at which the ceilings were charged. */
  chargedNs(tag: number): number {
    return this.chargeNs[tag & CHARGE_MASK];
  }

  flow(tag: number): number {
    return this.chargedFlow[tag & CHARGE_MASK];
  }

  /** Classes have other rows now: class c is heir[c], which may be NONE. */
  renumber(heir: ArrayLike<number>): void {
    this.renumberings.push({ tag: this.nextTag, heir });
    if (this.renumberings.length === RENUMBERINGS_MAX) this.settle();
  }

  /** Forgets changes of rows that are older than every verdict here. Call it in every batch. */
  forgetOld(): void {
    if (this.renumberings.length > 0 && this.ageOf(this.renumberings[0].tag) > VERDICT_LOG_ROWS)
      this.renumberings.shift();
  }

  /** Verdicts since the one of `tag`, it included. */
  private ageOf(tag: number): number {
    return (this.nextTag - tag) & TAG_MASK;
  }

  /** The row that a class has now whose row was `row` when `tag` had its verdict. */
  private rowNow(tag: number, row: number): number {
    let now = row;
    const age = this.ageOf(tag);
    for (const one of this.renumberings) if (now !== NONE && this.ageOf(one.tag) < age) now = one.heir[now];
    return now;
  }

  /** Writes the rows of now into the columns. */
  private settle(): void {
    const { renumberings, nextTag, lastLeaf, firstLeaf } = this;
    // From the last change to the first: `rows` has the rows of now by those before the change.
    let rows: ArrayLike<number> = [];
    for (let n = renumberings.length - 1; n >= 0; n--) {
      const { tag, heir } = renumberings[n];
      const later = rows;
      rows =
        n === renumberings.length - 1 ? heir : Array.from(heir, (row) => (row === NONE ? NONE : later[row]));
      const oldest = n === 0 ? VERDICT_LOG_ROWS : this.ageOf(renumberings[n - 1].tag);
      for (let age = this.ageOf(tag) + 1; age <= Math.min(oldest, VERDICT_LOG_ROWS); age++) {
        const at = (nextTag - age) & LOG_MASK;
        if (lastLeaf[at] !== NONE) lastLeaf[at] = rows[lastLeaf[at]];
        if (firstLeaf[at] !== NONE) firstLeaf[at] = rows[firstLeaf[at]];
      }
    }
    for (let at = 0; at < CHARGE_ROWS; at++) {
      const tag = this.chargeTag[at];
      if (tag !== NONE) this.chargeLender[at] = this.rowNow(tag, this.chargeLender[at]);
    }
    renumberings.length = 0;
  }

  private noteCharge(tag: number, h: number): void {
    const { held } = this;
    const at = tag & CHARGE_MASK;
    this.chargeTag[at] = tag;
    this.chargeLender[at] = held.lender(h);
    this.chargeOfHost[at] = (held.flags[h] & FLAG_PASSED_HOST) === 0 ? 0 : 1;
    this.chargedBytes[at] = held.chargeBytes[h];
    this.chargedFlow[at] = held.flow[h];
    this.chargeNs[at] = held.readyNs(h);
  }

  private note(lengthBytes: number, accepted: number, leaf: number, leafBefore: number): number {
    const tag = this.nextTag;
    this.nextTag = (tag + 1) & TAG_MASK;
    const at = tag & LOG_MASK;
    this.bytes[at] = lengthBytes;
    this.accepted[at] = accepted;
    this.lastLeaf[at] = leaf;
    this.firstLeaf[at] = leafBefore;
    this.before[at] = NONE;
    return tag;
  }
}
