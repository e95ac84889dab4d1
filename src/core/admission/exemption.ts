/**
 * Packets that must not be dropped: TCP to and from the ports of this host that `local.exempt` names, by
 * default SSH, so that a person can still log in when a link is full. They are charged like all others, and
 * wait like all others. Two bounds keep them from starving others; a packet beyond a bound is a packet like
 * any other.
 *
 *  1. A token bucket per direction. Its rate is the configured share of the direction's rate.
 *  2. Half of a leaf's limit. If the leaf sends them more slowly than the share brings them, they pile up
 *     there. The other half always has packets that a full leaf can evict for a packet of others.
 */
import {
  conforms,
  createTokenBuckets,
  fillBucket,
  inheritBucket,
  type TokenBuckets,
  takeTokens,
} from '../../algo/buckets/token-bucket.ts';
import { NONE } from '../../base/none.ts';
import type { ExemptSpec } from '../../spec/spec.ts';
import type { ClassChange } from '../classes/change.ts';
import type { ClassInfo } from '../classes/classes.ts';
import type { Backlog } from '../packets/backlog.ts';
import { FLAG_NEVER_DROP, type HeldTable } from '../packets/held.ts';

/** An interactive session over a slow line: ten keys a second with their echoes, of 100 bytes each. */
const RATE_BYTES_PER_SEC_MIN = 1000;
/** The share never is more than this part of a direction that is slower than that. */
const RATE_PART_MAX = 0.5;
/** A screen that is drawn anew: four full-sized packets. */
const BURST_BYTES_MIN = 6000;
const BURST_SECONDS = 1;
const LIMIT_PART = 0.5;

export class Exemption {
  private readonly held: HeldTable;
  private readonly backlog: Backlog;
  /** By direction: a row for each class, of which those of the roots are used. */
  private readonly buckets: TokenBuckets;
  private readonly rootOf: Int16Array;
  private readonly bytesMax: Float64Array;
  private readonly packetsMax: Float64Array;
  private readonly isUsed: boolean;

  constructor(classes: readonly ClassInfo[], { share }: ExemptSpec, held: HeldTable, backlog: Backlog) {
    this.held = held;
    this.backlog = backlog;
    this.isUsed = share > 0;
    this.buckets = createTokenBuckets(classes.length);
    this.rootOf = Int16Array.from(classes, (info) => info.root);
    this.bytesMax = Float64Array.from(classes, ({ spec }) => LIMIT_PART * (spec.queue?.limitBytes ?? 0));
    this.packetsMax = Float64Array.from(classes, ({ spec }) => LIMIT_PART * (spec.queue?.limitPackets ?? 0));
    for (const [row, { parent, spec }] of classes.entries()) {
      if (parent !== NONE || !this.isUsed) continue;
      const rateBytesPerSec = exemptRate(spec.ceilBytesPerSec, share);
      const burstBytes = Math.max(BURST_BYTES_MIN, BURST_SECONDS * rateBytesPerSec);
      fillBucket(this.buckets, row, rateBytesPerSec, burstBytes);
    }
  }

  /** Takes over the tokens of the directions. */
  inherit(from: Exemption, { classes, oldRow, nowNs }: ClassChange): void {
    if (!this.isUsed || !from.isUsed) return;
    for (const [row, { parent }] of classes.entries()) {
      const old = oldRow[row];
      if (parent === NONE && old !== NONE) inheritBucket(this.buckets, row, from.buckets, old, nowNs);
    }
  }

  /** Settles whether packet `h` of an exempt port must not be dropped by its leaf. Returns its flags. */
  settle(h: number, nowNs: number): number {
    const { flags } = this.held;
    if (!this.grants(h, nowNs)) flags[h] &= ~FLAG_NEVER_DROP;
    return flags[h];
  }

  /**
   * Whether packet `h`, which has come to its leaf by an exempt port, must not be dropped there. If so, it
   * has taken its tokens. One such packet always has room in a leaf.
   */
  grants(h: number, nowNs: number): boolean {
    if (!this.isUsed) return false;
    const { backlog, buckets, held } = this;
    const leaf = held.leaf[h];
    const isRoomTaken =
      backlog.exemptBytes(leaf) + held.lengthBytes[h] > this.bytesMax[leaf] ||
      backlog.exemptPackets(leaf) + 1 > this.packetsMax[leaf];
    if (isRoomTaken && backlog.exemptPackets(leaf) > 0) return false;
    const root = this.rootOf[leaf];
    if (!conforms(buckets, root, held.chargeBytes[h], nowNs)) return false;
    takeTokens(buckets, root, held.chargeBytes[h], nowNs);
    return true;
  }
}

function exemptRate(rateBytesPerSec: number, share: number): number {
  const least = Math.min(RATE_BYTES_PER_SEC_MIN, RATE_PART_MAX * rateBytesPerSec);
  return Math.max(least, share * rateBytesPerSec);
}
