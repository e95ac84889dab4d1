/**
 * The order of the flow queues of a fair set (queue-sets.ts): first the list of new ones, then the old ones
 * round by round (RFC 8290 section 4.2).
 *
 * With a quantum divided by hundreds of flows most turns are too small for a packet. So the old queues are
 * not in one list but on a wheel of lists, one per round: a queue goes at once to the round in which its
 * turns will have added up to a packet.
 *
 *   round 40   [q1] -> [q7]        the rounds of this block of 128 have a list each
 *   round 41   [q2]
 *   block 2    [q3] -> [q8]        a later block has one list, for its first round (256)
 *   block 3    [q5]
 *
 * If every queue goes to the next round only, this is the list of the RFC: served and new queues go to the
 * back. Cost: a few operations, whatever the number of queues.
 */
import { NONE } from '../../base/none.ts';
import { NEXT } from './fair-keys.ts';

/** How many lists a wheel has. A queue whose turn is beyond the last block goes to the last block first. */
export interface Wheel {
  /** Logarithm of the rounds of a block. */
  readonly roundBits: number;
  /** Blocks, a power of two. */
  readonly blocks: number;
}

/**
 * The wheel of a leaf. With blocks of 128 rounds, a queue that shares its host with a hundred others finds
 * its exact round at once.
 */
export const LEAF_WHEEL: Wheel = { roundBits: 7, blocks: 16 };

export class FairTurns {
  /** The records of the queues. */
  private readonly words: Int32Array;
  private readonly roundBits: number;
  private readonly roundMask: number;
  private readonly blocks: number;
  /** Lists of a set: the new queues, the rounds, then the blocks. */
  private readonly lists: number;
  private readonly blockLists: number;
  /** First and last queue by list, set by set. */
  private first: Int32Array;
  private last: Int32Array;
  // By set.
  /** The present round, modulo all rounds of the wheel. */
  private round: Int32Array;
  /** Queues on the wheel. */
  private oldQueues: Int32Array;

  constructor(sets: number, words: Int32Array, wheel: Wheel) {
    this.words = words;
    this.roundBits = wheel.roundBits;
    this.roundMask = (1 << wheel.roundBits) - 1;
    this.blocks = wheel.blocks;
    this.blockLists = 1 + (1 << wheel.roundBits);
    this.lists = this.blockLists + wheel.blocks;
    this.first = new Int32Array(this.lists * sets).fill(NONE);
    this.last = new Int32Array(this.lists * sets);
    this.round = new Int32Array(sets);
    this.oldQueues = new Int32Array(sets);
  }

  /** Takes over other sets: set s continues as keptAs[s], and ends if that is NONE. */
  regroup(sets: number, keptAs: Int32Array): void {
    const { lists, first, last, round, oldQueues } = this;
    this.first = new Int32Array(lists * sets).fill(NONE);
    this.last = new Int32Array(lists * sets);
    this.round = new Int32Array(sets);
    this.oldQueues = new Int32Array(sets);
    for (const [old, set] of keptAs.entries()) {
      if (set === NONE) continue;
      this.first.set(first.subarray(lists * old, lists * (old + 1)), lists * set);
      this.last.set(last.subarray(lists * old, lists * (old + 1)), lists * set);
      this.round[set] = round[old];
      this.oldQueues[set] = oldQueues[old];
    }
  }

  /** Puts the queue at the end of the new queues. */
  joinNew(set: number, q: number): void {
    this.append(this.lists * set, q);
  }

  /** Whether no queue is on any list of the set. */
  isEmpty(set: number): boolean {
    return this.first[this.lists * set] === NONE && this.oldQueues[set] === 0;
  }

  hasOld(set: number): boolean {
    return this.oldQueues[set] > 0;
  }

  /** The queue whose turn it is. The set must have one on its lists. */
  next(set: number): number {
    const fresh = this.first[this.lists * set];
    return fresh === NONE ? this.first[this.roundList(set)] : fresh;
  }

  /** Takes out the queue whose turn it is. Returns whether it was a new one. */
  shift(set: number): boolean {
    const { first, words } = this;
    const fresh = this.lists * set;
    const isNew = first[fresh] !== NONE;
    const list = isNew ? fresh : this.roundList(set);
    first[list] = words[first[list] + NEXT];
    if (!isNew) this.oldQueues[set] -= 1;
    return isNew;
  }

  /**
   * Puts the queue at the back of the round that is `rounds` rounds later. If that is as many as a block has,
   * it goes to the first round of its block, or of the last block. Returns how many rounds ahead that is.
   */
  joinRound(set: number, q: number, rounds: number): number {
    const round = this.round[set];
    this.oldQueues[set] += 1;
    if (rounds <= this.roundMask) {
      this.append(this.lists * set + 1 + ((round + rounds) & this.roundMask), q);
      return rounds;
    }
    const blocks = Math.min(this.blocks - 1, ((round & this.roundMask) + rounds) >> this.roundBits);
    this.append(
      this.lists * set + this.blockLists + (((round >> this.roundBits) + blocks) & (this.blocks - 1)),
      q,
    );
    return (blocks << this.roundBits) - (round & this.roundMask);
  }

  /** List of the present round, after rounds without queues are passed. The wheel must not be empty. */
  private roundList(set: number): number {
    const { first, words } = this;
    const rounds = this.lists * set + 1;
    let round = this.round[set];
    while (first[rounds + (round & this.roundMask)] === NONE) {
      round = (round + 1) & ((this.blocks << this.roundBits) - 1);
      if ((round & this.roundMask) !== 0) continue;
      // A new block begins: its queues go to its first round, behind the queues that chose that round
      // exactly.
      const block = this.lists * set + this.blockLists + (round >> this.roundBits);
      if (first[block] === NONE) continue;
      if (first[rounds] === NONE) first[rounds] = first[block];
      else words[this.last[rounds] + NEXT] = first[block];
      this.last[rounds] = this.last[block];
      first[block] = NONE;
    }
    this.round[set] = round;
    return rounds + (round & this.roundMask);
  }

  private append(list: number, q: number): void {
    const { first, last, words } = this;
    words[q + NEXT] = NONE;
    if (first[list] === NONE) first[list] = q;
    else words[last[list] + NEXT] = q;
    last[list] = q;
  }
}
