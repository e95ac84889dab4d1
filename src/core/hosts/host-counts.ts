/**
 * Counts what passes of hosts, and what is dropped. Verdicts are counted at the end of their batch, many in a
 * row (FlowTable.settle), and before an address moves to another host. Each is noted by its tag, so that it
 * can be taken back if the kernel no longer had the packet (core/lost.ts).
 *
 * A packet has two ends. An end that is inside is named by the number of its address in 16 bits, the other
 * one by 0; both together are the pair of the packet: the source in the low half, the destination in the
 * high one. What the source sends counts up, what the destination gets counts down. So a packet between two
 * inside hosts counts up for one and down for the other.
 *
 * A host may have gone before the kernel tells that a packet was lost: it had to make room, or another one
 * has its counts. Then the packet stays counted where it is, if anywhere: a lost packet is looked for in the
 * row that its host had, and not if another host has begun there since.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { NONE } from '../../base/none.ts';
import { VERDICT_LOG_ROWS } from '../../limits.ts';
import type { Addresses } from './addresses.ts';
import {
  ADDRESS_HOST,
  ADDRESS_SHIFT,
  DOWN_BYTES,
  DOWN_DROPPED,
  DOWN_PACKETS,
  HOST_LAST_NS,
  HOST_SHIFT,
  UP_BYTES,
  UP_DROPPED,
  UP_PACKETS,
} from './host-layout.ts';
import type { HostTable } from './host-table.ts';

const LOG_MASK = VERDICT_LOG_ROWS - 1;
const TAG_MASK = 0x7fffffff;

export class HostCounts {
  private readonly table: HostTable;
  private readonly addressWords: Int32Array;
  private readonly floats: Float64Array;
  /** By tag: numbers of the rows of both hosts, as in a pair. */
  private readonly logged: Int32Array;
  /** Instant of the batch. */
  private nowNs = FLOAT_ZERO;

  /** Without `isUsed` nobody counts. */
  constructor(table: HostTable, addresses: Addresses, isUsed: boolean) {
    this.table = table;
    this.floats = table.floats;
    this.addressWords = addresses.words;
    this.logged = new Int32Array(isUsed ? VERDICT_LOG_ROWS : 0);
  }

  nowIs(nowNs: number): void {
    this.nowNs = nowNs;
  }

  /**
   * The first `count` packets have the next verdicts: accepted with so many bytes, or dropped (NONE). Every
   * verdict is counted, in the order of the log, so that tags agree. All packets come here.
   */
  count(pairs: Int32Array, passedBytes: Int32Array, count: number): void {
    const { addressWords, floats, logged, nowNs } = this;
    let tag = this.table.lastTag;
    let sumBytes = 0;
    for (let n = 0; n < count; n++) {
      const pair = pairs[n];
      const bytes = passedBytes[n];
      let rows = 0;
      if ((pair & 0xffff) !== 0) {
        const source = addressWords[((pair & 0xffff) << ADDRESS_SHIFT) + ADDRESS_HOST];
        rows = source >> HOST_SHIFT;
        if (bytes === NONE) floats[(source + UP_DROPPED) >> 1] += 1;
        else {
          sumBytes += bytes;
          floats[(source + UP_BYTES) >> 1] += bytes;
          floats[(source + UP_PACKETS) >> 1] += 1;
          floats[(source + HOST_LAST_NS) >> 1] = nowNs;
        }
      }
      if (pair >>> 16 !== 0) {
        const destination = addressWords[((pair >>> 16) << ADDRESS_SHIFT) + ADDRESS_HOST];
        rows |= (destination >> HOST_SHIFT) << 16;
        if (bytes === NONE) floats[(destination + DOWN_DROPPED) >> 1] += 1;
        else {
          sumBytes += bytes;
          floats[(destination + DOWN_BYTES) >> 1] += bytes;
          floats[(destination + DOWN_PACKETS) >> 1] += 1;
          floats[(destination + HOST_LAST_NS) >> 1] = nowNs;
        }
      }
      tag = (tag + 1) & TAG_MASK;
      logged[tag & LOG_MASK] = rows;
    }
    this.table.lastTag = tag;
    this.table.growthBytes += sumBytes;
  }

  /** The kernel no longer had the packet of `tag`. */
  lost(tag: number, lengthBytes: number, wasAccepted: boolean): void {
    const rows = this.logged[tag & LOG_MASK];
    const source = (rows & 0xffff) << HOST_SHIFT;
    const destination = (rows >>> 16) << HOST_SHIFT;
    if (this.table.isAsOld(source, tag))
      this.takeBack(source, wasAccepted, UP_BYTES, UP_PACKETS, UP_DROPPED, lengthBytes);
    if (this.table.isAsOld(destination, tag))
      this.takeBack(destination, wasAccepted, DOWN_BYTES, DOWN_PACKETS, DOWN_DROPPED, lengthBytes);
  }

  private takeBack(
    host: number,
    wasAccepted: boolean,
    bytes: number,
    packets: number,
    dropped: number,
    lengthBytes: number,
  ): void {
    const { floats } = this;
    if (wasAccepted) {
      floats[(host + bytes) >> 1] -= lengthBytes;
      floats[(host + packets) >> 1] -= 1;
    } else floats[(host + dropped) >> 1] -= 1;
  }
}
