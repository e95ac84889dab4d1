/**
 * Small numbers for flows, the same for both directions. A number is given to another flow when its own has
 * been silent for a minute, or at once if there are too many. They have nothing to do with the flows of
 * classes: packets that no class sees have one too.
 *
 *   key     family, protocol, the lower end, the higher end     ends: address and port
 *   record  key | hash | which end sent first | last seen       number: the place of the record
 *
 * Memory: 4.5 MB, taken when a module asks for the first number.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { MODULE_FLOWS_MAX } from '../../limits.ts';
import { FRAGMENT_LATER } from '../../packet/parse.ts';
import type { Rows } from './rows.ts';

const KEY_WORDS = 10;
// Fields of a record; the last is a float64.
const FIRST_IS_HIGHER = 11;
const LAST_SEEN_NS = 12;
const FIELD_WORDS = 3;
const IDLE_NS = 60e9;
const SWEEP_ROWS_MAX = 256;

export class FlowNumbers {
  private readonly key0: number;
  private readonly key1: number;
  private table: KeyTable | null = null;
  private hand: SweepingHand | null = null;
  private nowNs = 0;
  /** A look-up has begun and not ended: code of a module that was ended from outside stood in it. */
  private isBusy = false;

  constructor(key0: number, key1: number) {
    this.key0 = key0;
    this.key1 = key1;
  }

  /** A batch begins: silent flows lose their numbers. */
  begin(nowNs: number): void {
    this.nowNs = nowNs;
    const { table, hand } = this;
    if (table === null || hand === null) return;
    // The next look-up makes a new table.
    if (this.isBusy) return;
    for (let n = hand.rowsDue(nowNs); n > 0; n--) {
      const row = hand.next();
      if (table.isUsed(row) && nowNs - table.floats[(row + LAST_SEEN_NS) >> 1] >= IDLE_NS) table.remove(row);
    }
  }

  /** Writes number and direction of the flow of row `p` into `rows`; NONE if it has no flow. */
  find(rows: Rows, p: number): void {
    const { parsed } = rows;
    rows.direction[p] = 0;
    rows.flow[p] = NONE;
    if (parsed.family[p] === 0 || parsed.fragment[p] === FRAGMENT_LATER) return;
    // What was cut off may have left the table in the middle of a change.
    if (this.isBusy) this.table = null;
    this.isBusy = true;
    this.table ??= this.make();
    const { table } = this;
    const isHigher = this.setKey(rows, p);
    const hash = table.hash(parsed.family[p] === 6 ? KEY_WORDS : 4);
    let row = table.find(hash);
    if (row === NONE) {
      row = table.insert(hash);
      if (row === NONE) {
        this.evict(table);
        row = table.insert(hash);
      }
      table.words[row + FIRST_IS_HIGHER] = isHigher;
    }
    table.floats[(row + LAST_SEEN_NS) >> 1] = this.nowNs;
    rows.flow[p] = row >> table.shift;
    rows.direction[p] = table.words[row + FIRST_IS_HIGHER] === isHigher ? 0 : 1;
    this.isBusy = false;
  }

  private make(): KeyTable {
    const table = new KeyTable(MODULE_FLOWS_MAX, KEY_WORDS, FIELD_WORDS, this.key0, this.key1);
    this.hand = new SweepingHand(table, IDLE_NS, SWEEP_ROWS_MAX);
    return table;
  }

  /** Makes room: of some rows the one that has been silent for longest goes. All rows are in use. */
  private evict(table: KeyTable): void {
    const hand = this.hand!;
    let oldest = hand.next();
    for (let n = 1; n < EVICT_LOOKS; n++) {
      const row = hand.next();
      if (table.floats[(row + LAST_SEEN_NS) >> 1] < table.floats[(oldest + LAST_SEEN_NS) >> 1]) oldest = row;
    }
    table.remove(oldest);
  }

  /** Fills the key. Returns 1 if the packet goes from the higher end to the lower one, else 0. */
  private setKey({ parsed }: Rows, p: number): number {
    const { key } = this.table!;
    const { src0, src1, src2, src3, dst0, dst1, dst2, dst3, sport, dport } = parsed;
    const s = sport[p];
    const d = dport[p];
    const order = src0[p] - dst0[p] || src1[p] - dst1[p] || src2[p] - dst2[p] || src3[p] - dst3[p] || s - d;
    const isHigher = order > 0 ? 1 : 0;
    key[0] = (parsed.family[p] << 8) | parsed.protocol[p];
    // Where these are no ports, as the id of an echo, both directions have them in the same place.
    key[1] = isHigher === 1 && parsed.hasPorts[p] === 1 ? (d << 16) | s : (s << 16) | d;
    key[2] = isHigher === 1 ? dst0[p] : src0[p];
    key[3] = isHigher === 1 ? src0[p] : dst0[p];
    key[4] = isHigher === 1 ? dst1[p] : src1[p];
    key[5] = isHigher === 1 ? dst2[p] : src2[p];
    key[6] = isHigher === 1 ? dst3[p] : src3[p];
    key[7] = isHigher === 1 ? src1[p] : dst1[p];
    key[8] = isHigher === 1 ? src2[p] : dst2[p];
    key[9] = isHigher === 1 ? src3[p] : dst3[p];
    return isHigher;
  }
}
