/**
 * CoDel as the pseudo code of RFC 8289, section 5, writes it, over a list of packets; with marks where Linux
 * (codel_impl.h) puts them. Slow twin of src/algo/aqm/codel.ts. Also the rules for the count that older
 * versions had.
 */
import type { ThresholdParameters } from '../reference/codel-threshold.ts';

export interface CodelPacket {
  readonly id: number;
  readonly sizeBytes: number;
  readonly enqueuedNs: number;
  readonly ect: boolean;
}

export interface CodelDequeue {
  readonly delivered: CodelPacket | null;
  readonly dropped: readonly CodelPacket[];
  readonly marked: readonly CodelPacket[];
  readonly ceMarked: readonly CodelPacket[];
}

export class SlowCodel {
  readonly queue: CodelPacket[] = [];
  count = 0;
  dropping = false;
  private lastCount = 0;
  private firstAboveTime = 0;
  private dropNext = 0;
  private readonly p: ThresholdParameters;

  constructor(p: ThresholdParameters) {
    this.p = p;
  }

  dequeue(now: number): CodelDequeue {
    const dropped: CodelPacket[] = [];
    const marked: CodelPacket[] = [];
    let { packet, okToDrop } = this.doDequeue(now);
    if (this.dropping) {
      if (!okToDrop) this.dropping = false;
      while (packet && now >= this.dropNext && this.dropping) {
        this.count++;
        if (this.p.ecn && packet.ect) {
          marked.push(packet);
          this.dropNext = this.controlLaw(this.dropNext);
          break;
        }
        dropped.push(packet);
        ({ packet, okToDrop } = this.doDequeue(now));
        if (!okToDrop) this.dropping = false;
        else this.dropNext = this.controlLaw(this.dropNext);
      }
    } else if (packet && okToDrop) {
      if (this.p.ecn && packet.ect) marked.push(packet);
      else {
        dropped.push(packet);
        ({ packet, okToDrop } = this.doDequeue(now));
      }
      this.dropping = true;
      const delta = this.count - this.lastCount;
      this.count = delta > 1 && now - this.dropNext < 16 * this.p.intervalNs ? delta : 1;
      this.dropNext = this.controlLaw(now);
      this.lastCount = this.count;
    }
    const late = packet?.ect && now - packet.enqueuedNs > this.p.ceThresholdNs && !marked.includes(packet);
    return { delivered: packet, dropped, marked, ceMarked: late ? [packet as CodelPacket] : [] };
  }

  private controlLaw(from: number): number {
    return from + this.p.intervalNs / Math.sqrt(this.count);
  }

  private doDequeue(now: number): { packet: CodelPacket | null; okToDrop: boolean } {
    const packet = this.queue.shift() ?? null;
    if (packet === null) {
      this.firstAboveTime = 0;
      return { packet, okToDrop: false };
    }
    const sojourn = now - packet.enqueuedNs;
    const bytes = this.queue.reduce((sum, waiting) => sum + waiting.sizeBytes, 0);
    if (sojourn < this.p.targetNs || bytes <= this.p.mtuBytes) {
      this.firstAboveTime = 0;
      return { packet, okToDrop: false };
    }
    if (this.firstAboveTime === 0) {
      this.firstAboveTime = now + this.p.intervalNs;
      return { packet, okToDrop: false };
    }
    return { packet, okToDrop: now >= this.firstAboveTime };
  }
}

/**
 * Count at the start of an episode in versions that are still met: none (2011), and the Internet draft of
 * 2013; `since` in intervals.
 */
export function olderCountAgain(rule: 'none' | 'draft01', count: number, since: number): number {
  return rule === 'draft01' && count > 2 && since < 8 ? count - 2 : 1;
}
