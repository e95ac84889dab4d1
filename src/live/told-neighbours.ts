/**
 * What the core was told of the kernel's neighbour table lately. A neighbour changes its state every few
 * seconds, and its MAC almost never: most rows say nothing new, and make no object here.
 */
import type { HostColumns } from '../io/nfqueue/host-columns.ts';

/** 32768 rows of 32 bytes. Two neighbours that fall into one row are told more often, nothing worse. */
const ROWS = 32768;
const ROW_WORDS = 8;

export class ToldNeighbours {
  private readonly words = new Int32Array(ROWS * ROW_WORDS);
  private readonly row = new Int32Array(ROW_WORDS);

  /** Whether the row says something else than the last one about the same address. It counts as told then. */
  isNew(columns: HostColumns, r: number): boolean {
    const { row, words } = this;
    row[0] = columns.word0[r]!;
    row[1] = columns.word1[r]!;
    row[2] = columns.word2[r]!;
    row[3] = columns.word3[r]!;
    row[4] = columns.ifIndex[r]!;
    row[5] = columns.macHigh[r]!;
    row[6] = columns.macLow[r]!;
    row[7] = columns.family[r]!;
    let hash = row[7]!;
    for (let i = 0; i < 4; i++) hash = Math.imul(hash ^ row[i]!, 0x9e3779b1) ^ (hash >>> 15);
    const at = ((hash ^ (hash >>> 16)) & (ROWS - 1)) * ROW_WORDS;
    let isSame = true;
    for (let i = 0; i < ROW_WORDS; i++) {
      if (words[at + i] === row[i]) continue;
      words[at + i] = row[i]!;
      isSame = false;
    }
    return !isSame;
  }

  /** From now on every row says something new. */
  forget(): void {
    this.words.fill(0);
  }
}
