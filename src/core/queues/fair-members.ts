/**
 * The members of fair sets, between which a set divides: hosts, and the flow queues of each host, or flow
 * queues only.
 *
 *   set             hosts by turns          flow queues of a host by turns
 *   dual-src, ...   [h1] -> [h2] -> [h3]    h2: [q4] -> [q9] -> [q1]
 *
 *   set             flow queues by turns
 *   flow, ...       [q4] -> [q9] -> [q1] -> [q7]
 *
 * Whatever a host does with its flow queues, it has the turns of one member of the set.
 */
import { NONE } from '../../base/none.ts';
import { SizeBins } from '../../base/size-bins.ts';
import type { FairHosts } from './fair-hosts.ts';
import type { FairKeys } from './fair-keys.ts';
import {
  backlogBytes,
  clearLists,
  GREW,
  GREW_BYTES,
  HEAD,
  HOST,
  hostHasSeveral,
  keepsTurns,
  LIST_WORDS,
  LISTS,
  NEW_BYTES,
  queueHasSeveral,
} from './fair-records.ts';
import { FairTurns } from './fair-turns.ts';
import type { QueueKind, QueueSets } from './queue-sets.ts';

/**
 * Members with several packets, and with more than a full-sized one, are listed by their length. Shorter ones
 * are many, and come and go.
 */
const LISTED_FROM_BYTES = 1501;

export class FairMembers {
  readonly keys: FairKeys;
  readonly hosts: FairHosts;
  /** The flow queues of sets without hosts, the hosts of the others, and the flow queues of each host. */
  readonly queuesOfSet: FairTurns;
  readonly hostsOfSet: FairTurns;
  readonly queuesOfHost: FairTurns;
  /** The lists of the sets, LIST_WORDS words each. */
  lists: Int32Array;
  /** Flow queues of sets without hosts by length, and hosts. */
  readonly longestQueues: SizeBins;
  readonly longestHosts: SizeBins;
  /** By class: 1 if its sets have hosts. */
  private hasHostsByClass: Uint8Array;
  private classOf: Int16Array;

  constructor({ classOf, kinds, isOfBuckets, fairSets }: QueueSets, keys: FairKeys, hosts: FairHosts) {
    this.keys = keys;
    this.hosts = hosts;
    this.classOf = classOf;
    this.hasHostsByClass = Uint8Array.from(kinds, hasHosts);
    // Sets of buckets begin with lend(): tables that nobody has touched cost no memory.
    this.lists = isOfBuckets ? new Int32Array(LIST_WORDS * fairSets) : emptyLists(fairSets);
    this.longestQueues = new SizeBins(keys.rows, fairSets, isOfBuckets);
    this.longestHosts = new SizeBins(hosts.rows, fairSets, isOfBuckets);
    this.queuesOfSet = new FairTurns(this.lists, keys.words, keys.floats, hosts, false);
    this.hostsOfSet = new FairTurns(this.lists, hosts.words, hosts.floats, hosts, true);
    this.queuesOfHost = new FairTurns(hosts.words, keys.words, keys.floats, hosts, false);
  }

  /**
   * Takes over other sets: set s continues as keptAs[s], and ends if that is NONE. Nothing waits anywhere
   * until the caller has filled the queues again.
   */
  regroup({ classOf, kinds }: QueueSets, keptAs: Int32Array): void {
    const { lists, keys, hosts } = this;
    for (const [old, set] of keptAs.entries())
      if (set === NONE && this.hasHosts(old)) this.hostsOfSet.clear(LIST_WORDS * old);
    this.classOf = classOf;
    this.hasHostsByClass = Uint8Array.from(kinds, hasHosts);
    this.lists = emptyLists(classOf.length);
    for (const [old, set] of keptAs.entries()) {
      if (set === NONE) continue;
      this.lists.set(lists.subarray(LIST_WORDS * old, LIST_WORDS * (old + 1)), LIST_WORDS * set);
      this.lists[LIST_WORDS * set + NEW_BYTES] = 0;
    }
    this.queuesOfSet.setLists(this.lists);
    this.hostsOfSet.setLists(this.lists);
    this.longestQueues.regroup(keys.highWater >> keys.shift, classOf.length);
    this.longestHosts.regroup(hosts.highWater >> hosts.shift, classOf.length);
    hosts.clearBacklogs();
  }

  /** Goes by the kinds of other classes from now on, for the sets of buckets. */
  useKinds(kinds: QueueSets['kinds']): void {
    this.hasHostsByClass = Uint8Array.from(kinds, hasHosts);
  }

  /** A bucket gets this set, in which nothing waits. */
  lend(set: number): void {
    clearLists(this.lists, LIST_WORDS * set);
  }

  /** Ends the turns of a set in which nothing waits. */
  giveBack(set: number): void {
    const turns = this.hasHosts(set) ? this.hostsOfSet : this.queuesOfSet;
    turns.clear(LIST_WORDS * set);
  }

  /** The flow queues that have turns in a set. */
  queues(set: number): number[] {
    if (!this.hasHosts(set)) return this.queuesOfSet.members(LIST_WORDS * set);
    const hosts = this.hostsOfSet.members(LIST_WORDS * set);
    return hosts.flatMap((host) => this.queuesOfHost.members(host + LISTS));
  }

  /** The queues are filled again: no queue of a host without packets has any. */
  settle(): void {
    const { hosts } = this;
    for (const host of hosts.all())
      if (hosts.words[host + HEAD] === NONE) this.queuesOfHost.clear(host + LISTS);
  }

  hasHosts(set: number): boolean {
    return this.hasHostsByClass[this.classOf[set]] === 1;
  }

  /** Queue `q` of `set` has its first packet, or a further one. Returns whether the queue was idle. */
  join(set: number, q: number, quantumBytes: number): boolean {
    const host = this.keys.words[q + HOST];
    if (host === NONE) return this.queuesOfSet.join(LIST_WORDS * set, q, quantumBytes);
    // A queue that keeps its turns belongs to a host that keeps its own: one without packets has none.
    if (keepsTurns(this.keys.words, q)) return false;
    this.hostsOfSet.join(LIST_WORDS * set, host, quantumBytes);
    return this.queuesOfHost.join(host + LISTS, q, quantumBytes);
  }

  /** The queue whose turn it is. A packet must wait in the set. */
  pick(set: number, quantumBytes: number): number {
    if (!this.hasHosts(set)) return this.queuesOfSet.pick(LIST_WORDS * set, quantumBytes);
    const host = this.hostsOfSet.pick(LIST_WORDS * set, quantumBytes);
    return this.queuesOfHost.pick(host + LISTS, quantumBytes);
  }

  /** Queue `q` has sent so many bytes in its turn. */
  charge(set: number, q: number, bytes: number): void {
    const host = this.keys.words[q + HOST];
    if (host === NONE) {
      this.queuesOfSet.charge(LIST_WORDS * set, q, bytes);
      return;
    }
    const share = this.queuesOfHost.share(q);
    this.hostsOfSet.charge(LIST_WORDS * set, host, share === 1 ? bytes : bytes / share);
    this.queuesOfHost.charge(host + LISTS, q, bytes);
  }

  /** A packet of so many bytes comes into queue `q`. */
  packetCame(set: number, q: number, bytes: number): void {
    const host = this.keys.words[q + HOST];
    if (host === NONE) {
      this.queuesOfSet.addBacklog(LIST_WORDS * set, q, bytes);
      this.listQueue(set, q, bytes);
      return;
    }
    this.queuesOfHost.addBacklog(host + LISTS, q, bytes);
    this.hostsOfSet.addBacklog(LIST_WORDS * set, host, bytes);
    this.hosts.addPacket(host, 1);
    this.noteLength(host, q, true);
    this.listHost(set, host, bytes);
  }

  /** A packet of so many bytes has left queue `q`. */
  packetLeft(set: number, q: number, bytes: number): void {
    const host = this.keys.words[q + HOST];
    if (host === NONE) {
      this.queuesOfSet.addBacklog(LIST_WORDS * set, q, -bytes);
      this.listQueue(set, q, -bytes);
      return;
    }
    this.queuesOfHost.addBacklog(host + LISTS, q, -bytes);
    this.hostsOfSet.addBacklog(LIST_WORDS * set, host, -bytes);
    this.noteLength(host, q, false);
    const isDry = this.hosts.addPacket(host, -1);
    this.listHost(set, host, -bytes);
    if (isDry) this.queuesOfHost.clear(host + LISTS);
  }

  /** Notes `q` as the longest queue of its host if it has grown to that, or is that already. */
  private noteLength(host: number, q: number, hasGrown: boolean): void {
    const { words } = this.hosts;
    const bytes = backlogBytes(this.keys.words, q);
    if (words[host + GREW] === q || (hasGrown && bytes > words[host + GREW_BYTES] >>> 0)) {
      words[host + GREW] = q;
      words[host + GREW_BYTES] = bytes;
    }
  }

  /** Lists flow queue `q` by its length, which has changed by so many bytes, if it has several packets. */
  private listQueue(set: number, q: number, change: number): void {
    const { words, shift } = this.keys;
    const bytes = backlogBytes(words, q);
    if (bytes >= LISTED_FROM_BYTES && queueHasSeveral(words, q))
      this.longestQueues.set(set, q >> shift, bytes);
    else if (bytes - change >= LISTED_FROM_BYTES) this.longestQueues.set(set, q >> shift, 0);
  }

  /** The same for a host. */
  private listHost(set: number, host: number, change: number): void {
    const { words, shift } = this.hosts;
    const bytes = backlogBytes(words, host);
    if (bytes >= LISTED_FROM_BYTES && hostHasSeveral(words, host))
      this.longestHosts.set(set, host >> shift, bytes);
    else if (bytes - change >= LISTED_FROM_BYTES) this.longestHosts.set(set, host >> shift, 0);
  }

  /** Lets a turn pass in a set where no packet waits. Returns false if the set has no members. */
  passTurn(set: number, quantumBytes: number): boolean {
    const turns = this.hasHosts(set) ? this.hostsOfSet : this.queuesOfSet;
    return turns.passTurn(LIST_WORDS * set, quantumBytes);
  }
}

function emptyLists(sets: number): Int32Array {
  const lists = new Int32Array(LIST_WORDS * sets);
  for (let set = 0; set < sets; set++) clearLists(lists, LIST_WORDS * set);
  return lists;
}

function hasHosts(kind: QueueKind | null): number {
  return kind?.fair && (kind.fair.loadOfSource || kind.fair.loadOfDestination) ? 1 : 0;
}
