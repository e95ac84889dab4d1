/**
 * Fair queueing by virtual time: weighted fair queueing (WFQ), WF2Q, WF2Q+ and start-time fair queueing
 * (SFQ).
 *
 * Reference: Parekh, Gallager, "A generalized processor sharing approach to flow control" (1993), section
 * III; Bennett, Zhang, "WF2Q: worst-case fair weighted fair queueing" (1996) and "Hierarchical packet fair
 * queueing algorithms" (1997); Goyal, Vin, Cheng, "Start-time fair queuing" (1996), section 2.1.
 *
 * Model. Every packet gets a start and a finish tag when it arrives, in bytes per unit of weight, from a
 * clock V:
 *
 *     S = max(F of the flow's packet before, V)     F = S + length / weight
 *
 *            V                                                             served next
 *     WFQ    service of the fluid system: dV/dt = rate / weights of the    smallest F
 *            flows that the fluid system has not finished
 *     WF2Q   the same                                                      smallest F of those with S <= V
 *     WF2Q+  grows by the bytes sent, never below the smallest S waiting;  smallest F of those with S <= V
 *            S = F of the packet before while the flow has packets; weights are shares of the whole
 *     SFQ    S of the packet in service; at the end of a busy time the     smallest S
 *            largest F that was served
 *
 * Ties go to the lowest flow number. SFQ needs no rate, so it suits a link whose rate changes.
 *
 * | parameter       | unit         | range | default                                   |
 * |-----------------|--------------|-------|-------------------------------------------|
 * | rateBytesPerSec | bytes/second | > 0   |                                           |
 * | weights         |              | > 0   | one per flow                              |
 *
 * Worked example: weights 10 and ten times 1, packets of 1000 B, eleven of the first flow and one of each
 * other at 0. WFQ sends ten of the first flow in a row (F = 100, 200, ... 1000), then the others (F = 1000);
 * WF2Q and WF2Q+ alternate, since the second packet of the first flow has S = 100 and V is 50.
 *
 * Invariants (test/property/virtual-clock):
 *  1. WFQ and WF2Q finish every packet at most one largest packet's time after the fluid system does
 *     (test/oracle/fluid.ts).
 *  2. WF2Q begins no packet before the fluid system does.
 *  3. All four are work conserving and keep a flow's packets in order.
 *  4. SFQ: two flows that both wait get bytes per weight that differ by at most one largest packet of each,
 *     over its weight.
 *
 * Departures: tags start anew at 0 when the system runs empty (not in WF2Q+, whose flows remember), so they
 * do not grow without bound. Tags that differ by less than a billionth are equal: sums of fractions round.
 * Cost: a pick looks at every flow; for many flows use deficit round robin (test/reference/drr.ts), for
 * hierarchies the class tree. These are here to compare with.
 */
import { IndexedHeap } from '../../src/base/heap.ts';
import { NONE } from '../../src/base/none.ts';

export type VirtualClockKind = 'wfq' | 'wf2q' | 'wf2q+' | 'sfq';

/** Tags by packet row. */
export interface PacketTags {
  readonly start: Float64Array;
  readonly finish: Float64Array;
}

const NS_PER_SEC = 1e9;
const EQUAL = 1e-9;

export class VirtualClock {
  private readonly kind: VirtualClockKind;
  private readonly weights: Float64Array;
  private readonly tags: PacketTags;
  private readonly bytesPerNs: number;
  /** V, and the instant up to which it has been brought. */
  private virtual = 0;
  private atNs = 0;
  /** F of the last packet of each flow to arrive. */
  private readonly lastFinish: Float64Array;
  private finishMax = 0;
  /** Flows that the fluid system has not finished, by the F at which it will. */
  private readonly fluid: IndexedHeap;
  private fluidWeight = 0;

  constructor(kind: VirtualClockKind, rateBytesPerSec: number, weights: ArrayLike<number>, tags: PacketTags) {
    this.kind = kind;
    this.weights = Float64Array.from(weights);
    if (kind === 'wf2q+') {
      const sum = this.weights.reduce((total, weight) => total + weight, 0);
      for (let f = 0; f < this.weights.length; f++) this.weights[f] /= sum;
    }
    this.tags = tags;
    this.bytesPerNs = rateBytesPerSec / NS_PER_SEC;
    this.lastFinish = new Float64Array(weights.length);
    this.fluid = new IndexedHeap(weights.length);
  }

  /** Packet `h` of flow `f` arrives; `isAlone`: no packet of the flow waits or is being sent. */
  arrive(nowNs: number, f: number, h: number, lengthBytes: number, isAlone: boolean): void {
    this.advance(nowNs);
    const before = this.lastFinish[f];
    const continues = this.kind === 'wf2q+' && !isAlone;
    const start = continues || before > this.virtual ? before : this.virtual;
    const finish = start + lengthBytes / this.weights[f];
    this.tags.start[h] = start;
    this.tags.finish[h] = finish;
    this.lastFinish[f] = finish;
    if (this.kind === 'sfq' || this.kind === 'wf2q+') return;
    if (!this.fluid.has(f)) this.fluidWeight += this.weights[f];
    this.fluid.set(f, finish);
  }

  /**
   * Flow whose head is sent now; `heads` has the row of each flow's first packet or NONE. NONE: no packet
   * waits.
   */
  pick(nowNs: number, heads: Int32Array): number {
    this.advance(nowNs);
    const { kind, tags } = this;
    if (kind === 'wf2q+') this.virtual = Math.max(this.virtual, this.smallestStart(heads));
    let best = NONE;
    for (let f = 0; f < heads.length; f++) {
      if (heads[f] === NONE) continue;
      if (best === NONE || this.isBefore(heads[f], heads[best])) best = f;
    }
    if (best === NONE) return NONE;
    if (kind === 'sfq') {
      this.virtual = tags.start[heads[best]];
      this.finishMax = Math.max(this.finishMax, tags.finish[heads[best]]);
    }
    return best;
  }

  /** The last packet has been sent and none waits: the busy time is over. */
  becameIdle(): void {
    if (this.kind === 'wf2q+') return;
    this.virtual = 0;
    this.finishMax = 0;
    this.lastFinish.fill(0);
    while (this.fluid.size > 0) this.fluid.delete(this.fluid.top());
    this.fluidWeight = 0;
  }

  /** Whether packet `a` goes before `b`, of a flow with a lower number. */
  private isBefore(a: number, b: number): boolean {
    const { start, finish } = this.tags;
    if (this.kind === 'sfq') return isLess(start[a], start[b]);
    if (this.kind === 'wfq') return isLess(finish[a], finish[b]);
    const [isReadyA, isReadyB] = [!isLess(this.virtual, start[a]), !isLess(this.virtual, start[b])];
    if (isReadyA !== isReadyB) return isReadyA;
    return isLess(finish[a], finish[b]);
  }

  private smallestStart(heads: Int32Array): number {
    let smallest = Number.POSITIVE_INFINITY;
    for (let f = 0; f < heads.length; f++) {
      if (heads[f] !== NONE) smallest = Math.min(smallest, this.tags.start[heads[f]]);
    }
    return smallest === Number.POSITIVE_INFINITY ? 0 : smallest;
  }

  /** Lets V pass to `nowNs`; in the fluid system it runs faster whenever a flow is finished. */
  private advance(nowNs: number): void {
    let bytes = (nowNs - this.atNs) * this.bytesPerNs;
    if (bytes <= 0) return;
    this.atNs = nowNs;
    if (this.kind === 'sfq') return;
    if (this.kind === 'wf2q+') {
      this.virtual += bytes;
      return;
    }
    const { fluid, weights } = this;
    while (fluid.size > 0) {
      const needed = (fluid.topKey() - this.virtual) * this.fluidWeight;
      if (needed > bytes) {
        this.virtual += bytes / this.fluidWeight;
        return;
      }
      bytes -= needed;
      this.virtual = fluid.topKey();
      this.fluidWeight -= weights[fluid.top()];
      fluid.delete(fluid.top());
    }
    this.fluidWeight = 0;
  }
}

function isLess(a: number, b: number): boolean {
  return b - a > EQUAL * Math.max(1, Math.abs(a));
}
