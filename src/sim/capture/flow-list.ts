/**
 * The flows of a capture, found by the program's own parser, as rows of a table that grows: a scan of a
 * million addresses takes a few dozen bytes for each. Names are made only for flows that are shown.
 */
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { addressText } from '../../packet/address-text.ts';
import type { Parsed } from '../../packet/parse.ts';
import { protocolLabel } from '../packets/packets.ts';
import { DIRECTION_OUT, DIRECTION_UNKNOWN } from './records.ts';

/** Family and protocol, ports, four words of each address. */
const KEY_WORDS = 10;
const ROWS_AT_START = 1024;
/** Flows that are told apart. Further ones are summed up by protocol and direction. */
export const CAPTURED_FLOWS_MAX = 1 << 22;
/** The table is no target here: the keys of its hash are constants, so that every run is the same. */
const HASH_KEYS = [0x5eed, 0xf105] as const;

export class FlowList {
  /** Packets and bytes of the capture that belong to each flow, and whether it goes up. */
  packets = new Float64Array(ROWS_AT_START);
  bytes = new Float64Array(ROWS_AT_START);
  isUp = new Uint8Array(ROWS_AT_START);
  private keys = createKeys(ROWS_AT_START);

  /** Number of flows; rows are 0 to count - 1 in order of first appearance. */
  get count(): number {
    return this.keys.highWater >> this.keys.shift;
  }

  /** IP protocol of a flow. */
  protocol(f: number): number {
    return this.keys.words[f << this.keys.shift] & 0xff;
  }

  /**
   * The flow of a parsed row; a new one is made. Later fragments have no ports, so they are flows of their
   * own. Returns NONE if there are CAPTURED_FLOWS_MAX others.
   */
  rowOf(parsed: Parsed, p: number, direction: number): number {
    this.setKey(parsed, p, false);
    const found = this.find();
    if (found !== NONE) return found;
    this.setKey(parsed, p, true);
    const reverse = this.find();
    const isUp = isUpFlow(parsed, p, direction, reverse === NONE ? null : this.isUp[reverse] === 1);
    this.setKey(parsed, p, false);
    if (this.keys.size === this.keys.rows && !this.grow()) return NONE;
    const f = this.keys.insert(this.keys.hash(KEY_WORDS)) >> this.keys.shift;
    this.isUp[f] = isUp ? 1 : 0;
    return f;
  }

  /** "tcp 10.0.0.1:40000 > 198.51.100.1:443" */
  name(f: number): string {
    const { words, shift } = this.keys;
    const at = f << shift;
    const family = words[at] >>> 8;
    const ports = words[at + 1];
    const src = endpointText(family, words.subarray(at + 2, at + 6));
    const dst = endpointText(family, words.subarray(at + 6, at + 10));
    return `${protocolLabel(this.protocol(f))} ${src}:${ports >>> 16} > ${dst}:${ports & 0xffff}`;
  }

  private find(): number {
    const row = this.keys.find(this.keys.hash(KEY_WORDS));
    return row === NONE ? NONE : row >> this.keys.shift;
  }

  private setKey(parsed: Parsed, p: number, isReverse: boolean): void {
    const { key } = this.keys;
    key[0] = (parsed.family[p] << 8) | parsed.protocol[p];
    const [sport, dport] = [parsed.sport[p], parsed.dport[p]];
    key[1] = isReverse ? (dport << 16) | sport : (sport << 16) | dport;
    const [src, dst] = isReverse ? [6, 2] : [2, 6];
    key[src] = parsed.src0[p];
    key[src + 1] = parsed.src1[p];
    key[src + 2] = parsed.src2[p];
    key[src + 3] = parsed.src3[p];
    key[dst] = parsed.dst0[p];
    key[dst + 1] = parsed.dst1[p];
    key[dst + 2] = parsed.dst2[p];
    key[dst + 3] = parsed.dst3[p];
  }

  /** Doubles the table. The key that is about to be inserted stays. Returns false at the bound. */
  private grow(): boolean {
    const { keys } = this;
    if (keys.rows >= CAPTURED_FLOWS_MAX) return false;
    const next = createKeys(2 * keys.rows);
    for (let f = 0; f < keys.rows; f++) {
      for (let w = 0; w < KEY_WORDS; w++) next.key[w] = keys.words[(f << keys.shift) + w];
      next.insert(next.hash(KEY_WORDS));
    }
    next.key.set(keys.key);
    this.keys = next;
    this.packets = grown(this.packets, new Float64Array(next.rows));
    this.bytes = grown(this.bytes, new Float64Array(next.rows));
    this.isUp = grown(this.isUp, new Uint8Array(next.rows));
    return true;
  }
}

function createKeys(rows: number): KeyTable {
  return new KeyTable(rows, KEY_WORDS, 0, ...HASH_KEYS);
}

export function grown<Column extends { set(from: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/**
 * Whether a new flow goes up, by the first of these rules that applies. From a private address to a public
 * one is up, the reverse down. A packet that the capturing machine sent goes up, one that it received down. A
 * flow goes the other way than its reverse flow (`isReverseUp`). The host that speaks first is inside.
 */
function isUpFlow(parsed: Parsed, p: number, direction: number, isReverseUp: boolean | null): boolean {
  const isSrcInside = isPrivate(parsed.family[p], parsed.src0[p]);
  if (isSrcInside !== isPrivate(parsed.family[p], parsed.dst0[p])) return isSrcInside;
  if (direction !== DIRECTION_UNKNOWN) return direction === DIRECTION_OUT;
  return isReverseUp === null || !isReverseUp;
}

/** Private addresses by their first word: RFC 1918, RFC 6598, RFC 3927; RFC 4193, RFC 4291 (link-local). */
function isPrivate(family: number, word: number): boolean {
  if (family === 6) return word >>> 25 === 0xfc >> 1 || word >>> 22 === 0xfe80 >> 6;
  return (
    word >>> 24 === 10 ||
    word >>> 20 === 0xac1 ||
    word >>> 16 === 0xc0a8 ||
    word >>> 22 === 0x6440 >> 6 ||
    word >>> 16 === 0xa9fe
  );
}

function endpointText(family: number, words: ArrayLike<number>): string {
  const text = addressText(family, words);
  return family === 6 ? `[${text}]` : text;
}
