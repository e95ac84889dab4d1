/**
 * Finds a flow's record from the parsed columns of a packet: five-tuple, key, hash, row. The records of a
 * whole batch can be read ahead.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS } from '../../limits.ts';
import type { Parsed } from '../../packet/parse.ts';
import { FIELD_WORDS, type FlowMemory, KEY_DST, KEY_SRC, KEY_WORDS } from './flow-layout.ts';

/** The first words of the key, which are the key of IPv4. */
const KEY_WORDS_V4 = 4;

/** Records are read ahead when there are at least so many flows (half a megabyte). */
const READ_AHEAD_FROM_FLOWS = 4096;

/** A flow for people. Addresses are four words, of which IPv4 uses the first. */
export interface FlowTuple {
  readonly family: number;
  readonly protocol: number;
  readonly src: readonly number[];
  readonly sport: number;
  readonly dst: readonly number[];
  readonly dport: number;
}

export class FlowKeys {
  /** The records; key and hash slot are words 0 to 10. */
  readonly table: KeyTable;
  private readonly words: Int32Array;
  /**
   * By row of the batch: hash and probable row of the flow, or NONE. Valid while isReadAhead.
   */
  private readonly hashes = new Int32Array(ARRIVAL_ROWS);
  readonly probable = new Int32Array(ARRIVAL_ROWS);
  isReadAhead = false;
  /** Hash of the flow that find() looked for last. */
  private hash = 0;
  /** Whether `table.key` may have words set beyond those of IPv4. */
  private isKeyLong = false;
  /** Result of reading ahead, kept so that the compiler does not remove the reads. */
  readAheadSum = 0;

  constructor({ rows, records }: FlowMemory, key0: number, key1: number) {
    this.table = new KeyTable(rows, KEY_WORDS, FIELD_WORDS, key0, key1, records);
    this.words = this.table.words;
  }

  /**
   * Reads ahead the key and field `field` of the records that find() will need for parsed rows [0, rows),
   * once the table has outgrown the caches. Read one packet at a time, every record is a wait for memory;
   * read in a row, the waits overlap.
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

  /** Probable row of the flow of row `p` of a batch read ahead. Returns NONE if none is known. */
  probableRow(p: number): number {
    return this.isReadAhead ? this.probable[p] : NONE;
  }

  /** Row of the flow of parsed row `p`. Returns NONE if it has none; insert() makes it then. */
  find(parsed: Parsed, p: number): number {
    const f = this.probableRow(p);
    if (f !== NONE && this.isFlowOf(f, parsed, p)) return f;
    this.setKey(parsed, p);
    this.hash = this.isReadAhead ? this.hashes[p] : this.hashOfKey();
    return this.table.find(this.hash);
  }

  /** Makes a row for the flow that find() did not find. Returns NONE when all are in use. */
  insert(): number {
    return this.table.insert(this.hash);
  }

  /** Row of the flow with source and destination of `f` exchanged. Returns NONE if there is none. */
  reverseOf(f: number): number {
    const { words } = this;
    const { key } = this.table;
    const isLong = words[f] >>> 8 === 6;
    if (!isLong && this.isKeyLong) key.fill(0, KEY_WORDS_V4);
    this.isKeyLong = isLong;
    key[0] = words[f];
    key[1] = (words[f + 1] << 16) | (words[f + 1] >>> 16);
    for (let w = 0; w < (isLong ? 4 : 1); w++) {
      key[KEY_SRC[w]] = words[f + KEY_DST[w]];
      key[KEY_DST[w]] = words[f + KEY_SRC[w]];
    }
    return this.table.find(this.hashOfKey());
  }

  protocol(f: number): number {
    return this.words[f] & 0xff;
  }

  sport(f: number): number {
    return this.words[f + 1] >>> 16;
  }

  dport(f: number): number {
    return this.words[f + 1] & 0xffff;
  }

  tuple(f: number): FlowTuple {
    const { words } = this;
    return {
      family: (words[f] >>> 8) & 0xff,
      protocol: words[f] & 0xff,
      src: KEY_SRC.map((w) => words[f + w] >>> 0),
      sport: words[f + 1] >>> 16,
      dst: KEY_DST.map((w) => words[f + w] >>> 0),
      dport: words[f + 1] & 0xffff,
    };
  }

  /** Writes the flow's family, protocol, ports and addresses into row `p`, as the parser would. */
  describe(f: number, parsed: Parsed, p: number): void {
    const { words } = this;
    parsed.family[p] = (words[f] >>> 8) & 0xff;
    parsed.protocol[p] = words[f] & 0xff;
    parsed.sport[p] = words[f + 1] >>> 16;
    parsed.dport[p] = words[f + 1] & 0xffff;
    parsed.hasPorts[p] = words[f + 1] === 0 ? 0 : 1;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    for (const [w, column] of [src0, src1, src2, src3].entries()) column[p] = words[f + KEY_SRC[w]];
    for (const [w, column] of [dst0, dst1, dst2, dst3].entries()) column[p] = words[f + KEY_DST[w]];
  }

  /** Whether row `f` is the flow of parsed row `p`, compared straight with the columns. */
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
      // The last packet was IPv6: clear the rest of its addresses.
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
