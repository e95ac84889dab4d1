/**
 * News of hosts for whoever reads the memory: a ring, in which the newest take the place of the oldest. The
 * number of news grows, so a reader knows what it has missed.
 *
 * Somebody who sends from a new address with every packet makes hosts without end. So news of this kind are
 * told at a bounded pace, and other news keep their room; the rest is counted. Nothing is lost by that: the
 * reader finds every host in the table.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import type { Addresses } from './addresses.ts';
import {
  ADDRESS_IF_INDEX,
  ADDRESS_KEY_WORDS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  HEADER_NEWS,
  HEADER_NEWS_HELD_BACK,
  type HostMemory,
  NEWS_AT_NS,
  NEWS_FAMILY,
  NEWS_HOST,
  NEWS_HOST_GENERATION,
  NEWS_IF_INDEX,
  NEWS_KIND,
  NEWS_LEARNED,
  NEWS_MAC,
  NEWS_NEW_HOST,
  NEWS_NUMBER,
  NEWS_NUMBER_AGAIN,
  NEWS_OTHER,
  NEWS_OTHER_GENERATION,
  NEWS_WORDS,
} from './host-layout.ts';
import type { HostTable } from './host-table.ts';

/** New hosts and addresses told in a row, and a second. A reader comes four times a second. */
const ARRIVALS_BURST = 256;

export class HostNews {
  readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly header: Int32Array;
  private readonly table: HostTable;
  private readonly addresses: Addresses;
  private tokens: number = ARRIVALS_BURST;
  private filledNs = FLOAT_ZERO;

  constructor({ news, newsFloats, header }: HostMemory, table: HostTable, addresses: Addresses) {
    this.words = news;
    this.floats = newsFloats;
    this.header = header;
    this.table = table;
    this.addresses = addresses;
  }

  /** Tells news of this kind of address `a`, `host`, and another host that may be NOBODY. */
  tell(kind: number, a: number, host: number, other: number, nowNs: number): void {
    const isArrival = kind === NEWS_NEW_HOST || kind === NEWS_LEARNED;
    if (isArrival && !this.mayTellArrival(nowNs)) this.heldBack();
    else this.end(this.begin(kind, a, host, other, nowNs));
  }

  /** News was not told, because it came too soon after the one before. */
  heldBack(): void {
    this.header[HEADER_NEWS_HELD_BACK] += 1;
  }

  /** Begins news as tell() does: the place of its record, of which the rest is 0. end() must follow. */
  begin(kind: number, a: number, host: number, other: number, nowNs: number): number {
    const { words, table } = this;
    const number = this.header[HEADER_NEWS] + 1;
    const at = (number * NEWS_WORDS) & (words.length - 1);
    // Who reads the record that stood here sees that it goes.
    Atomics.store(words, at + NEWS_NUMBER_AGAIN, 0);
    words.fill(0, at, at + NEWS_NUMBER_AGAIN);
    Atomics.store(words, at + NEWS_NUMBER, number);
    words[at + NEWS_KIND] = kind;
    words[at + NEWS_HOST] = host;
    words[at + NEWS_HOST_GENERATION] = table.generation(host);
    words[at + NEWS_OTHER] = other;
    words[at + NEWS_OTHER_GENERATION] = table.generation(other);
    const of = this.addresses.words;
    for (let w = 0; w < ADDRESS_KEY_WORDS; w++) words[at + NEWS_FAMILY + w] = of[a + w];
    words[at + NEWS_MAC] = of[a + ADDRESS_MAC_HIGH];
    words[at + NEWS_MAC + 1] = of[a + ADDRESS_MAC_LOW];
    words[at + NEWS_IF_INDEX] = of[a + ADDRESS_IF_INDEX];
    this.floats[(at + NEWS_AT_NS) >> 1] = nowNs;
    return at;
  }

  /** The record at `at` is complete. */
  end(at: number): void {
    const { words, header } = this;
    const number = words[at + NEWS_NUMBER];
    Atomics.store(words, at + NEWS_NUMBER_AGAIN, number);
    Atomics.store(header, HEADER_NEWS, number);
  }

  private mayTellArrival(nowNs: number): boolean {
    const filled = this.tokens + ((nowNs - this.filledNs) * ARRIVALS_BURST) / 1e9;
    this.tokens = Math.min(ARRIVALS_BURST, filled);
    this.filledNs = nowNs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
