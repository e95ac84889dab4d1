/**
 * The order of the flow queues of a fair leaf: first the list of new ones, then the old ones round by round
 * (RFC 8290 section 4.2).
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

/**
 * Rounds of a block. With 128, a queue that shares its host with a hundred others finds its exact round at
 * once.
 */
const ROUND_BITS = 7;
const ROUNDS = 1 << ROUND_BITS;
const ROUND_MASK = ROUNDS - 1;
/** Blocks of the wheel. */
const BLOCKS = 16;
/** Lists of a leaf: the new queues, the rounds, the blocks. */
const BLOCK_LISTS = 1 + ROUNDS;
const LISTS = BLOCK_LISTS + BLOCKS;

export class FairTurns {
  /** The records of the queues. */
  private readonly words: Int32Array;
  /** First and last queue by list, LISTS of them per leaf. */
  private first: Int32Array;
  private last: Int32Array;
  // By leaf.
  /** The present round, modulo all rounds of the wheel. */
  private round: Int32Array;
  /** Queues on the wheel. */
  private oldQueues: Int32Array;

  constructor(leaves: number, words: Int32Array) {
    this.words = words;
    this.first = new Int32Array(LISTS * leaves).fill(NONE);
    this.last = new Int32Array(LISTS * leaves).fill(NONE);
    this.round = new Int32Array(leaves);
    this.oldQueues = new Int32Array(leaves);
  }

  /** Takes over other leaves: leaf c continues as keptAs[c], and ends if that is NONE. */
  regroup(leaves: number, keptAs: Int32Array): void {
    const before = { first: this.first, last: this.last, round: this.round, oldQueues: this.oldQueues };
    this.first = new Int32Array(LISTS * leaves).fill(NONE);
    this.last = new Int32Array(LISTS * leaves).fill(NONE);
    this.round = new Int32Array(leaves);
    this.oldQueues = new Int32Array(leaves);
    for (const [old, leaf] of keptAs.entries()) {
      if (leaf === NONE) continue;
      const [from, to] = [LISTS * old, LISTS * leaf];
      this.first.set(before.first.subarray(from, from + LISTS), to);
      this.last.set(before.last.subarray(from, from + LISTS), to);
      this.round[leaf] = before.round[old];
      this.oldQueues[leaf] = before.oldQueues[old];
    }
  }

  /** Puts the queue at the end of the new queues. */
  joinNew(leaf: number, q: number): void {
    this.append(LISTS * leaf, q);
  }

  /** Whether no queue is on any list of the leaf. */
  isEmpty(leaf: number): boolean {
    return this.first[LISTS * leaf] === NONE && this.oldQueues[leaf] === 0;
  }

  hasOld(leaf: number): boolean {
    return this.oldQueues[leaf] > 0;
  }

  /** The queue whose turn it is. The leaf must have one on its lists. */
  next(leaf: number): number {
    const fresh = this.first[LISTS * leaf];
    return fresh === NONE ? this.first[this.roundList(leaf)] : fresh;
  }

  /** Takes out the queue whose turn it is. Returns whether it was a new one. */
  shift(leaf: number): boolean {
    const { first, words } = this;
    const fresh = LISTS * leaf;
    const isNew = first[fresh] !== NONE;
    const list = isNew ? fresh : this.roundList(leaf);
    first[list] = words[first[list] + NEXT];
    if (!isNew) this.oldQueues[leaf] -= 1;
    return isNew;
  }

  /**
   * Puts the queue at the back of the round that is `rounds` rounds later. From 128 rounds on it goes to the
   * first round of its block, at most 15 blocks ahead. Returns how many rounds ahead that is.
   */
  joinRound(leaf: number, q: number, rounds: number): number {
    const round = this.round[leaf];
    this.oldQueues[leaf] += 1;
    if (rounds < ROUNDS) {
      this.append(LISTS * leaf + 1 + ((round + rounds) & ROUND_MASK), q);
      return rounds;
    }
    const blocks = Math.min(BLOCKS - 1, ((round & ROUND_MASK) + rounds) >> ROUND_BITS);
    this.append(LISTS * leaf + BLOCK_LISTS + (((round >> ROUND_BITS) + blocks) & (BLOCKS - 1)), q);
    return (blocks << ROUND_BITS) - (round & ROUND_MASK);
  }

  /** List of the present round, after rounds without queues are passed. The wheel must not be empty. */
  private roundList(leaf: number): number {
    const { first, words } = this;
    const rounds = LISTS * leaf + 1;
    let round = this.round[leaf];
    while (first[rounds + (round & ROUND_MASK)] === NONE) {
      round = (round + 1) & (ROUNDS * BLOCKS - 1);
      if ((round & ROUND_MASK) !== 0) continue;
      // A new block begins: its queues go to its first round, behind the queues that chose that round
      // exactly.
      const block = LISTS * leaf + BLOCK_LISTS + (round >> ROUND_BITS);
      if (first[block] === NONE) continue;
      if (first[rounds] === NONE) first[rounds] = first[block];
      else words[this.last[rounds] + NEXT] = first[block];
      this.last[rounds] = this.last[block];
      first[block] = NONE;
    }
    this.round[leaf] = round;
    return rounds + (round & ROUND_MASK);
  }

  private append(list: number, q: number): void {
    const { first, last, words } = this;
    words[q + NEXT] = NONE;
    if (first[list] === NONE) first[list] = q;
    else words[last[list] + NEXT] = q;
    last[list] = q;
  }
}
