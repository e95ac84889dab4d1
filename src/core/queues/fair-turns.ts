/**
 * Turns of bytes: which of the members of a group sends next. The members are the hosts or flow queues of a
 * set, or the flow queues of a host (fair-members.ts).
 *
 * Reference: RFC 8290 (FQ-CoDel), section 4.2; states as in CAKE (net/sched/sch_cake.c, cake_dequeue).
 *
 *   known [m3]                      were idle and have sent KNOWN_PACKETS at some time
 *   new   [m4] -> [m9]              were idle and have sent little or nothing ever
 *   old   [m1] -> [m7] -> [m2]      keep packets waiting: a quantum per round
 *
 * Members of the first two lists are sparse: their first quantum goes before everything else. A member that
 * empties there passes the old ones once before it is idle. Otherwise a member that comes and goes would
 * always be first (RFC 8290 section 4.2).
 *
 * Two departures from the RFC, against floods in which every packet is a new member:
 *  1. While old members wait, sparse ones get ahead of them by LEAD_BYTES_MAX at most. From then on both have
 *     the same bytes.
 *  2. The RFC has one list of sparse members. Here whoever is known goes before those who are new.
 * With fewer sparse members than fill half of the line both are the RFC's order, but that known members do
 * not wait for new ones.
 */
import { turnShare } from '../../algo/queues/host-isolation.ts';
import { NONE } from '../../base/none.ts';
import type { FairHosts } from './fair-hosts.ts';
import {
  BACKLOG_BYTES,
  BULK,
  clearLists,
  countSent,
  DECAYING,
  DEFICIT_BYTES,
  HEAD,
  HOST,
  IDLE,
  isKnown,
  KNOWN,
  KNOWN_FIRST,
  LEAD_BYTES,
  NEW,
  NEW_BYTES,
  NEW_FIRST,
  NEXT,
  OLD_FIRST,
  OLD_LAST,
  OTHER_HOST,
  STATE,
  stateOf,
} from './fair-records.ts';

/** Eight full-sized packets: 10 ms at 10 Mbit/s. */
const LEAD_BYTES_MAX = 8 * 1514;

export class FairTurns {
  /** The lists, those of a group at `lists[g]`. */
  private lists: Int32Array;
  /** The records of the members. */
  private readonly words: Int32Array;
  private readonly floats: Float64Array;
  private readonly hosts: FairHosts;
  /** Whether the members are hosts, else flow queues. */
  private readonly isOfHosts: boolean;

  constructor(
    lists: Int32Array,
    words: Int32Array,
    floats: Float64Array,
    hosts: FairHosts,
    isOfHosts: boolean,
  ) {
    this.lists = lists;
    this.words = words;
    this.floats = floats;
    this.hosts = hosts;
    this.isOfHosts = isOfHosts;
  }

  /** Goes on with other lists: groups have changed. */
  setLists(lists: Int32Array): void {
    this.lists = lists;
  }

  /** Member `m` has its first packet, or a further one. Returns whether it was idle. */
  join(g: number, m: number, quantumBytes: number): boolean {
    const { words } = this;
    const state = stateOf(words, m);
    if (state === DECAYING) this.setState(m, BULK);
    if (state !== IDLE) return false;
    const known = isKnown(words, m);
    this.setState(m, known ? KNOWN : NEW);
    this.floats[(m + DEFICIT_BYTES) >> 1] = quantumBytes;
    if (!known) this.lists[g + NEW_BYTES] += words[m + BACKLOG_BYTES];
    this.append(g + (known ? KNOWN_FIRST : NEW_FIRST), m);
    return true;
  }

  /** The member whose turn it is. A member of the group must have packets. */
  pick(g: number, quantumBytes: number): number {
    const { words, floats, lists } = this;
    for (;;) {
      const from = this.nextList(g);
      const m = lists[from];
      const isSparse = from !== g + OLD_FIRST;
      if (floats[(m + DEFICIT_BYTES) >> 1] <= 0) {
        // The only old member stays where it is.
        if (isSparse || words[m + NEXT] !== NONE) {
          lists[from] = words[m + NEXT];
          if (isSparse) this.becomeOld(g, m);
          this.append(g + OLD_FIRST, m);
        }
        this.addQuanta(g, m, quantumBytes);
      } else if (words[m + HEAD] !== NONE) {
        return m;
      } else {
        lists[from] = words[m + NEXT];
        const decays = isSparse && lists[g + OLD_FIRST] !== NONE;
        this.setState(m, decays ? DECAYING : IDLE);
        if (decays) this.append(g + OLD_FIRST, m);
      }
    }
  }

  /** Member `m` has sent a packet of so many bytes in its turn. */
  charge(g: number, m: number, bytes: number): void {
    const { lists, words } = this;
    this.floats[(m + DEFICIT_BYTES) >> 1] -= bytes;
    countSent(words, m);
    const state = stateOf(words, m);
    if (state === NEW || state === KNOWN) {
      if (lists[g + OLD_FIRST] !== NONE) lists[g + LEAD_BYTES] += bytes;
    } else if (lists[g + LEAD_BYTES] > 0) {
      lists[g + LEAD_BYTES] = Math.max(0, lists[g + LEAD_BYTES] - bytes);
    }
  }

  /** Lets the next turn pass in a group where no packet waits. Returns false if the group has no members. */
  passTurn(g: number, quantumBytes: number): boolean {
    const { lists, words } = this;
    const from = this.nextList(g);
    const m = lists[from];
    if (m === NONE) return false;
    lists[from] = words[m + NEXT];
    const owes = this.floats[(m + DEFICIT_BYTES) >> 1] <= 0;
    this.setState(m, owes ? DECAYING : IDLE);
    if (!owes) return true;
    this.append(g + OLD_FIRST, m);
    this.addQuanta(g, m, quantumBytes);
    return true;
  }

  /** Makes all members of a group idle in which no packet waits. */
  clear(g: number): void {
    const { lists, words } = this;
    for (let m = lists[g + KNOWN_FIRST]; m !== NONE; m = words[m + NEXT]) this.setState(m, IDLE);
    for (let m = lists[g + NEW_FIRST]; m !== NONE; m = words[m + NEXT]) this.setState(m, IDLE);
    for (let m = lists[g + OLD_FIRST]; m !== NONE; m = words[m + NEXT]) this.setState(m, IDLE);
    clearLists(lists, g);
  }

  /** The members that have turns. */
  members(g: number): number[] {
    const { lists, words } = this;
    const all: number[] = [];
    for (const list of [KNOWN_FIRST, NEW_FIRST, OLD_FIRST])
      for (let m = lists[g + list]; m !== NONE; m = words[m + NEXT]) all.push(m);
    return all;
  }

  /** First new member that has packets; NONE if there is none. Empty ones before it become idle. */
  firstNew(g: number): number {
    const { lists, words } = this;
    for (let m = lists[g + NEW_FIRST]; m !== NONE; m = lists[g + NEW_FIRST]) {
      if (words[m + HEAD] !== NONE) return m;
      lists[g + NEW_FIRST] = words[m + NEXT];
      this.setState(m, IDLE);
    }
    return NONE;
  }

  /** Counts bytes that come to a member, or go if they are negative. */
  addBacklog(g: number, m: number, bytes: number): void {
    const { lists, words } = this;
    words[m + BACKLOG_BYTES] += bytes;
    if (stateOf(words, m) === NEW) lists[g + NEW_BYTES] += bytes;
  }

  /** The part of a quantum that a turn of `m` is worth: less than 1 under `triple` only. */
  share(m: number): number {
    const { words, hosts } = this;
    const other = words[m + OTHER_HOST];
    return other === NONE ? 1 : turnShare(hosts.bulk(words[m + HOST]), hosts.bulk(other));
  }

  private nextList(g: number): number {
    const { lists } = this;
    const sparse = lists[g + KNOWN_FIRST] !== NONE ? g + KNOWN_FIRST : g + NEW_FIRST;
    if (lists[g + OLD_FIRST] === NONE) return sparse;
    if (lists[sparse] === NONE) return g + OLD_FIRST;
    if (lists[g + LEAD_BYTES] < LEAD_BYTES_MAX) return sparse;
    // A member that has used up its quantum becomes an old one at once.
    return this.floats[(lists[sparse] + DEFICIT_BYTES) >> 1] <= 0 ? sparse : g + OLD_FIRST;
  }

  /** Members in state BULK are counted for `triple`, so the state is written here only. */
  setState(m: number, state: number): void {
    const { words } = this;
    const before = stateOf(words, m);
    words[m + STATE] += state - before;
    // The last link to a host that has no flow queues any more. Its record keeps its words for the caller.
    if (state === IDLE && this.isOfHosts) this.hosts.endIfUnused(m);
    const other = words[m + OTHER_HOST];
    if (other === NONE || (before === BULK) === (state === BULK)) return;
    this.hosts.addBulk(words[m + HOST], other, state === BULK ? 1 : -1);
  }

  /** New or known member `m` has used up its first quantum. */
  private becomeOld(g: number, m: number): void {
    const { lists, words } = this;
    if (stateOf(words, m) === NEW) lists[g + NEW_BYTES] -= words[m + BACKLOG_BYTES];
    this.setState(m, words[m + HEAD] === NONE ? DECAYING : BULK);
  }

  /** Gives `m` a quantum, or as many as it needs if it is the only member. */
  private addQuanta(g: number, m: number, quantumBytes: number): void {
    const { floats } = this;
    const deficit = (m + DEFICIT_BYTES) >> 1;
    const portion = quantumBytes * this.share(m);
    const owedBytes = -floats[deficit];
    // One is enough nearly always.
    if (owedBytes < portion || !this.isAlone(g, m)) floats[deficit] += portion;
    else floats[deficit] += (Math.floor(owedBytes / portion) + 1) * portion;
  }

  /** Whether `m` is the only member. */
  private isAlone(g: number, m: number): boolean {
    const { lists } = this;
    const hasSparse = lists[g + NEW_FIRST] !== NONE || lists[g + KNOWN_FIRST] !== NONE;
    return !hasSparse && lists[g + OLD_FIRST] === m && lists[g + OLD_LAST] === m;
  }

  private append(list: number, m: number): void {
    const { lists, words } = this;
    words[m + NEXT] = NONE;
    if (lists[list] === NONE) lists[list] = m;
    else words[lists[list + 1] + NEXT] = m;
    lists[list + 1] = m;
  }
}
