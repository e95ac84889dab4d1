/**
 * The flow queues of fair sets as records, with the hosts that each of them counts for. A flow queue is
 * found by (set, flow) or (set, addresses), made for its first packet and forgotten when it has been idle.
 *
 * A record is two cache lines with all fields that a packet touches when it comes and goes. With many flows
 * nearly every packet finds its flow queue outside the caches, so the cost is the number of lines.
 */
import type { IsolationRule } from '../../algo/queues/host-isolation.ts';
import { invariant } from '../../base/assert.ts';
import { KeyTable } from '../../base/key-table.ts';
import { NONE } from '../../base/none.ts';
import { EVICT_LOOKS, SweepingHand } from '../../base/sweep.ts';
import { FLOW_IDLE_NS } from '../../limits.ts';
import { SIDE_DST, SIDE_SRC } from '../flows/flow-hosts.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import type { HeldTable } from '../packets/held.ts';
import type { FairHosts } from './fair-hosts.ts';
import { BACKLOG_BYTES, HEAD, HOST, IDLE, OTHER_HOST, STATE, stateOf, TAIL } from './fair-records.ts';
import type { QueueKind, QueueSets } from './queue-sets.ts';

/**
 * The class id of the set (not the class's row, which may change); the kind and, above its bits, the bucket;
 * then flow row and generation, and those of its inside host if that is known; or up to two addresses of four
 * words. In the place of an inside address stand row and generation of its host if that is known.
 */
const KEY_WORDS = 10;
export const KIND_BITS = 4;
const KIND_FLOW = 1;
const KIND_SRC = 2;
const KIND_DST = 3;
const KIND_HOST = 4;
/** Added to KIND_SRC, KIND_DST or KIND_HOST: the inside host is known. */
const KIND_IDENTIFIED = 3;
/** Words of an address, and of the prefix of an IPv6 address. */
const ADDRESS_WORDS = 4;
const PREFIX_WORDS = 2;
/** Added to the kind: the addresses are IPv6. */
const KIND_IPV6 = 8;

// Fields of a record beside those of fair-records.ts; the hash slot is word 10.
/** CoDel's five float64: firstAboveNs, dropNextNs, count, lastCount, phase. */
export const CODEL = 18;
const LAST_SEEN_NS = 28; // float64
const FIELD_WORDS = 21;

/** Rows that the sweeping hand may pass in one batch. */
const SWEEP_ROWS_MAX = 256;

export class FairKeys {
  readonly rows: number;
  readonly isOfHosts = false;
  /** The records (base/key-table.ts says how they are addressed). */
  readonly words: Int32Array;
  readonly floats: Float64Array;
  /** A table beside the records is asked at q >> shift. */
  readonly shift: number;
  private readonly keys: KeyTable;
  private readonly held: HeldTable;
  private readonly flows: FlowTable;
  private readonly hosts: FairHosts;
  /** Class and bucket of each set. */
  private classOf: Int16Array;
  private bucketOf: Int32Array;
  /** Where flows remember their queue: FlowTable.fairQueue(). */
  private readonly place: number;
  /** By class; null if its sets are not fair. */
  private rules: readonly (IsolationRule | null)[];
  private kinds: readonly (QueueKind | null)[];
  /** The side whose address is the host; 0 if there are no hosts. */
  private sides: Uint8Array;
  /** Ids by class. */
  private ids: Int32Array;
  /** The queue that the flow of the last queueOf() has left, because its host has changed; NONE: none. */
  lastLeft = NONE;
  /** Keeps the reads of readAhead() from being optimised away. */
  readAheadSum = 0;
  private readonly hand: SweepingHand;

  constructor(
    rows: number,
    key0: number,
    key1: number,
    sets: QueueSets,
    held: HeldTable,
    flows: FlowTable,
    hosts: FairHosts,
  ) {
    this.classOf = sets.classOf;
    this.bucketOf = sets.bucketOf;
    this.place = sets.isOfBuckets ? 1 : 0;
    this.kinds = sets.kinds;
    this.sides = Uint8Array.from(sets.kinds, hostSide);
    this.rules = sets.kinds.map(ruleOf);
    this.ids = Int32Array.from(sets.kinds, idOf);
    // Without a fair set one row is enough, so that idle memory stays small.
    this.rows = this.rules.some((rule) => rule !== null) ? rows : 1;
    this.keys = new KeyTable(this.rows, KEY_WORDS, FIELD_WORDS, key0, key1);
    invariant(this.keys.stride === 32, 'records of fair queues are two cache lines');
    this.shift = this.keys.shift;
    this.words = this.keys.words;
    this.floats = this.keys.floats;
    this.hand = new SweepingHand(this.keys, FLOW_IDLE_NS, SWEEP_ROWS_MAX);
    this.held = held;
    this.flows = flows;
    this.hosts = hosts;
  }

  /** Flow queue of packet `h` in `set`, made if it is new. NONE if there is no room for one more. */
  queueOf(set: number, h: number, nowNs: number): number {
    const { keys, flows } = this;
    const f = this.held.flow[h];
    let q = f === NONE ? NONE : flows.fairQueue(f, this.place);
    this.lastLeft = NONE;
    if (q === NONE || !this.isQueueOf(q, set, f)) {
      const left = q;
      this.setKey(set, f);
      const hash = keys.hash(KEY_WORDS);
      q = keys.find(hash);
      if (q === NONE) q = this.make(hash, set, f, nowNs);
      if (q === NONE) return NONE;
      if (f !== NONE) flows.setFairQueue(f, this.place, q);
      if (left !== NONE && this.isOwnQueueOf(left, set, f)) this.lastLeft = left;
    }
    this.floats[(q + LAST_SEEN_NS) >> 1] = nowNs;
    return q;
  }

  /** Flow queue of packet `h` in `set`; NONE if there is none. */
  find(set: number, h: number): number {
    this.setKey(set, this.held.flow[h]);
    return this.keys.find(this.keys.hash(KEY_WORDS));
  }

  /**
   * Reads ahead the records that packets [0, rows) of a batch will probably ask for, as FlowKeys.readAhead()
   * does, and those of their hosts.
   */
  readAhead(rows: number): void {
    const { flows, words } = this;
    if (!flows.flowKeys.isReadAhead) return;
    const ofHosts = this.hosts.words;
    let sum = 0;
    for (let p = 0; p < rows; p++) {
      const q = flows.probableFairQueue(p);
      if (q === NONE) continue;
      sum ^= words[q] ^ words[q + TAIL];
      const host = words[q + HOST];
      if (host !== NONE) sum ^= ofHosts[host + STATE] ^ ofHosts[host + BACKLOG_BYTES];
    }
    this.readAheadSum = sum;
  }

  /** Idle queue `q` of `set` gets packet `h`, so its host is looked up again (fair-hosts.ts). */
  rejoin(set: number, q: number, h: number, nowNs: number): void {
    const { words } = this;
    const f = this.held.flow[h];
    if (words[q + HOST] === NONE || f === NONE) return;
    const c = this.classOf[set];
    words[q + HOST] = this.hosts.rejoin(words[q + HOST], this.hostsId(set), f, this.sides[c], nowNs);
  }

  /** End of the records that were ever in use, and words of a record. */
  get highWater(): number {
    return this.keys.highWater;
  }

  get stride(): number {
    return this.keys.stride;
  }

  /** Id of the class of the set of `q`. NONE if the row is not in use. */
  classId(q: number): number {
    return this.keys.isUsed(q) ? this.words[q] : NONE;
  }

  /** Takes over other sets and classes. */
  regroup({ classOf, bucketOf, kinds }: QueueSets): void {
    this.classOf = classOf;
    this.bucketOf = bucketOf;
    this.kinds = kinds;
    this.sides = Uint8Array.from(kinds, hostSide);
    this.rules = kinds.map(ruleOf);
    this.ids = Int32Array.from(kinds, idOf);
  }

  /** Forgets idle flow queues in the share of the table that is due. */
  sweep(nowNs: number): void {
    const { hand } = this;
    for (let n = hand.rowsDue(nowNs); n > 0; n--) {
      const q = hand.next();
      const idleNs = nowNs - this.floats[(q + LAST_SEEN_NS) >> 1];
      if (idleNs > FLOW_IDLE_NS && this.mayForget(q)) this.forget(q);
    }
  }

  /**
   * Whether `q`, which the flow remembers, is still its queue in this set. As good as find(), in one cache
   * line.
   */
  private isQueueOf(q: number, set: number, f: number): boolean {
    const { words, keys } = this;
    if (words[q] !== this.ids[this.classOf[set]]) return false;
    if (words[q + 1] === (KIND_FLOW | this.bucketOf[set]))
      return this.isOwnQueueOf(q, set, f) && this.isOfHost(q, set, f);
    this.setKey(set, f);
    return keys.isAt(q);
  }

  /** Whether `q` is a queue of flow `f` alone in this set. */
  private isOwnQueueOf(q: number, set: number, f: number): boolean {
    const { words } = this;
    if (words[q] !== this.ids[this.classOf[set]] || words[q + 1] !== (KIND_FLOW | this.bucketOf[set]))
      return false;
    return words[q + 2] === f && words[q + 3] === this.flows.generation(f) && this.keys.isUsed(q);
  }

  /** Whether the inside host of flow `f` is the one for which its queue `q` counts. */
  private isOfHost(q: number, set: number, f: number): boolean {
    const { words } = this;
    const host = this.insideHost(this.classOf[set], f);
    return words[q + 4] === host && (host === NOBODY || words[q + 5] === this.flows.hosts.generation(host));
  }

  /** The known inside host of flow `f`, if class `c` shares by the hosts of that side; else NOBODY. */
  private insideHost(c: number, f: number): number {
    const side = this.sides[c];
    return side !== 0 && this.isInside(c, side) ? this.flows.hosts.identified(f, side) : NOBODY;
  }

  private setKey(set: number, f: number): void {
    const { flows } = this;
    const { key } = this.keys;
    const c = this.classOf[set];
    const rule = this.rules[c];
    for (let w = 0; w < KEY_WORDS; w++) key[w] = 0;
    key[0] = this.ids[c];
    if (f !== NONE && rule !== null && !rule.byPorts) {
      key[1] = kindOf(rule) | (flows.isIpv6(f) ? KIND_IPV6 : 0) | this.bucketOf[set];
      // Of an outside IPv6 address only the prefix counts (fair-hosts.ts).
      const outsideWords = flows.isIpv6(f) ? PREFIX_WORDS : ADDRESS_WORDS;
      const srcWords = this.kinds[c]?.isSourceInside ? ADDRESS_WORDS : outsideWords;
      const dstWords = this.kinds[c]?.isSourceInside ? outsideWords : ADDRESS_WORDS;
      if (rule.bySource) for (let w = 0; w < srcWords; w++) key[2 + w] = flows.srcWord(f, w);
      if (rule.byDestination) for (let w = 0; w < dstWords; w++) key[6 + w] = flows.dstWord(f, w);
      this.identify(c, rule, f);
      return;
    }
    key[1] = KIND_FLOW | this.bucketOf[set];
    key[2] = f;
    key[3] = f === NONE ? 0 : flows.generation(f);
    key[4] = f === NONE ? NOBODY : this.insideHost(c, f);
    key[5] = flows.hosts.generation(key[4]);
  }

  /** Puts the inside host, if it is known, into the key in the place of its address. */
  private identify(c: number, rule: IsolationRule, f: number): void {
    const { hosts } = this.flows;
    const { key } = this.keys;
    const side = this.kinds[c]?.isSourceInside ? SIDE_SRC : SIDE_DST;
    if (side === SIDE_SRC ? !rule.bySource : !rule.byDestination) return;
    const host = hosts.identified(f, side);
    if (host === NOBODY) return;
    key[1] += KIND_IDENTIFIED;
    // Its addresses may be of both families. Another end tells them apart by itself.
    if (!rule.bySource || !rule.byDestination) key[1] &= ~KIND_IPV6;
    const at = side === SIDE_SRC ? 2 : 6;
    key.fill(0, at, at + ADDRESS_WORDS);
    key[at] = host;
    key[at + 1] = hosts.generation(host);
  }

  private make(hash: number, set: number, f: number, nowNs: number): number {
    const { words, hosts, keys } = this;
    let q = keys.insert(hash);
    if (q === NONE) {
      if (!this.evict()) return NONE;
      q = keys.insert(hash);
    }
    // A new queue is idle and empty, owes nothing, and its CoDel is all zero.
    words.fill(0, q + STATE, q + keys.stride);
    words[q + HEAD] = NONE;
    const c = this.classOf[set];
    const rule = this.rules[c];
    const side = this.sides[c];
    const isInside = this.isInside(c, side);
    const id = this.hostsId(set);
    words[q + HOST] = side === 0 ? NONE : hosts.join(id, f, side, isInside, nowNs);
    words[q + OTHER_HOST] = NONE;
    if (side !== 0 && words[q + HOST] === NONE) {
      keys.remove(q);
      return NONE;
    }
    if (rule?.loadOfSource && rule.loadOfDestination && f !== NONE)
      words[q + OTHER_HOST] = hosts.join(id, f, SIDE_SRC + SIDE_DST - side, !isInside, nowNs);
    return q;
  }

  /** Hosts share by class, or by bucket: those have negative ids here, classes have none. */
  private hostsId(set: number): number {
    const bucket = this.bucketOf[set];
    return bucket === 0 ? this.ids[this.classOf[set]] : ~(bucket >> KIND_BITS);
  }

  private isInside(c: number, side: number): boolean {
    return (this.kinds[c]?.isSourceInside ? SIDE_SRC : SIDE_DST) === side;
  }

  private mayForget(q: number): boolean {
    return this.keys.isUsed(q) && stateOf(this.words, q) === IDLE;
  }

  private evict(): boolean {
    for (let n = EVICT_LOOKS; n > 0; n--) {
      const q = this.hand.next();
      if (!this.mayForget(q)) continue;
      this.forget(q);
      return true;
    }
    return false;
  }

  /** Ends a flow queue that is empty and on no list. */
  forget(q: number): void {
    this.hosts.leave(this.words[q + HOST]);
    this.hosts.leave(this.words[q + OTHER_HOST]);
    this.keys.remove(q);
  }
}

function ruleOf(kind: QueueKind | null): IsolationRule | null {
  return kind?.fair ?? null;
}

/** Side of a flow whose address is its host; 0 if the class does not share by hosts. */
function hostSide(kind: QueueKind | null): number {
  const { loadOfSource = false, loadOfDestination = false } = kind?.fair ?? {};
  if (loadOfSource && loadOfDestination) return kind?.isSourceInside ? SIDE_SRC : SIDE_DST;
  return loadOfSource ? SIDE_SRC : loadOfDestination ? SIDE_DST : 0;
}

function idOf(kind: QueueKind | null): number {
  return kind?.id ?? NONE;
}

/** Kind of the key of a flow queue that several flows share. */
function kindOf(rule: IsolationRule): number {
  if (!rule.byDestination) return KIND_SRC;
  return rule.bySource ? KIND_HOST : KIND_DST;
}
