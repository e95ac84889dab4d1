/**
 * Which ends of a flow are inside, and to which hosts they belong. The record of a flow has the numbers of
 * the addresses' rows, not of hosts, so an address that moves to another host takes its flows with it.
 */
import { NONE } from '../../base/none.ts';
import { ARRIVAL_ROWS, HELD_MAX } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import type { Addresses } from '../hosts/addresses.ts';
import type { HostCounts } from '../hosts/host-counts.ts';
import {
  ADDRESS_IF_INDEX,
  ADDRESS_LAST_NS,
  ADDRESS_MAC_HIGH,
  ADDRESS_MAC_LOW,
  ADDRESS_SHIFT,
  KIND_MAC,
  NOBODY,
} from '../hosts/host-layout.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { HELD_SHIFT } from '../packets/held.ts';
import {
  type FlowMemory,
  HOOK_DSCP,
  HOST_PAIR,
  measureAt,
  PAIR_GENERATIONS,
  SHOWS_DEVICE,
} from './flow-layout.ts';

/** Verdicts that are counted in a row, at most. */
export const VERDICTS = 1024;

/** The addresses of a flow, where one of them names a host or a bucket. Not 0. */
export const SIDE_SRC = 1;
export const SIDE_DST = 2;

/** By what a host is known that has more than its address. */
export type HostKey =
  | { readonly kind: 'mac'; readonly mac: MacSpec }
  | { readonly kind: 'port'; readonly ifIndex: number };

const NO_ADDRESSES = { hasForgotten: false, words: new Int32Array(0), floats: new Float64Array(0) };

export class FlowHosts {
  private readonly words: Int32Array;
  /** Keeps the reads of readAhead() from being optimised away. */
  readAheadSum = 0;
  private readonly measures: Int32Array;
  /** null: nobody looks for hosts. */
  private readonly hosts: Hosts | null;
  private readonly counts: HostCounts | null;
  private readonly addresses: Pick<Addresses, 'hasForgotten' | 'words' | 'floats'>;
  private readonly addressWords: Int32Array;
  private readonly addressFloats: Float64Array;
  /** Pairs of packets with a verdict, and bytes of one that has no flow. */
  private readonly pairs = new Int32Array(VERDICTS);
  private readonly flowlessBytes = new Int32Array(1);
  /** Pairs of held packets that have no flow. */
  private readonly flowless: Int32Array;

  constructor({ measures }: FlowMemory, words: Int32Array, hosts: Hosts | null) {
    this.words = words;
    this.measures = measures;
    this.hosts = hosts?.isUsed ? hosts : null;
    this.counts = this.hosts?.counts ?? null;
    this.addresses = this.hosts?.addresses ?? NO_ADDRESSES;
    this.addressWords = this.addresses.words;
    this.addressFloats = this.addresses.floats;
    this.flowless = new Int32Array(this.hosts === null ? 0 : HELD_MAX + ARRIVAL_ROWS);
  }

  /** A batch begins. */
  nowIs(nowNs: number): void {
    this.hosts?.begin(nowNs);
  }

  /** Reads ahead the addresses of these flows, so that the waits for memory overlap. */
  readAhead(flows: Int32Array, count: number): void {
    const { words, addressWords } = this;
    if (this.hosts === null) return;
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const f = flows[n];
      if (f === NONE) continue;
      const pair = words[f + HOST_PAIR];
      sum ^= addressWords[(pair & 0xffff) << ADDRESS_SHIFT] ^ addressWords[(pair >>> 16) << ADDRESS_SHIFT];
    }
    this.readAheadSum = sum;
  }

  /** The flow begins with no inside end. */
  begin(f: number): void {
    this.words[f + HOST_PAIR] = 0;
  }

  /**
   * Whether the record of flow `f` has its inside ends, as nearly always, when arrival `p` of it comes. Notes
   * what the packet shows of its device. Every packet comes here.
   */
  knows(f: number, arrivals: Arrivals, p: number, nowNs: number): boolean {
    const { words, addressWords, addressFloats } = this;
    const pair = words[f + HOST_PAIR];
    if (pair === 0) return true;
    if (this.addresses.hasForgotten && this.pairOf(NONE, f) === 0) return false;
    if (pair >>> 16 !== 0) addressFloats[(((pair >>> 16) << ADDRESS_SHIFT) + ADDRESS_LAST_NS) >> 1] = nowNs;
    const source = (pair & 0xffff) << ADDRESS_SHIFT;
    if (source === NOBODY) return true;
    addressFloats[(source + ADDRESS_LAST_NS) >> 1] = nowNs;
    if ((words[f + HOOK_DSCP] & SHOWS_DEVICE) === 0) return true;
    const port = arrivals.portIn[p];
    if (
      addressWords[source + ADDRESS_MAC_LOW] !== (arrivals.macLow[p] | 0) ||
      addressWords[source + ADDRESS_MAC_HIGH] !== arrivals.macHigh[p] ||
      // A flow that comes by another device is classified again.
      (port !== 0 && addressWords[source + ADDRESS_IF_INDEX] !== port)
    )
      this.shows(source, arrivals, p);
    return true;
  }

  /** Packet `h` has no flow, and these ends. */
  setFlowless(h: number, pair: number): void {
    if (this.hosts !== null) this.flowless[h >> HELD_SHIFT] = pair;
  }

  /** Packet `h`, which has no flow, has a verdict: it was accepted with so many bytes, or dropped (NONE). */
  flowlessVerdict(h: number, passedBytes: number): void {
    this.pairs[0] = this.pairOf(h, NONE);
    this.flowlessBytes[0] = passedBytes;
    this.counts?.count(this.pairs, this.flowlessBytes, 1);
  }

  /** Counts the first `count` verdicts, by flow, for the hosts to which the flows' ends belong now. */
  verdictsGiven(flows: Int32Array, passedBytes: Int32Array, count: number): void {
    const { counts, pairs, words } = this;
    if (counts === null) return;
    const isPlain = !this.addresses.hasForgotten;
    for (let n = 0; n < count; n++)
      pairs[n] = isPlain ? words[flows[n] + HOST_PAIR] : this.pairOf(NONE, flows[n]);
    counts.count(pairs, passedBytes, count);
  }

  /** The kernel no longer had the packet of `tag`. */
  lost(tag: number, lengthBytes: number, wasAccepted: boolean): void {
    this.counts?.lost(tag, lengthBytes, wasAccepted);
  }

  /** `showsDevice`: by the flow's packets the device or port of its source is known. */
  set(f: number, pair: number, generations: number, showsDevice: boolean): void {
    const { words } = this;
    words[f + HOST_PAIR] = pair;
    this.measures[measureAt(f) + PAIR_GENERATIONS] = generations;
    const others = words[f + HOOK_DSCP] & ~SHOWS_DEVICE;
    words[f + HOOK_DSCP] = showsDevice ? others | SHOWS_DEVICE : others;
  }

  /** Row of the address at this side; NOBODY if it is not inside. */
  address(f: number, side: number): number {
    const pair = this.words[f + HOST_PAIR];
    return (side === SIDE_SRC ? pair & 0xffff : pair >>> 16) << ADDRESS_SHIFT;
  }

  /**
   * Row of the host at this side that has more than its address, or may get more; NOBODY if the address is
   * all that is known.
   */
  identified(f: number, side: number): number {
    return this.hosts === null ? NOBODY : this.hosts.identifiedHost(this.address(f, side));
  }

  /** By what the host is known that has, or had, this row and generation; null if it has gone. */
  keyOf(host: number, generation: number): HostKey | null {
    const table = this.hosts?.table;
    if (table === undefined || table.generation(host) !== generation) return null;
    const [high, low] = [table.key(host, 0), table.key(host, 1) >>> 0];
    return table.kind(host) === KIND_MAC
      ? { kind: 'mac', mac: { high, low } }
      : { kind: 'port', ifIndex: high };
  }

  generation(host: number): number {
    return this.hosts === null ? 0 : this.hosts.table.generation(host);
  }

  /** Arrival `p` shows another device of its source than the record has, unless it shows no MAC. */
  private shows(source: number, { macHigh, macLow, portIn, ifIndexIn }: Arrivals, p: number): void {
    const ifIndex = portIn[p] || ifIndexIn[p];
    const isSamePort = this.addressWords[source + ADDRESS_IF_INDEX] === ifIndex;
    if (isSamePort && (macHigh[p] | macLow[p]) === 0) return;
    this.hosts?.shows(source, macHigh[p], macLow[p], ifIndex);
  }

  /**
   * The ends of a packet of flow `f`, or of packet `h` without a flow (NONE); 0 if the rows in the record are
   * those of other addresses by now.
   */
  pairOf(h: number, f: number): number {
    if (f === NONE) return this.flowless[h >> HELD_SHIFT];
    const pair = this.words[f + HOST_PAIR];
    if (pair === 0 || this.hosts === null || !this.addresses.hasForgotten) return pair;
    const isOfFlow = this.measures[measureAt(f) + PAIR_GENERATIONS] === this.hosts.generationsOf(pair);
    return isOfFlow ? pair : 0;
  }
}
