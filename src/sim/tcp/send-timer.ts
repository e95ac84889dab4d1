/**
 * The timer of a TCP sender, of which there is one, as in Linux: it is set for a retransmission, for the
 * probe of a tail, or for the probe of a window that is too small for a segment.
 *
 * References: RFC 6298 with Linux's bounds: SRTT + max(200 ms, 4 RTTVAR), 1 s before the first sample,
 * doubled up to 60 s; RFC 8985, 7.2: a tail is probed after two smoothed round trips, and 200 ms later if
 * it is a single segment, whose acknowledgement may be delayed; RFC 9293, 3.8.6.1: windows are probed in
 * spans that double, from the retransmission timer on.
 */
import { FLOAT_ZERO } from '../../base/float.ts';
import { TIMER_RETRANSMIT, type Wire } from '../packets/wire.ts';

const RTO_FIRST_NS = 1e9;
const RTO_VARIANCE_MIN_NS = 200e6;
const RTO_MAX_NS = 60e9;
/** Linux: TCP_RTO_MIN, for a tail of one segment; else two ticks of 4 ms. */
const TAIL_ALONE_NS = 200e6;
const TAIL_EXTRA_NS = 8e6;
const WINDOW_PROBE_MIN_NS = 200e6;
const WINDOW_PROBE_MAX_NS = 120e9;

/** For what it is set. */
export const FOR_RETRANSMIT = 0;
export const FOR_TAIL_PROBE = 1;
export const FOR_WINDOW_PROBE = 2;

export class SendTimer {
  /** Smoothed round-trip time (RFC 6298); 0 before the first sample. */
  srttNs = FLOAT_ZERO;
  rtoNs = FLOAT_ZERO;
  backoff = 1;
  dueFor = FOR_RETRANSMIT;
  private readonly wire: Wire;
  private readonly flow: number;
  private rttVarNs = FLOAT_ZERO;
  private dueNs = Number.POSITIVE_INFINITY;
  private windowProbes = 0;
  /** Instant of the timer on the agenda. The timer is moved only if it would come too late. */
  private timerNs = Number.POSITIVE_INFINITY;

  constructor(wire: Wire, flow: number) {
    this.wire = wire;
    this.flow = flow;
    this.rtoNs = RTO_FIRST_NS;
  }

  get isSet(): boolean {
    return this.dueNs !== Number.POSITIVE_INFINITY;
  }

  /** RFC 6298, 2. */
  sampleRtt(rttNs: number): void {
    if (this.srttNs === 0) {
      this.srttNs = rttNs;
      this.rttVarNs = rttNs / 2;
    } else {
      this.rttVarNs += (Math.abs(this.srttNs - rttNs) - this.rttVarNs) / 4;
      this.srttNs += (rttNs - this.srttNs) / 8;
    }
    this.rtoNs = Math.min(RTO_MAX_NS, this.srttNs + Math.max(RTO_VARIANCE_MIN_NS, 4 * this.rttVarNs));
    this.backoff = 1;
  }

  /** Its entry on the agenda came up. Returns whether it is due; else it is set anew. */
  hasRunOut(): boolean {
    this.timerNs = Number.POSITIVE_INFINITY;
    if (!this.isSet) return false;
    if (this.wire.nowNs >= this.dueNs) return true;
    this.set();
    return false;
  }

  clear(): void {
    this.dueNs = Number.POSITIVE_INFINITY;
    this.dueFor = FOR_RETRANSMIT;
    this.windowProbes = 0;
  }

  /** RFC 6298, 5.1 to 5.5. */
  restart(): void {
    this.dueFor = FOR_RETRANSMIT;
    this.windowProbes = 0;
    this.dueNs = this.retransmitNs();
    this.set();
  }

  /** The tail, `segments` under way, is probed before the retransmission timer runs out. */
  planTailProbe(segments: number): void {
    if (this.srttNs === 0) return;
    // New data move the probe on, and the retransmission timer behind it.
    if (this.dueFor === FOR_TAIL_PROBE) this.dueNs = this.retransmitNs();
    const extraNs = segments === 1 ? TAIL_ALONE_NS : TAIL_EXTRA_NS;
    const probeNs = this.wire.nowNs + 2 * this.srttNs + extraNs;
    this.dueFor = probeNs < this.dueNs ? FOR_TAIL_PROBE : FOR_RETRANSMIT;
    this.dueNs = Math.min(probeNs, this.dueNs);
    this.set();
  }

  planWindowProbe(): void {
    const spanNs = Math.max(WINDOW_PROBE_MIN_NS, this.rtoNs) * 2 ** this.windowProbes++;
    this.dueFor = FOR_WINDOW_PROBE;
    this.dueNs = this.wire.nowNs + Math.min(WINDOW_PROBE_MAX_NS, spanNs);
    this.set();
  }

  private retransmitNs(): number {
    return this.wire.nowNs + Math.min(RTO_MAX_NS, this.rtoNs * this.backoff);
  }

  private set(): void {
    if (this.dueNs >= this.timerNs) return;
    this.timerNs = this.dueNs;
    this.wire.setTimer(TIMER_RETRANSMIT, this.flow, this.timerNs);
  }
}
