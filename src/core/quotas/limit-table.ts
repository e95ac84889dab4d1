/**
 * What holds for each host now: nothing, a rate, or a stop; the counts from which something else holds; and
 * what that is. A host without limits costs a packet one look at `state`.
 *
 *   host 7   state THROTTLE | HAS_MAX   down may reach 10.0 GB, now 9.9   then BLOCK
 */
import { DOWN_BYTES, HOST_SHIFT, UP_BYTES } from '../hosts/host-layout.ts';
import type { HostLimits } from '../hosts/update.ts';
import { type AllowList, NOTHING_ALLOWED } from './allowed.ts';

/** The longest superpacket (GSO_MAX_SIZE of Linux). */
export const PACKET_BYTES_MAX = 0x80000;

/** The bits of `state` that say LIMIT_*. */
export const KIND_MASK = 3;
/** The host has a count from which something else holds. */
export const HAS_MAX = 4;
/** That count has been exceeded: what holds is `then…`. */
export const IS_OVER = 8;

// Fields of a record of eight float64: one cache line, which every packet of a host with a maximum reads.
const RECORD_SHIFT = 3;
const UP_MAX = 0;
const DOWN_MAX = 1;
const TOTAL_MAX = 2;
const THEN_UP = 3;
const THEN_DOWN = 4;
const THEN_KIND = 5;
/** Generation of the host for which it holds; 0: none. */
const GENERATION = 6;

/** Of clearUntilBytes: it must be looked at. */
const UNKNOWN = -1;

export class LimitTable {
  /** By host (its row >> HOST_SHIFT): LIMIT_* and the bits above; 0: no limit. */
  readonly state: Uint8Array;
  /**
   * By host that HAS_MAX: while no count of any host has grown beyond it (HostTable.growthBytes), none of
   * this one has exceeded its maximum. So most packets need neither its record nor its counts.
   */
  readonly clearUntilBytes: Float64Array;
  /** Hosts whose state is not 0, those that have gone too. */
  size = 0;
  /** Those of them that are limited, or have been over a maximum. */
  restricted = 0;
  private readonly records: Float64Array;
  /** Of hosts that are stopped with the page, or will be. */
  private readonly allow = new Map<number, AllowList>();

  constructor(hosts: number) {
    this.state = new Uint8Array(hosts);
    this.records = new Float64Array(hosts << RECORD_SHIFT);
    this.clearUntilBytes = new Float64Array(hosts).fill(UNKNOWN);
  }

  generation(i: number): number {
    return this.records[(i << RECORD_SHIFT) + GENERATION];
  }

  /** Row `i` is that of another host from now on, which has no limit. */
  begin(i: number, generation: number): void {
    this.setState(i, 0);
    this.records[(i << RECORD_SHIFT) + GENERATION] = generation;
  }

  thenKind(i: number): number {
    return this.records[(i << RECORD_SHIFT) + THEN_KIND];
  }

  thenUpBytesPerSec(i: number): number {
    return this.records[(i << RECORD_SHIFT) + THEN_UP];
  }

  thenDownBytesPerSec(i: number): number {
    return this.records[(i << RECORD_SHIFT) + THEN_DOWN];
  }

  /** Row `r` of `limits` holds for host `i` from now on, but for its kind. `lists` are its lists. */
  set(i: number, limits: HostLimits, r: number, lists: readonly AllowList[]): void {
    const { records } = this;
    const at = i << RECORD_SHIFT;
    const upMax = limits.upBytesMax[r];
    const downMax = limits.downBytesMax[r];
    const totalMax = limits.totalBytesMax[r];
    records[at + UP_MAX] = upMax;
    records[at + DOWN_MAX] = downMax;
    records[at + TOTAL_MAX] = totalMax;
    records[at + THEN_UP] = limits.thenUpBytesPerSec[r];
    records[at + THEN_DOWN] = limits.thenDownBytesPerSec[r];
    records[at + THEN_KIND] = limits.thenKind[r];
    const list = lists[limits.allowList[r]];
    if (list !== undefined && list.prefixes.length > 0) this.allow.set(i, list);
    else if (this.allow.size > 0) this.allow.delete(i);
    this.clearUntilBytes[i] = UNKNOWN;
    const hasMax = Math.min(upMax, downMax, totalMax) < Number.POSITIVE_INFINITY;
    this.setState(i, (this.state[i] & KIND_MASK) | (hasMax ? HAS_MAX : 0));
  }

  setState(i: number, state: number): void {
    const before = this.state[i];
    this.size += (state === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    this.restricted += ((state & ~HAS_MAX) === 0 ? 0 : 1) - ((before & ~HAS_MAX) === 0 ? 0 : 1);
    this.state[i] = state;
  }

  /**
   * Whether a count of host `i`, which HAS_MAX, would exceed its maximum with so many bytes more. `floats`
   * are the hosts' records.
   */
  isOver(i: number, floats: Float64Array, moreBytes: number): boolean {
    const { records } = this;
    const at = i << RECORD_SHIFT;
    const host = i << (HOST_SHIFT - 1);
    const up = floats[host + (UP_BYTES >> 1)] + moreBytes;
    const down = floats[host + (DOWN_BYTES >> 1)] + moreBytes;
    return up > records[at + UP_MAX] || down > records[at + DOWN_MAX] || up + down > records[at + TOTAL_MAX];
  }

  /** Host `i` is within its maxima now that no count has grown by more than `growthBytes`. */
  foundClear(i: number, floats: Float64Array, growthBytes: number): void {
    this.clearUntilBytes[i] = growthBytes + this.leftBytes(i, floats);
  }

  /**
   * By how much the counts of host `i` may grow before one exceeds its maximum. A packet from the host to
   * itself counts twice in the total.
   */
  leftBytes(i: number, floats: Float64Array): number {
    const { records } = this;
    const at = i << RECORD_SHIFT;
    const host = i << (HOST_SHIFT - 1);
    const up = floats[host + (UP_BYTES >> 1)];
    const down = floats[host + (DOWN_BYTES >> 1)];
    return Math.min(
      records[at + UP_MAX] - up,
      records[at + DOWN_MAX] - down,
      (records[at + TOTAL_MAX] - up - down) / 2,
    );
  }

  allowOf(i: number): AllowList {
    return this.allow.get(i) ?? NOTHING_ALLOWED;
  }
}
