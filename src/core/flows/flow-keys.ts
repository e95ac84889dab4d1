/**
 * How a flow's record is found from the parsed columns of a packet: five-tuple to key, hash, row. A batch's
 * records can be read ahead.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';

/** Key words: protocol and family, ports, first address words, then the rest of IPv6 addresses. */
const KEY_WORDS = 10;
const KEY_WORDS_V4 = 4;
export const KEY_SRC = [2, 4, 5, 6] as const;
export const KEY_DST = [3, 7, 8, 9] as const;

/** From so many flows on (half a megabyte) records are read a batch ahead. */
const READ_AHEAD_FROM_FLOWS = 4096;

export class FlowKeys {
  /** The records; key and hash slot are words 0 to 10. */
  readonly table: KeyTable;
  private readonly words: Int32Array;
  /**
   * By row of the batch: hash, and the row that the flow probably has (NONE: none); of use while isReadAhead.
   */
  private readonly hashes = new Int32Array(ARRIVAL_ROWS);
  private readonly probable = new Int32Array(ARRIVAL_ROWS);
  private isReadAhead = false;
  /** Of the flow that was asked for last. */
  private hash = 0;
  /** Whether words of `table.key` beyond those of IPv4 may be set. */
  private isKeyLong = false;
  /** What was read ahead, so that reading it is not for nothing. */
  readAheadSum = 0;

  constructor(rows: number, fieldWords: number, key0: number, key1: number) {
    this.table = new KeyTable(rows, KEY_WORDS, fieldWords, key0, key1);
    this.words = this.table.words;
  }

  /**
   * Reads ahead what find() will ask for of parsed rows [0, rows) and field `field` of their records, once
   * the table has outgrown the caches: one after the other each packet would wait for its flow's record to
   * come from memory; asked for in a row, many come at the same time.
   */
  readAhead(parsed: Parsed, rows: number, field: number): void {
    this.isReadAhead = this.table.size >= READ_AHEAD_FROM_FLOWS;
    if (!this.isReadAhead) return;
    const { hashes, probable, table, words } = this;
    for (let p = 0; p < rows; p++) {
      this.setKey(parsed, p);
      hashes[p] = this.hashOfKey();
    }
    for (let p = 0; p < rows; p++) probable[p] = table.firstProbe(hashes[p]);
    let sum = 0;
    for (let p = 0; p < rows; p++) {
      const f = probable[p];
      if (f !== NONE) sum ^= words[f] ^ words[f + field];
    }
    this.readAheadSum = sum;
  }

  /** Row that the flow of row `p` of a batch read ahead probably has; NONE: none known. */
  probableRow(p: number): number {
    return this.isReadAhead ? this.probable[p] : NONE;
  }

  /** Row of the flow of parsed row `p`; NONE: it has none, and insert() would make it. */
  find(parsed: Parsed, p: number): number {
    const f = this.probableRow(p);
    if (f !== NONE && this.isFlowOf(f, parsed, p)) return f;
    this.setKey(parsed, p);
    this.hash = this.isReadAhead ? this.hashes[p] : this.hashOfKey();
    return this.table.find(this.hash);
  }

  /** A row for the flow that find() has not found; NONE when all are in use. */
  insert(): number {
    return this.table.insert(this.hash);
  }

  /** Whether row `f` is the flow of parsed row `p`: what find() would ask, straight from the columns. */
  private isFlowOf(f: number, parsed: Parsed, p: number): boolean {
    const { table, words } = this;
    return (
      words[f] === ((parsed.family[p] << 8) | parsed.protocol[p]) &&
      words[f + 1] === ((parsed.sport[p] << 16) | parsed.dport[p]) &&
      words[f + 2] === (parsed.src0[p] | 0) &&
      words[f + 3] === (parsed.dst0[p] | 0) &&
      (parsed.family[p] !== 6 || this.hasRestOf(f, parsed, p)) &&
      table.isUsed(f)
    );
  }

  /** The words of IPv6 addresses beyond the first. */
  private hasRestOf(f: number, parsed: Parsed, p: number): boolean {
    const { words } = this;
    return (
      words[f + 4] === (parsed.src1[p] | 0) &&
      words[f + 5] === (parsed.src2[p] | 0) &&
      words[f + 6] === (parsed.src3[p] | 0) &&
      words[f + 7] === (parsed.dst1[p] | 0) &&
      words[f + 8] === (parsed.dst2[p] | 0) &&
      words[f + 9] === (parsed.dst3[p] | 0)
    );
  }

  private setKey(parsed: Parsed, p: number): void {
    const { key } = this.table;
    key[0] = (parsed.family[p] << 8) | parsed.protocol[p];
    key[1] = (parsed.sport[p] << 16) | parsed.dport[p];
    key[2] = parsed.src0[p];
    key[3] = parsed.dst0[p];
    if (parsed.family[p] !== 6) {
      // Only after one of IPv6 are they not there already.
      if (this.isKeyLong) key.fill(0, KEY_WORDS_V4);
      this.isKeyLong = false;
      return;
    }
    this.isKeyLong = true;
    key[4] = parsed.src1[p];
    key[5] = parsed.src2[p];
    key[6] = parsed.src3[p];
    key[7] = parsed.dst1[p];
    key[8] = parsed.dst2[p];
    key[9] = parsed.dst3[p];
  }

  private hashOfKey(): number {
    const { table } = this;
    return table.hash(table.key[0] >>> 8 === 6 ? KEY_WORDS : KEY_WORDS_V4);
  }
}
