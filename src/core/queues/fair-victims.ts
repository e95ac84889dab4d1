/**
 * Who loses packets when a fair set is full: whoever holds the most.
 *
 *   first the members of the set (hosts, or flow queues), then the flow queues of the host:
 *
 *   held    h1 40 kB   h2 3 kB   h3 3 kB   the new ones together 9 kB    h1 pays, from its longest queue
 *   held    h2 3 kB    h3 3 kB   the new ones together 40 kB             the new ones pay
 *
 * New members (fair-turns.ts) count as one: otherwise somebody who comes as a new member with every packet
 * would hold nearly everything, and whoever is known for longer would still be the longest. They lose in the
 * order in which they came, unless one of them holds more than half. The arriving packet counts as part of
 * its own host and queue (RFC 8290 section 4.1.3).
 *
 * Whoever holds a single packet does not pay while others hold more than one (payer-weight.ts). A few new
 * members with a packet each are single ones; more of them are a flood, and hold several packets together.
 *
 * Cost: the longest host is found by its length (base/size-bins.ts). Of the host's queues the one that was
 * the longest when it last grew is compared with a few others.
 */
import { NONE } from '../../base/none.ts';
import type { HeldTable } from '../packets/held.ts';
import type { HeldFifos } from '../packets/held-fifos.ts';
import type { FairHosts } from './fair-hosts.ts';
import type { FairKeys } from './fair-keys.ts';
import type { FairMembers } from './fair-members.ts';
import {
  backlogBytes,
  GREW,
  HEAD,
  HOST,
  hostHasSeveral,
  isNew,
  KNOWN_FIRST,
  LIST_WORDS,
  LISTS,
  NEW_BYTES,
  NEW_FIRST,
  NEXT,
  OLD_FIRST,
  queueHasSeveral,
} from './fair-records.ts';
import { payerWeight } from './payer-weight.ts';

// Who pays in a group.
const OWN = 0;
const LONGEST = 1;
const NEW_ONES = 2;

/** Packets that a flow queue loses at once, at most (RFC 8290 section 4.1.3). */
const DROP_BATCH = 64;
/** Members looked at for the longest one where none is listed, and for the longest queue of a host. */
const LOOKS = 16;
/** New members with one packet each that count as single ones. */
const NEW_SINGLES = 8;

type Members = Pick<FairHosts | FairKeys, 'words' | 'isOfHosts'>;

export class FairVictims {
  private readonly held: HeldTable;
  private readonly members: FairMembers;
  private readonly fifos: HeldFifos;
  // Written by find(), read by the others until the next find().
  /** Weight of the party that pays. */
  private lastWeight = 0;
  /** Whether the packet's own host or queue pays. */
  lastIsOwn = false;
  private lastPayer = OWN;
  /** The host that pays, or whose flow queue does, in a set with hosts. */
  private lastHost = NONE;
  /** The member that pays; NONE if it is the new ones, or the packet's own one that does not exist yet. */
  private lastMember = NONE;
  /** Whether that is a flow queue, which pays alone, else a host. */
  private isQueue = false;
  // Written by next().
  /** The queue that pays now; packets that it may still lose at once, while it has more than these bytes. */
  private lastQueue = NONE;
  private lastBatch = 0;
  private lastUntilBytes = 0;
  // Written by payerOf().
  private partyWeight = 0;

  constructor(held: HeldTable, members: FairMembers, fifos: HeldFifos) {
    this.held = held;
    this.members = members;
    this.fifos = fifos;
  }

  /**
   * Finds who pays in `set` for arriving packet `h`, which is NONE if it belongs in another set. Returns
   * the weight of the party (payer-weight.ts), with the packet if it is of the party.
   */
  find(set: number, h: number): number {
    const { members } = this;
    const q = h === NONE ? NONE : members.keys.find(set, h);
    const bytes = h === NONE ? 0 : this.held.lengthBytes[h];
    this.weighSet(set, q, bytes);
    this.lastIsOwn = h !== NONE && this.lastPayer === OWN;
    return this.lastWeight;
  }

  /**
   * Whether a bucket where packet `h` waits pays rather than the party that find() has found. Like is
   * compared with like: the bucket counts with what its host has in the set. If the party is its own host,
   * the longest flow queue of the host is compared with the bucket.
   */
  isOutweighed(set: number, h: number, bytes: number, isSeveral: boolean): boolean {
    const { hosts, keys } = this.members;
    const weight = payerWeight(bytes, isSeveral);
    const q = weight > this.lastWeight || !this.members.hasHosts(set) ? NONE : keys.find(set, h);
    if (q === NONE) return weight > this.lastWeight;
    const host = keys.words[q + HOST];
    if (this.lastPayer !== NEW_ONES && host === this.lastHost) {
      const longest = this.longestOfHost(host);
      return longest === NONE || weight > weightOf(keys, longest);
    }
    const besideBytes = backlogBytes(hosts.words, host);
    return payerWeight(bytes + besideBytes, isSeveral || besideBytes > 0) > this.lastWeight;
  }

  /**
   * Finds another party in the set of a bucket, where packets of several leaves wait, if the one that find()
   * has found has no packet of `leaf` that may be dropped: a single flow queue. Returns false if none of a
   * few has.
   */
  findOf(set: number, leaf: number): boolean {
    const { members } = this;
    if (this.canSpare(set, leaf, 1, 0)) return true;
    const g = LIST_WORDS * set;
    let q = NONE;
    if (members.hasHosts(set)) {
      const hosts = members.hosts.words;
      let host = members.lists[g + OLD_FIRST];
      for (let n = 0; n < LOOKS && host !== NONE && q === NONE; n++, host = hosts[host + NEXT])
        q = this.queueOfHost(host, leaf);
    } else {
      q = this.spareOf(members.lists[g + OLD_FIRST], leaf);
      if (q === NONE) q = this.spareOf(members.lists[g + KNOWN_FIRST], leaf);
      if (q === NONE) q = this.spareOf(members.queuesOfSet.firstNew(g), leaf);
    }
    this.lastPayer = LONGEST;
    this.lastMember = q;
    this.isQueue = true;
    return q !== NONE;
  }

  /** Whether that party has at least `packets` packets and `bytes` bytes of `leaf` that may be dropped. */
  canSpare(set: number, leaf: number, packets: number, bytes: number): boolean {
    const { members, fifos } = this;
    this.lastQueue = NONE;
    if (this.lastPayer === NEW_ONES)
      return this.choose(set, leaf) !== NONE && newBytesOf(members.lists, LIST_WORDS * set) >= bytes;
    const m = this.lastMember;
    if (m === NONE) return false;
    if (this.isQueue) return fifos.canSpare(m, leaf, packets, bytes);
    const { words } = members.hosts;
    return (
      backlogBytes(words, m) >= bytes && words[m + HEAD] + 1 >= packets && this.choose(set, leaf) !== NONE
    );
  }

  /**
   * The queue that loses its next packet of `leaf`; NONE if there is none. A queue that has lost one goes on
   * with up to half of its bytes, even if `isNeeded` is false: there is room already.
   */
  next(set: number, leaf: number, isNeeded: boolean): number {
    const { words } = this.members.keys;
    const q = this.lastQueue;
    if (q !== NONE && this.lastBatch > 0 && backlogBytes(words, q) > this.lastUntilBytes) {
      this.lastBatch--;
      if (this.fifos.canSpare(q, leaf, 1, 0)) return q;
    }
    if (!isNeeded) return NONE;
    this.lastQueue = this.choose(set, leaf);
    this.lastBatch = DROP_BATCH - 1;
    // A queue that has lost half of its bytes loses what is needed, no more.
    if (this.lastQueue === q || this.lastQueue === NONE) this.lastUntilBytes = Number.POSITIVE_INFINITY;
    else this.lastUntilBytes = backlogBytes(words, this.lastQueue) / 2;
    return this.lastQueue;
  }

  /**
   * A queue of the party that has a packet of `leaf` that may be dropped; NONE if none of a few has. New ones
   * with several packets go before others.
   */
  private choose(set: number, leaf: number): number {
    const { members } = this;
    const g = LIST_WORDS * set;
    if (!members.hasHosts(set)) {
      if (this.lastPayer !== NEW_ONES) return this.spare(this.lastMember, leaf);
      return this.spareOf(members.queuesOfSet.firstNew(g), leaf);
    }
    if (this.isQueue) return this.spare(this.lastMember, leaf);
    if (this.lastPayer !== NEW_ONES) return this.queueOfHost(this.lastMember, leaf);
    const { words } = members.hosts;
    let host = members.hostsOfSet.firstNew(g);
    let single = NONE;
    for (let n = 0; n < LOOKS && host !== NONE; n++, host = words[host + NEXT]) {
      if (single !== NONE && !hostHasSeveral(words, host)) continue;
      const q = this.queueOfHost(host, leaf);
      if (q !== NONE && hostHasSeveral(words, host)) return q;
      if (single === NONE) single = q;
    }
    return single;
  }

  /** The queue of a host that pays for the others. */
  private queueOfHost(host: number, leaf: number): number {
    const { queuesOfHost, hosts, keys } = this.members;
    const g = host + LISTS;
    const longest = this.longestOfHost(host);
    const payer = this.payerOf(hosts.words, g, keys, NONE, longest, 0);
    let q = this.spare(payer === LONGEST ? longest : queuesOfHost.firstNew(g), leaf);
    if (q === NONE) q = this.spareOf(queuesOfHost.firstNew(g), leaf);
    return q === NONE ? this.spareOf(hosts.words[g + OLD_FIRST], leaf) : q;
  }

  /** The longest queue of a host among the one that was it last and a few old ones. NONE if all are empty. */
  private longestOfHost(host: number): number {
    const { hosts, keys } = this.members;
    const grew = hosts.words[host + GREW];
    const isHosts = grew !== NONE && keys.words[grew + HOST] === host;
    return longestFrom(keys, hosts.words[host + LISTS + OLD_FIRST], isHosts ? grew : NONE);
  }

  /** The longest member of a set within 1/8 or, if none is listed, of the next few. */
  private longestOfSet(set: number): number {
    const { members } = this;
    const table = members.hasHosts(set) ? members.hosts : members.keys;
    const bins = members.hasHosts(set) ? members.longestHosts : members.longestQueues;
    const listed = bins.largest(set);
    if (listed !== NONE) return listed << table.shift;
    return longestFrom(table, members.lists[LIST_WORDS * set + OLD_FIRST], NONE);
  }

  private weighSet(set: number, q: number, arrivingBytes: number): void {
    const { members } = this;
    const { hosts, keys } = members;
    const g = LIST_WORDS * set;
    const hasHosts = members.hasHosts(set);
    const own = q === NONE || !hasHosts ? q : keys.words[q + HOST];
    const longest = this.longestOfSet(set);
    this.lastPayer = this.payerOf(members.lists, g, hasHosts ? hosts : keys, own, longest, arrivingBytes);
    this.lastWeight = this.partyWeight;
    this.lastHost = this.lastPayer === OWN ? own : longest;
    this.lastMember = this.lastPayer === OWN ? own : this.lastPayer === LONGEST ? longest : NONE;
    this.isQueue = !hasHosts;
    if (!hasHosts || this.lastPayer !== OWN || own === NONE) return;
    const longestQueue = this.longestOfHost(own);
    if (this.payerOf(hosts.words, own + LISTS, keys, q, longestQueue, arrivingBytes) !== OWN) return;
    // Its own queue pays alone.
    this.lastMember = q;
    this.isQueue = true;
  }

  /**
   * Who pays in the group at `lists[g]` for an arriving packet of member `own`: that member, the longest one
   * or the new ones. `own` is NONE if the member is yet to be made, or if the packet belongs in another group
   * and `arrivingBytes` is 0. Leaves the weight of the party in `partyWeight`.
   */
  private payerOf(
    lists: Int32Array,
    g: number,
    table: Members,
    own: number,
    longest: number,
    arrivingBytes: number,
  ): number {
    const { words } = table;
    const isOwnNew = own === NONE || isNew(words, own);
    const isOwnSingle = own === NONE || words[own + HEAD] === NONE;
    const ownBytes = arrivingBytes + (own === NONE ? 0 : backlogBytes(words, own));
    const newBytes = newBytesOf(lists, g) + (isOwnNew ? arrivingBytes : 0);
    const isNewSeveral =
      (isOwnNew && !isOwnSingle) || haveNewSeveral(lists, g, table, isOwnNew && arrivingBytes > 0 ? 1 : 0);
    const newWeight = payerWeight(newBytes, isNewSeveral);
    const longestWeight = longest === NONE ? 0 : weightOf(table, longest);
    if (!isOwnNew) {
      this.partyWeight = payerWeight(ownBytes, !isOwnSingle);
      if (this.partyWeight >= longestWeight && this.partyWeight >= newWeight) return OWN;
    }
    this.partyWeight = Math.max(longestWeight, newWeight);
    if (longestWeight > newWeight) return LONGEST;
    // One that holds more than half of what the new ones hold pays alone.
    if (isOwnNew && 2 * ownBytes > newBytes && !(isOwnSingle && isNewSeveral)) return OWN;
    if (longest === NONE || !isNew(words, longest) || (isNewSeveral && !hasSeveral(table, longest)))
      return NEW_ONES;
    if (2 * backlogBytes(words, longest) <= newBytes) return NEW_ONES;
    this.partyWeight = longestWeight;
    return LONGEST;
  }

  /** `q` if it has a packet of `leaf` that may be dropped, else NONE. */
  private spare(q: number, leaf: number): number {
    return q !== NONE && this.fifos.canSpare(q, leaf, 1, 0) ? q : NONE;
  }

  /**
   * The first of a few queues, from `q` on, that has a packet of `leaf` that may be dropped, or NONE. Those
   * with several packets go before others.
   */
  private spareOf(q: number, leaf: number): number {
    const { words } = this.members.keys;
    let single = NONE;
    let at = q;
    for (let n = 0; n < LOOKS && at !== NONE; n++, at = words[at + NEXT]) {
      const isSeveral = queueHasSeveral(words, at);
      if ((single !== NONE && !isSeveral) || this.spare(at, leaf) === NONE) continue;
      if (isSeveral) return at;
      single = at;
    }
    return single;
  }
}

/** The longest of `longest` and the next few members from `m` on; NONE if all are empty. */
function longestFrom(table: Members, m: number, longest: number): number {
  const { words } = table;
  let best = longest;
  let most = longest === NONE ? 0 : weightOf(table, longest);
  let at = m;
  for (let n = 0; n < LOOKS && at !== NONE; n++, at = words[at + NEXT]) {
    const weight = weightOf(table, at);
    if (weight <= most) continue;
    most = weight;
    best = at;
  }
  return most === 0 ? NONE : best;
}

function weightOf(table: Members, m: number): number {
  return payerWeight(backlogBytes(table.words, m), hasSeveral(table, m));
}

function hasSeveral({ words, isOfHosts }: Members, m: number): boolean {
  return isOfHosts ? hostHasSeveral(words, m) : queueHasSeveral(words, m);
}

function newBytesOf(lists: Int32Array, g: number): number {
  return lists[g + NEW_BYTES] >>> 0;
}

/**
 * Whether one of the new ones at `lists[g]` holds several packets, or so many hold one that they are a flood.
 * `more` of them will have a packet.
 */
function haveNewSeveral(lists: Int32Array, g: number, table: Members, more: number): boolean {
  if (newBytesOf(lists, g) === 0) return false;
  const { words } = table;
  let singles = more;
  let at = lists[g + NEW_FIRST];
  for (let n = 0; n < LOOKS && at !== NONE; n++, at = words[at + NEXT]) {
    if (words[at + HEAD] === NONE) continue;
    singles++;
    if (singles > NEW_SINGLES || hasSeveral(table, at)) return true;
  }
  return at !== NONE;
}
