/**
 * Limits of hosts as the engine sees them: what becomes of a packet of a host that has used up its quota,
 * before it comes to any class. Nothing of it takes memory until a host is limited.
 *
 *   packet > host of its source (up), host of its destination (down)
 *            throttled: waits for the bucket of that host and direction (host-buckets.ts)
 *            blocked: dropped; stopped with the page: the same, but for what allowed.ts says
 *          > its classes, as ever
 *
 * A host has counts from which on something else holds (`…BytesMax`). They are compared when its next packet
 * comes, or is due: so the packet that crosses the maximum passes, and the next one is limited. Packets that
 * have passed here may wait in their classes meanwhile. Those of a host that is stopped by then are dropped
 * when their turn comes. Those of a host that is throttled by then leave: it goes on sending anyway.
 *
 * Packets to ports of this machine that must never be dropped (`local.exempt`) pass.
 */
import { NONE } from '../../base/none.ts';
import { NF_INET_FORWARD } from '../../packet/batch.ts';
import { NO_ROOM, PASSES } from '../each/each.ts';
import {
  DOWN,
  HOST_FLAGS,
  HOST_GENERATION,
  HOST_OWN,
  HOST_SHIFT,
  HOST_WORDS,
  NEWS_LIMIT,
  NOBODY,
  UP,
} from '../hosts/host-layout.ts';
import { type HostLimits, LIMIT_BLOCK, LIMIT_NONE, LIMIT_PAGE, LIMIT_THROTTLE } from '../hosts/update.ts';
import { FLAG_CE, FLAG_MARKED, FLAG_PASSED_HOST } from '../packets/held.ts';
import { DROP_AQM, DROP_POLICE, DROP_TAIL } from '../packets/ledger.ts';
import { AllClear } from './all-clear.ts';
import { allowList, isAllowed } from './allowed.ts';
import { HostBuckets, type LimitParts } from './host-buckets.ts';
import { Leaving } from './leaving.ts';
import { type HostLimitState, limitStates } from './limit-states.ts';
import { HAS_MAX, IS_OVER, KIND_MASK, LimitTable, PACKET_BYTES_MAX } from './limit-table.ts';

export class LimitStage {
  /** Whether any host has a limit, or a count from which it would have one. */
  isUsed = false;
  private readonly parts: LimitParts;
  private readonly addresses: LimitParts['hosts']['addresses'];
  private table: LimitTable | null = null;
  private buckets: HostBuckets | null = null;
  private allClear: AllClear | null = null;
  /** By bucket: 1 if the direction is throttled. */
  private isRated = new Uint8Array(0);
  private readonly leaving: Leaving;

  constructor(parts: LimitParts) {
    this.parts = parts;
    this.addresses = parts.hosts.addresses;
    this.leaving = new Leaving(parts.held);
  }

  /** Whether next() or popDropped() has packets that nobody has taken since take() or update(). */
  get hasLeaving(): boolean {
    return this.leaving.isAny;
  }

  /** Why the packet of the last popDropped() is dropped: DROP_* of the ledger. */
  get lastReason(): number {
    return this.leaving.lastReason;
  }

  /** Takes the memory for limits, so that the first update finds it. */
  prepare(): void {
    if (this.table !== null) return;
    const hosts = this.parts.hosts.table.words.length / HOST_WORDS;
    this.table = new LimitTable(hosts);
    this.buckets = new HostBuckets(hosts, this.parts);
    this.allClear = new AllClear(this.table, this.parts.hosts.table);
    this.isRated = new Uint8Array(2 * hosts);
  }

  /** Limits hold from now on. What they let go comes by next(), what they drop by popDropped(). */
  update(limits: HostLimits, nowNs: number): void {
    this.prepare();
    const [{ words }, table] = [this.parts.hosts.table, this.table!];
    const { host, generation, kind, upBytesPerSec, downBytesPerSec } = limits;
    const lists = limits.allow.map(allowList);
    this.allClear!.forget();
    for (let r = 0; r < host.length; r++) {
      const row = host[r];
      if (row <= 0 || row >= words.length || words[row + HOST_GENERATION] !== generation[r]) continue;
      const i = row >> HOST_SHIFT;
      const isOwn = (words[row + HOST_FLAGS] & HOST_OWN) !== 0;
      if (isOwn || table.generation(i) !== generation[r]) this.begin(i, generation[r], nowNs);
      if (isOwn) continue;
      table.set(i, limits, r, lists);
      this.act(i, kind[r], upBytesPerSec[r], downBytesPerSec[r], nowNs);
    }
    this.isUsed = table.size > 0 || !this.leaving.isEmpty;
  }

  /**
   * Whether no packet of a batch can meet a limit, so that take() need not be asked. `bytes` are those of the
   * batch and of all packets that are held: more cannot pass before the next one.
   */
  lets(bytes: number, nowNs: number): boolean {
    if (!this.leaving.isEmpty) return false;
    if (this.parts.flows.givenCount > 0) this.parts.flows.settle();
    return this.allClear!.holdsFor(bytes, nowNs);
  }

  /**
   * Whether packet `h`, which has just come, is held or dropped. `isNeighbourly` if it is a message between
   * neighbours. If hasLeaving, ask next() and popDropped() then; what next() has goes before `h`.
   */
  take(h: number, isNeighbourly: boolean, nowNs: number, horizonNs: number): boolean {
    const { held, flows } = this.parts;
    if (held.neverDrop(h)) return false;
    const pair = flows.hosts.pairOf(h, held.flow[h]);
    const source = this.addresses.sourceHost(pair);
    if (!this.isFree(source) && this.meets(source, UP, h, isNeighbourly, nowNs, horizonNs)) return true;
    const destination = this.addresses.destinationHost(pair);
    return !this.isFree(destination) && this.meets(destination, DOWN, h, isNeighbourly, nowNs, horizonNs);
  }

  /**
   * Whether packet `h`, which has waited in its class and has its turn, belongs to a host that is stopped by
   * now.
   */
  stops(h: number, nowNs: number): boolean {
    const { held, flows } = this.parts;
    if (held.neverDrop(h)) return false;
    const pair = flows.hosts.pairOf(h, held.flow[h]);
    const destination = this.addresses.destinationHost(pair);
    if (this.isStopped(destination, DOWN, h, nowNs)) return true;
    return this.isStopped(this.addresses.sourceHost(pair), UP, h, nowNs);
  }

  /** The next packet that goes on to its classes, from its readyNs on; NONE if none does by the horizon. */
  next(nowNs: number, horizonNs: number): number {
    const { leaving, buckets } = this;
    const ready = leaving.popReady();
    if (ready !== NONE) return ready;
    while (buckets !== null && buckets.nextDueNs() <= horizonNs) {
      const e = buckets.dueBucket();
      if (this.isOver(e >> 1, nowNs)) {
        const released = leaving.popReady();
        if (released !== NONE) return released;
        continue;
      }
      const h = buckets.pop();
      if (buckets.lastIsDropped) this.leaving.drop(h, DROP_AQM);
      else if (!this.goesToOther(e, h, nowNs, horizonNs)) return h;
    }
    return NONE;
  }

  /** The next packet that is dropped for `lastReason`; NONE if none is. */
  popDropped(): number {
    return this.leaving.popDropped();
  }

  /** Instant at which a packet goes on; Infinity if none waits. */
  nextDueNs(): number {
    if (!this.isUsed || this.buckets === null) return Number.POSITIVE_INFINITY;
    return this.leaving.isEmpty ? this.buckets.nextDueNs() : 0;
  }

  /** Forgets idle flow queues. */
  sweep(nowNs: number): void {
    this.buckets!.sweep(nowNs);
    this.isUsed = this.table!.size > 0 || !this.leaving.isEmpty;
  }

  /** Takes out all packets that wait, whatever their tokens, those of a flow in their order. */
  takeAll(): number[] {
    const { buckets, leaving } = this;
    if (buckets === null) return [];
    const all = leaving.takeReady();
    // Packets that wait for a bucket of `down` may have passed one of `up`: they are older.
    const busy = buckets.busy().sort((a, b) => (b & 1) - (a & 1) || a - b);
    for (const e of busy) for (const h of buckets.drain(e)) all.push(h);
    return all;
  }

  /** All packets that wait. They stay. */
  waiting(): number[] {
    const { buckets, leaving } = this;
    if (buckets === null) return [];
    return [...leaving.listReady(), ...buckets.busy().flatMap((e) => buckets.list(e))];
  }

  /** What waits here. */
  backlog(): { readonly packets: number; readonly bytes: number } {
    const { lengthBytes } = this.parts.held;
    const waiting = this.waiting();
    return { packets: waiting.length, bytes: waiting.reduce((sum, h) => sum + lengthBytes[h], 0) };
  }

  /** Waiting packets of these, which the kernel has discarded, leave at once, for nothing. */
  letGo(lost: ReadonlySet<number>, nowNs: number): void {
    const { buckets, leaving } = this;
    if (buckets === null) return;
    for (const e of buckets.busy()) {
      const packets = buckets.list(e);
      if (!packets.some((h) => lost.has(h))) continue;
      buckets.drain(e);
      for (const h of packets) if (lost.has(h) || !buckets.rejoin(e, h, nowNs)) leaving.goesOn(h);
    }
  }

  /** Gives back what a packet of flow `f`, which was lost, took of the buckets of its hosts at `takenNs`. */
  giveBack(f: number, lengthBytes: number, takenNs: number, nowNs: number): void {
    const { flows } = this.parts;
    if (this.buckets === null || f === NONE) return;
    const pair = flows.hosts.pairOf(NONE, f);
    const up = 2 * (this.addresses.sourceHost(pair) >> HOST_SHIFT) + UP;
    const down = 2 * (this.addresses.destinationHost(pair) >> HOST_SHIFT) + DOWN;
    for (const e of [up, down])
      if (this.isRated[e] === 1) this.buckets.giveBack(e, lengthBytes, takenNs, nowNs);
  }

  /** How the hosts of flow `f` are limited, for people. */
  inspect(f: number, nowNs: number): HostLimitState[] {
    const { flows } = this.parts;
    const pair = flows.hosts.pairOf(NONE, f);
    const { table, buckets } = this;
    if (table === null || buckets === null) return [];
    return [this.addresses.sourceHost(pair), this.addresses.destinationHost(pair)].flatMap(
      (row, direction) => {
        const i = row >> HOST_SHIFT;
        return this.isOf(i) ? limitStates(table, buckets, this.isRated, i, direction, nowNs) : [];
      },
    );
  }

  /** What a packet of host `row` meets in a direction. Returns whether it is held or dropped. */
  private meets(
    row: number,
    direction: number,
    h: number,
    isNeighbourly: boolean,
    nowNs: number,
    horizonNs: number,
  ): boolean {
    const i = row >> HOST_SHIFT;
    if (!this.isOf(i)) return false;
    this.isOver(i, nowNs);
    const kind = this.table!.state[i] & KIND_MASK;
    if (kind === LIMIT_NONE) return false;
    if (kind === LIMIT_THROTTLE) return this.throttles(2 * i + direction, h, nowNs, horizonNs);
    if ((isNeighbourly && kind === LIMIT_PAGE) || !this.isRefused(i, kind, direction, h)) return false;
    this.leaving.drop(h, DROP_POLICE);
    return true;
  }

  /** Whether host `row` is stopped, and packet `h` of that direction with it. */
  private isStopped(row: number, direction: number, h: number, nowNs: number): boolean {
    const { state } = this.table!;
    const i = row >> HOST_SHIFT;
    if (this.isFree(row) || !this.isOf(i)) return false;
    this.isOver(i, nowNs);
    const kind = state[i] & KIND_MASK;
    return this.isRefused(i, kind, direction, h);
  }

  /**
   * Whether host `i` is stopped (`kind`), and packet `h` with it. What this machine itself sends and gets
   * passes: the page, names, and the resets of rules.
   */
  private isRefused(i: number, kind: number, direction: number, h: number): boolean {
    const { flows, held } = this.parts;
    if (kind < LIMIT_BLOCK || held.hook(h) !== NF_INET_FORWARD) return false;
    return kind === LIMIT_BLOCK || !isAllowed(flows, held.flow[h], direction === UP, this.table!.allowOf(i));
  }

  /** Whether packets of host `row` surely meet nothing. Nearly all packets end here. */
  private isFree(row: number): boolean {
    const { state, clearUntilBytes } = this.table!;
    const i = row >> HOST_SHIFT;
    if (state[i] === 0) return true;
    const { flows, hosts } = this.parts;
    const growthBytes = hosts.table.growthBytes + flows.givenCount * PACKET_BYTES_MAX;
    return state[i] === HAS_MAX && growthBytes <= clearUntilBytes[i];
  }

  private throttles(e: number, h: number, nowNs: number, horizonNs: number): boolean {
    if (this.isRated[e] === 0) return false;
    const buckets = this.buckets!;
    const { held } = this.parts;
    const answer = buckets.pass(e, h, held.mayWait(), nowNs, horizonNs);
    if (answer === PASSES) {
      held.flags[h] |= FLAG_PASSED_HOST;
      return false;
    }
    if (answer === NO_ROOM) this.leaving.drop(h, DROP_TAIL);
    for (let one = buckets.popEvicted(); one !== NONE; one = buckets.popEvicted())
      this.leaving.drop(one, DROP_TAIL);
    for (let ack = buckets.popRedundant(); ack !== NONE; ack = buckets.popRedundant())
      this.leaving.drop(ack, DROP_AQM);
    return true;
  }

  /** Packet `h` has left bucket `e`. Returns whether the other host of its flow holds or drops it. */
  private goesToOther(e: number, h: number, nowNs: number, horizonNs: number): boolean {
    const { held, flows } = this.parts;
    flows.measures.packetWaited(held, h, nowNs);
    held.flags[h] |= FLAG_PASSED_HOST;
    // No tree will count the mark of a packet that has none.
    if (held.leaf[h] === NONE && (held.flags[h] & FLAG_CE) !== 0)
      held.flags[h] = (held.flags[h] & ~FLAG_CE) | FLAG_MARKED;
    if ((e & 1) === DOWN) return false;
    const row = this.addresses.destinationHost(flows.hosts.pairOf(h, held.flow[h]));
    if (this.table!.state[row >> HOST_SHIFT] === 0) return false;
    return this.meets(row, DOWN, h, false, nowNs, horizonNs);
  }

  /** Whether what the table says is about the host that has row `i` now. */
  private isOf(i: number): boolean {
    return this.table!.generation(i) === this.parts.hosts.table.words[(i << HOST_SHIFT) + HOST_GENERATION];
  }

  /** Whether a count of host `i` has just exceeded its maximum. What follows from that holds then. */
  private isOver(i: number, nowNs: number): boolean {
    const table = this.table!;
    if ((table.state[i] & HAS_MAX) === 0) return false;
    const { flows, hosts } = this.parts;
    const { floats } = hosts.table;
    // Verdicts of this batch are counted many in a row. Near a maximum they are counted now.
    let isOver = table.isOver(i, floats, flows.givenCount * PACKET_BYTES_MAX);
    if (isOver) {
      flows.settle();
      isOver = table.isOver(i, floats, 0);
    }
    if (!isOver) {
      table.foundClear(i, floats, hosts.table.growthBytes);
      return false;
    }
    table.setState(i, (table.state[i] & ~HAS_MAX) | IS_OVER);
    this.act(i, table.thenKind(i), table.thenUpBytesPerSec(i), table.thenDownBytesPerSec(i), nowNs);
    hosts.news.tell(NEWS_LIMIT, NOBODY, i << HOST_SHIFT, NOBODY, nowNs);
    return true;
  }

  /** Row `i` is that of another host from now on, which has no limit. */
  private begin(i: number, generation: number, nowNs: number): void {
    const table = this.table!;
    this.act(i, LIMIT_NONE, 0, 0, nowNs);
    table.begin(i, generation);
    this.buckets!.reset(2 * i + UP);
    this.buckets!.reset(2 * i + DOWN);
  }

  /** Host `i` is limited so from now on: what waits goes on by that. */
  private act(i: number, kind: number, upBytesPerSec: number, downBytesPerSec: number, nowNs: number): void {
    const table = this.table!;
    table.setState(i, (table.state[i] & ~KIND_MASK) | kind);
    const isThrottled = kind === LIMIT_THROTTLE;
    this.rate(i, UP, isThrottled ? upBytesPerSec : Number.POSITIVE_INFINITY, nowNs);
    this.rate(i, DOWN, isThrottled ? downBytesPerSec : Number.POSITIVE_INFINITY, nowNs);
  }

  private rate(i: number, direction: number, bytesPerSec: number, nowNs: number): void {
    const buckets = this.buckets!;
    const e = 2 * i + direction;
    if (bytesPerSec < Number.POSITIVE_INFINITY) {
      this.isRated[e] = 1;
      buckets.setRate(e, bytesPerSec, nowNs);
      return;
    }
    this.isRated[e] = 0;
    if (buckets.waitingPackets(e) > 0) this.empty(i, e, nowNs);
  }

  /** Packets that wait for bucket `e` of host `i`, which is not throttled any more, go on or are dropped. */
  private empty(i: number, e: number, nowNs: number): void {
    const { held } = this.parts;
    const kind = this.table!.state[i] & KIND_MASK;
    for (const h of this.buckets!.drain(e)) {
      if (this.isRefused(i, kind, e & 1, h)) this.leaving.drop(h, DROP_POLICE);
      else if (!this.goesToOther(e, h, nowNs, nowNs)) {
        // Tokens of its classes from before are not for this packet.
        held.setReadyNs(h, nowNs);
        this.leaving.goesOn(h);
      }
    }
  }
}
