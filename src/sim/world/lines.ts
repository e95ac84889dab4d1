/**
 * Lines between the nodes of the virtual world, each in one direction: a FIFO queue, a rate, a propagation
 * delay, random loss.
 *
 *   packet > [ queue, limitBytes ] > transmission, length / rate > loss > propagation, delay > next hop
 *
 * The state of a line is an instant: when its transmitter is free again. Its queue is that instant minus now,
 * times the rate. Packets keep their order, so a line needs one entry on the agenda, for the packet that
 * arrives next. A packet costs one push to a FIFO, one shift, and one move on the agenda. Nothing is rounded
 * but to float64 nanoseconds.
 */
import type { Prng } from '../../base/prng.ts';
import { CE, PacketFifos, type PacketTable } from '../packets/packet-table.ts';
import type { EventHeap } from './event-heap.ts';

export interface LineSpec {
  /** Infinity means no transmission time. */
  readonly rateBytesPerSec: number;
  readonly delayNs: number;
  /** Probability that a packet is lost after its transmission, 0 to 1. */
  readonly lossProbability: number;
  /** Limit of the queue, the packet in transmission included. An empty queue takes any packet. */
  readonly limitBytes: number;
  /** ECN-capable packets that find more than this in the queue are marked CE. Infinity means never. */
  readonly ceAboveBytes: number;
}

/** A line that only delays. */
export function delayLine(delayNs: number): LineSpec {
  return {
    rateBytesPerSec: Number.POSITIVE_INFINITY,
    delayNs,
    lossProbability: 0,
    limitBytes: Number.POSITIVE_INFINITY,
    ceAboveBytes: Number.POSITIVE_INFINITY,
  };
}

/** The fate of a packet given to a line. */
export const TRAVELS = 0;
export const QUEUE_FULL = 1;
export const LOST = 2;

export class Lines {
  readonly count: number;
  readonly sentBytes: Float64Array;
  readonly fullPackets: Float64Array;
  readonly lostPackets: Float64Array;
  readonly markedPackets: Float64Array;
  private readonly rateBytesPerSec: Float64Array;
  private readonly delayNs: Float64Array;
  private readonly lossProbability: Float64Array;
  private readonly limitBytes: Float64Array;
  private readonly ceAboveBytes: Float64Array;
  private readonly freeAtNs: Float64Array;
  private readonly chance: readonly Prng[];
  private readonly fifos: PacketFifos;
  private readonly packets: PacketTable;
  private readonly agenda: EventHeap;

  /** Line l is row l of the agenda. `chance[l]` is its stream of chance. */
  constructor(specs: readonly LineSpec[], chance: readonly Prng[], packets: PacketTable, agenda: EventHeap) {
    const column = (pick: (spec: LineSpec) => number): Float64Array => Float64Array.from(specs, pick);
    this.count = specs.length;
    this.sentBytes = new Float64Array(specs.length);
    this.fullPackets = new Float64Array(specs.length);
    this.lostPackets = new Float64Array(specs.length);
    this.markedPackets = new Float64Array(specs.length);
    this.rateBytesPerSec = column((spec) => spec.rateBytesPerSec);
    this.delayNs = column((spec) => spec.delayNs);
    this.lossProbability = column((spec) => spec.lossProbability);
    this.limitBytes = column((spec) => spec.limitBytes);
    this.ceAboveBytes = column((spec) => spec.ceAboveBytes);
    this.freeAtNs = new Float64Array(specs.length);
    this.chance = chance;
    this.fifos = new PacketFifos(specs.length, packets);
    this.packets = packets;
    this.agenda = agenda;
  }

  /** Bytes that wait or are in transmission at `nowNs`. */
  backlogBytes(line: number, nowNs: number): number {
    const waitNs = this.freeAtNs[line] - nowNs;
    return waitNs > 0 ? (waitNs * this.rateBytesPerSec[line]) / 1e9 : 0;
  }

  /** Packet `p` comes to the line. Unless the result is TRAVELS, the row belongs to the caller again. */
  give(line: number, p: number, nowNs: number): number {
    const { packets } = this;
    const lengthBytes = packets.lengthBytes[p];
    let sentNs = nowNs;
    if (this.rateBytesPerSec[line] !== Number.POSITIVE_INFINITY) {
      const backlogBytes = this.backlogBytes(line, nowNs);
      if (backlogBytes > 0 && backlogBytes + lengthBytes > this.limitBytes[line]) {
        this.fullPackets[line] += 1;
        return QUEUE_FULL;
      }
      if (backlogBytes > this.ceAboveBytes[line] && packets.ecn[p] !== 0) {
        packets.ecn[p] = CE;
        this.markedPackets[line] += 1;
      }
      const startNs = backlogBytes > 0 ? this.freeAtNs[line] : nowNs;
      sentNs = startNs + (lengthBytes * 1e9) / this.rateBytesPerSec[line];
      this.freeAtNs[line] = sentNs;
      packets.queuedNs[p] += sentNs - nowNs;
    }
    if (this.lossProbability[line] > 0 && this.chance[line].nextUnit() < this.lossProbability[line]) {
      this.lostPackets[line] += 1;
      return LOST;
    }
    this.sentBytes[line] += lengthBytes;
    const dueNs = sentNs + this.delayNs[line];
    packets.dueNs[p] = dueNs;
    const wasEmpty = this.fifos.isEmpty(line);
    this.fifos.push(line, p);
    if (wasEmpty) this.agenda.set(line, dueNs);
    return TRAVELS;
  }

  /** Takes the packet that arrives now. The line must be the first on the agenda. */
  take(line: number): number {
    const p = this.fifos.shift(line);
    const following = this.fifos.head[line];
    if (this.fifos.isEmpty(line)) this.agenda.delete(line);
    else this.agenda.set(line, this.packets.dueNs[following]);
    return p;
  }
}
