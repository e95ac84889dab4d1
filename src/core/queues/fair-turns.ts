/**
 * Whose turn it is in a fair leaf: the list of new queues, then the old ones round by round (RFC 8290 section 4.2).
 *
 * With a quantum divided by hundreds of flows most turns are too small for a packet. So `old` is not one list to go round but a
 * wheel of lists, one per round: a queue goes at once to the round in which its turns will have added up.
 *
 *   round 40   [q1] -> [q7]          rounds of this block of 128 one by one         block 2 (round 256)  [q3] -> [q8]
 *   round 41   [q2]                  later ones by the first round of their block   block 3 (round 384)  [q5]
 *
 * Where each goes to the next round only, this is the list of the RFC: those who had their turn, and those who came, are behind the
 * others. Cost: a few operations, whatever the number of queues.
 */
import { NONE } from '../../base/none.ts';
import { NEXT } from './fair-keys.ts';

/** Rounds of a block and blocks of the wheel: a queue that shares its host with a hundred others is put where it belongs at once. */
const ROUND_BITS = 7;
const ROUNDS = 1 << ROUND_BITS;
const ROUND_MASK = ROUNDS - 1;
const BLOCKS = 16;
/** Lists of a leaf: `new`, rounds, blocks. */
const BLOCK_LISTS = 1 + ROUNDS;
const LISTS = BLOCK_LISTS + BLOCKS;

export class FairTurns {
  /** The records of the queues. */
  private readonly words: Int32Array;
  /** First and last queue by list, LISTS of them per leaf. */
  private first: Int32Array;
  private last: Int32Array;
  // By leaf.
  /** The round that is going on, modulo all rounds of the wheel. */
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

  /** There are other leaves now: leaf c goes on as keptAs[c]; NONE: it has ended. */
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

  /** Puts the queue at the end of the new ones. */
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

  /** The queue whose turn it is; there must be one. */
  next(leaf: number): number {
    const fresh = this.first[LISTS * leaf];
    return fresh === NONE ? this.first[this.roundList(leaf)] : fresh;
  }

  /** Takes out the queue whose turn it is; says whether it was a new one. */
  shift(leaf: number): boolean {
    const { first, words } = this;
    const fresh = LISTS * leaf;
    const isNew = first[fresh] !== NONE;
    const list = isNew ? fresh : this.roundList(leaf);
    first[list] = words[first[list] + NEXT];
    if (!isNew) this.oldQueues[leaf] -= 1;
    return isNew;
  }

  /** Puts the queue behind the others of the round so many rounds ahead; if that is far, of an earlier one. Says how many. */
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

  /** List of the round that is going on, which moves on where it has no queues left; the wheel must not be empty. */
  private roundList(leaf: number): number {
    const { first, words } = this;
    const rounds = LISTS * leaf + 1;
    let round = this.round[leaf];
    while (first[rounds + (round & ROUND_MASK)] === NONE) {
      round = (round + 1) & (ROUNDS * BLOCKS - 1);
      if ((round & ROUND_MASK) !== 0) continue;
      // A new block: those who wait for it are of its first round, behind those who know their round.
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
