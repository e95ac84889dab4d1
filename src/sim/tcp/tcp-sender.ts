/**
 * The sending end of TCP, in essence that of Linux: an initial window of ten segments, slow start, growth by
 * congestion.ts, loss recovery by scoreboard.ts, the retransmission timer.
 *
 *          ack, nothing lost                        all of before is acknowledged
 *   OPEN ---------------------> OPEN      RECOVERY ------------------------------> OPEN
 *     |  three SACKed above a hole           ^
 *     +--------------------------------------+
 *     |  the timer runs out: one segment, everything else counts as lost
 *     +----------------------> LOSS ---------------------------------------------> OPEN
 *
 * A sender with Reno's growth follows the textbook: a loss halves the window at once, and the sender waits
 * until as much has left the network (RFC 6675). A sender with CUBIC's growth follows Linux: limited transmit
 * (RFC 3042) and proportional rate reduction (RFC 6937) spread the reduction over a round trip.
 *
 * References: RFC 5681; RFC 6675 (what is lost, what is under way); RFC 6298 with Linux's bounds: SRTT +
 * max(200 ms, 4 RTTVAR), 1 s before the first sample, doubled up to 60 s; RFC 6928 (initial window); RFC 7323
 * (every acknowledgement that moves `una` is a sample); RFC 3168, 6.1.2 (ECE: one reduction per window of
 * data, CWR once; retransmissions are not ECN-capable); RFC 9293, 3.8.6 (the receiver's window, in bytes, by
 * Linux's tcp_may_update_window; probes of a window that is too small for a segment, doubled from the
 * retransmission timer on); RFC 8985, 7 (tail loss probe after two smoothed round trips, with Linux's extra
 * for a single segment). Differences to Linux: no undo of spurious reductions, no pacing; a lost
 * retransmission is noticed for the first missing segment only; a segment goes whole or not at all; a probe
 * that has repaired a loss reduces no window.
 */
import { invariant } from '../../base/assert.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import {
  ECT_0,
  KIND_DATA,
  KIND_PROBE,
  KIND_SYN,
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_SYN,
} from '../packets/packet-table.ts';
import { TIMER_RETRANSMIT, type Wire } from '../packets/wire.ts';
import type { Congestion } from './congestion.ts';
import { Scoreboard } from './scoreboard.ts';
import { SegmentBytes } from './segment-bytes.ts';

const RTO_FIRST_NS = 1e9;
const RTO_VARIANCE_MIN_NS = 200e6;
const RTO_MAX_NS = 60e9;
/** Linux: TCP_RTO_MIN, for the acknowledgement that a single segment may wait for, else two ticks of 4 ms. */
const PROBE_ALONE_NS = 200e6;
const PROBE_EXTRA_NS = 8e6;
const WINDOW_PROBE_MIN_NS = 200e6;
const WINDOW_PROBE_MAX_NS = 120e9;

const CLOSED = 0;
const SYN_SENT = 1;
const OPEN = 2;
const RECOVERY = 3;
const LOSS = 4;

/** For what the timer is set. */
const FOR_RETRANSMIT = 0;
const FOR_TAIL_PROBE = 1;
const FOR_WINDOW_PROBE = 2;

export interface TcpSenderOptions {
  /** Reduces the window as Linux does (true) or as the textbook does; see above. */
  readonly isLinuxLike: boolean;
  readonly ecn: boolean;
  /** Window at the start of a connection and after idling, in segments. */
  readonly initialWindow: number;
  /** Whether an unacknowledged tail is probed before the retransmission timer runs out. */
  readonly tailLossProbe: boolean;
  /** Scale of the windows that the receiver gives behind its SYN. */
  readonly peerScale: number;
  /** Window fields of its own: in the SYN, and later. */
  readonly synWindowField: number;
  readonly windowField: number;
  /** TCP payload of a full segment. */
  readonly segmentBytes: number;
  /** Headers of IP and TCP: of each segment, and of a SYN. */
  readonly headerBytes: number;
  readonly synHeaderBytes: number;
}

export class TcpSender {
  readonly board = new Scoreboard();
  /** Number of segments that the application has written so far. */
  end = 0;
  /** Smoothed round-trip time (RFC 6298); 0 before the first sample. */
  srttNs = FLOAT_ZERO;
  /** Number of the byte that is awaited of the other direction, in which only requests go. */
  peerByte = 1;
  private readonly bytes = new SegmentBytes();
  /** First byte that was never sent, modulo 2^32. */
  private nextByte = 1;
  private readonly wire: Wire;
  private readonly meter: FlowMeter;
  private readonly congestion: Congestion;
  /** Number of the flow, and the row in `congestion`. */
  private readonly flow: number;
  private readonly options: TcpSenderOptions;
  private state = CLOSED;
  /** First byte behind the receiver's window, modulo 2^32, and that window. */
  private edgeByte = 0;
  private windowBytes = 0;
  private peerFirstByte = 0;
  /** Payload of segment `end - 1`, the last one, in bytes. */
  private lastBytes = 0;
  /** When the other side sent its newest segment, by its time stamp. */
  private peerSentNs = FLOAT_ZERO;
  private rttVarNs = FLOAT_ZERO;
  private rtoNs = FLOAT_ZERO;
  private backoff = 1;
  private dueNs = Number.POSITIVE_INFINITY;
  private dueFor = FOR_RETRANSMIT;
  /** A tail probe was sent, and is answered when this segment is reached; 0 if there was none. */
  private tailProbeEnd = 0;
  private windowProbes = 0;
  /** Instant of the timer on the agenda. The timer is moved only if it would come too late. */
  private timerNs = Number.POSITIVE_INFINITY;
  /** The window ended the last burst. */
  private isWindowLimited = false;
  private lastSentNs = FLOAT_ZERO;
  /** RECOVERY and LOSS end when this segment is reached. */
  private recoveryPoint = 0;
  /** ECE causes no second reduction below this segment. */
  private cwrPoint = 0;
  private owesCwr = false;
  // RFC 6937.
  private prrDelivered = 0;
  private prrOut = 0;
  private recoverUnderWay = 1;

  constructor(wire: Wire, meter: FlowMeter, congestion: Congestion, flow: number, options: TcpSenderOptions) {
    this.wire = wire;
    this.meter = meter;
    this.congestion = congestion;
    this.flow = flow;
    this.options = options;
    this.rtoNs = RTO_FIRST_NS;
  }

  /** Adds `bytes` of payload to send (Infinity is allowed). The first call opens the connection. */
  write(bytes: number): void {
    invariant(bytes > 0, 'a write needs a byte at least');
    const { segmentBytes } = this.options;
    // A last segment that is not sent yet is filled first.
    const isTailUnsent = this.board.nxt < this.end;
    const first = isTailUnsent ? this.end - 1 : this.end;
    const left = isTailUnsent ? bytes + this.lastBytes : bytes;
    const segments = left === Number.POSITIVE_INFINITY ? 0x7fffffff - first : Math.ceil(left / segmentBytes);
    this.end = first + segments;
    this.lastBytes = left === Number.POSITIVE_INFINITY ? segmentBytes : left - (segments - 1) * segmentBytes;
    if (this.state === CLOSED) this.sendSyn();
    else if (this.state !== SYN_SENT) this.send();
  }

  private payloadBytes(seq: number): number {
    return seq === this.end - 1 ? this.lastBytes : this.options.segmentBytes;
  }

  onSynAck(p: number): void {
    if (this.state !== SYN_SENT) return;
    const { nowNs, packets } = this.wire;
    this.state = OPEN;
    this.peerSentNs = packets.sentNs[p];
    this.congestion.open(this.flow, this.options.initialWindow);
    this.sampleRtt(nowNs - packets.echoNs[p]);
    // A window in a SYN has no scale.
    this.windowBytes = packets.windowField[p];
    this.edgeByte = (1 + this.windowBytes) | 0;
    this.peerFirstByte = packets.firstByte[p];
    this.dueNs = Number.POSITIVE_INFINITY;
    this.lastSentNs = nowNs;
    this.send();
  }

  onAck(p: number): void {
    if (this.state === CLOSED || this.state === SYN_SENT) return;
    const { board, congestion, flow } = this;
    const { nowNs, packets } = this.wire;
    const ack = packets.seq[p];
    this.peerSentNs = packets.sentNs[p];
    let arrived = packets.sacks[p] > 0 ? board.absorb(packets, p) : 0;
    const isNew = ack > board.una;
    if (ack >= board.una) this.updateWindow(p, isNew);
    if (isNew) {
      arrived += board.acknowledge(ack);
      this.sampleRtt(nowNs - packets.echoNs[p]);
    }
    if (this.state !== OPEN && board.una >= this.recoveryPoint) {
      if (this.state === RECOVERY) congestion.cwnd[flow] = congestion.ssthresh[flow];
      this.state = OPEN;
    }
    board.findLost();
    if (this.state !== OPEN) board.headLostAgain(this.srttNs / 4);
    if (this.state === OPEN && board.lost > 0) this.enterRecovery();
    if (this.state === RECOVERY) this.setRecoveryWindow(arrived);
    else if (packets.tcpFlags[p] & TCP_ECE && this.state === OPEN) this.onCongestionEcho();
    else if (arrived > 0 && this.isWindowLimited) congestion.grow(flow, arrived, nowNs, this.srttNs);
    if (board.una >= this.tailProbeEnd) this.tailProbeEnd = 0;
    if (isNew) this.restartTimer();
    this.send();
  }

  /** The window of acknowledgement `p`, unless a newer one was seen. */
  private updateWindow(p: number, isNew: boolean): void {
    const { packets } = this.wire;
    const bytes = packets.windowField[p] * 2 ** this.options.peerScale;
    const isLater = ((packets.firstByte[p] - this.peerFirstByte) | 0) > 0;
    if (!isNew && !isLater && bytes <= this.windowBytes && bytes !== 0) return;
    this.windowBytes = bytes;
    this.edgeByte = (packets.ackByte[p] + bytes) | 0;
    this.peerFirstByte = packets.firstByte[p];
  }

  /** The retransmission timer's entry on the agenda came up. */
  onTimer(): void {
    this.timerNs = Number.POSITIVE_INFINITY;
    if (this.dueNs === Number.POSITIVE_INFINITY) return;
    if (this.wire.nowNs < this.dueNs) this.setTimer();
    else if (this.dueFor === FOR_TAIL_PROBE) this.probeTail();
    else if (this.dueFor === FOR_WINDOW_PROBE) this.probeWindow();
    else this.timeOut();
  }

  private timeOut(): void {
    this.meter.timeouts[this.meter.rowOf[this.flow]] += 1;
    // RFC 5681, 3.1: repeated timeouts of one segment lower the threshold once.
    const isFirstForSegment = this.backoff === 1;
    this.backoff *= 2;
    if (this.state === SYN_SENT) {
      this.meter.retransmits[this.meter.rowOf[this.flow]] += 1;
      this.sendSyn();
      return;
    }
    const { board, congestion, flow } = this;
    if (this.state !== LOSS || isFirstForSegment) {
      congestion.reduce(flow, Math.min(congestion.cwnd[flow], board.nxt - board.una));
      this.countReduction();
    }
    congestion.timedOut(flow);
    congestion.cwnd[flow] = 1;
    board.allLost();
    this.state = LOSS;
    this.recoveryPoint = board.nxt;
    this.restartTimer();
    this.send();
  }

  private sendSyn(): void {
    const { packets, nowNs } = this.wire;
    const p = packets.take(this.flow, KIND_SYN, 0, this.options.synHeaderBytes);
    packets.tcpFlags[p] = TCP_SYN;
    packets.windowField[p] = this.options.synWindowField;
    packets.sentNs[p] = nowNs;
    this.state = SYN_SENT;
    this.restartTimer();
    this.wire.transmit(p);
  }

  /** Sends what the window allows: lost segments first, then new ones. */
  private send(): void {
    const { board, congestion, flow, wire } = this;
    const { nowNs } = wire;
    if (board.una === board.nxt && nowNs - this.lastSentNs > this.rtoNs)
      congestion.restart(flow, this.options.initialWindow);
    this.isWindowLimited = false;
    const before = board.nxt;
    this.sendAll();
    if (board.nxt > before) this.planTailProbe();
    else if (board.una === board.nxt && board.nxt < this.end && this.dueFor !== FOR_WINDOW_PROBE)
      this.planWindowProbe();
  }

  private sendAll(): void {
    const { board, congestion, flow } = this;
    const { nowNs } = this.wire;
    for (;;) {
      const isRetransmit = board.toRetransmit > 0;
      if (!isRetransmit && !this.mayBeSent(board.nxt)) return;
      // Without limited transmit, SACKed segments still fill the window until a loss is certain.
      const isTextbook = this.state === OPEN && !this.options.isLinuxLike;
      const inWindow = isTextbook ? board.nxt - board.una : board.underWay;
      if (inWindow + 1 > congestion.cwnd[flow]) {
        this.isWindowLimited = true;
        return;
      }
      if (isRetransmit) this.sendSegment(board.retransmit(nowNs), true);
      else this.sendSegment(board.send(nowNs), false);
    }
  }

  /** Whether segment `nxt` is there and fits the receiver's window. */
  private mayBeSent(nxt: number): boolean {
    if (nxt >= this.end) return false;
    return ((this.edgeByte - this.nextByte - this.payloadBytes(nxt)) | 0) >= 0;
  }

  private sendSegment(seq: number, isRetransmit: boolean): void {
    const { bytes, wire } = this;
    const { packets, nowNs } = wire;
    if (!isRetransmit) {
      const end = (this.nextByte + this.payloadBytes(seq)) | 0;
      bytes.put(seq, this.nextByte, end, this.board.una);
      this.nextByte = end;
    }
    const firstByte = bytes.firstOf(seq);
    const payloadBytes = (bytes.endOf(seq) - firstByte) | 0;
    const p = packets.take(this.flow, KIND_DATA, seq, this.options.headerBytes + payloadBytes);
    packets.firstByte[p] = firstByte;
    packets.ackByte[p] = this.peerByte;
    packets.windowField[p] = this.options.windowField;
    packets.tcpFlags[p] = TCP_ACK;
    packets.sentNs[p] = nowNs;
    packets.echoNs[p] = this.peerSentNs;
    if (isRetransmit) {
      this.meter.retransmits[this.meter.rowOf[this.flow]] += 1;
    } else if (this.options.ecn) {
      packets.ecn[p] = ECT_0;
      if (this.owesCwr) packets.tcpFlags[p] |= TCP_CWR;
      this.owesCwr = false;
    }
    this.prrOut++;
    this.lastSentNs = nowNs;
    if (this.dueNs === Number.POSITIVE_INFINITY || this.dueFor === FOR_WINDOW_PROBE) this.restartTimer();
    wire.transmit(p);
  }

  private enterRecovery(): void {
    const { board, congestion, flow } = this;
    this.state = RECOVERY;
    this.recoveryPoint = board.nxt;
    this.recoverUnderWay = Math.max(1, board.nxt - board.una);
    this.prrDelivered = 0;
    this.prrOut = 0;
    congestion.reduce(flow, congestion.cwnd[flow]);
    this.countReduction();
    // The first retransmission goes at once, whatever the window says, unless the recovery before has already
    // sent it.
    if (board.toRetransmit > 0) this.sendSegment(board.retransmit(this.wire.nowNs), true);
  }

  /** RFC 6937, 3.1, with the slow start reduction bound; or half the window at once. */
  private setRecoveryWindow(arrived: number): void {
    const { board, congestion, flow } = this;
    const ssthresh = congestion.ssthresh[flow];
    if (!this.options.isLinuxLike) {
      congestion.cwnd[flow] = ssthresh;
      return;
    }
    this.prrDelivered += arrived;
    let segments: number;
    if (board.underWay > ssthresh) {
      segments = Math.ceil((this.prrDelivered * ssthresh) / this.recoverUnderWay) - this.prrOut;
    } else {
      const bound = Math.max(this.prrDelivered - this.prrOut, arrived) + 1;
      segments = Math.min(ssthresh - board.underWay, bound);
    }
    congestion.cwnd[flow] = board.underWay + Math.max(0, segments);
  }

  private onCongestionEcho(): void {
    const { board, congestion, flow } = this;
    if (board.una <= this.cwrPoint) return;
    congestion.reduce(flow, congestion.cwnd[flow]);
    congestion.cwnd[flow] = congestion.ssthresh[flow];
    this.cwrPoint = board.nxt;
    this.owesCwr = true;
    this.countReduction();
  }

  private countReduction(): void {
    this.meter.reductions[this.meter.rowOf[this.flow]] += 1;
  }

  /** RFC 6298, 2. */
  private sampleRtt(rttNs: number): void {
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

  /** RFC 6298, 5.1 to 5.5. */
  private restartTimer(): void {
    const { board } = this;
    const isWaiting = this.state === SYN_SENT || board.una < board.nxt;
    this.dueFor = FOR_RETRANSMIT;
    this.windowProbes = 0;
    this.dueNs = isWaiting
      ? this.wire.nowNs + Math.min(RTO_MAX_NS, this.rtoNs * this.backoff)
      : Number.POSITIVE_INFINITY;
    if (isWaiting) this.planTailProbe();
    if (this.dueNs < this.timerNs) this.setTimer();
  }

  /** RFC 8985, 7.2: the timer comes earlier while nothing is missing. */
  private planTailProbe(): void {
    const { board, options, srttNs } = this;
    if (!options.tailLossProbe || this.state !== OPEN || srttNs === 0 || board.sacked > 0) return;
    if (this.dueFor === FOR_TAIL_PROBE) {
      // New data move it on, and the retransmission timer behind it.
      this.dueNs = this.wire.nowNs + Math.min(RTO_MAX_NS, this.rtoNs * this.backoff);
    }
    const extraNs = board.nxt - board.una === 1 ? PROBE_ALONE_NS : PROBE_EXTRA_NS;
    const probeNs = this.wire.nowNs + 2 * srttNs + extraNs;
    this.dueFor = probeNs < this.dueNs ? FOR_TAIL_PROBE : FOR_RETRANSMIT;
    this.dueNs = Math.min(probeNs, this.dueNs);
    if (this.dueNs < this.timerNs) this.setTimer();
  }

  /** RFC 8985, 7.3: a new segment, or the last one again; one probe for each tail. */
  private probeTail(): void {
    const { board } = this;
    this.dueFor = FOR_RETRANSMIT;
    this.dueNs = this.wire.nowNs + Math.min(RTO_MAX_NS, this.rtoNs * this.backoff);
    this.setTimer();
    if (this.tailProbeEnd > 0) return;
    if (this.mayBeSent(board.nxt)) this.sendSegment(board.send(this.wire.nowNs), false);
    else this.sendSegment(board.nxt - 1, true);
    this.tailProbeEnd = board.nxt;
  }

  /** Nothing is under way, and the window is too small for the next segment. */
  private planWindowProbe(): void {
    const spanNs = Math.max(WINDOW_PROBE_MIN_NS, this.rtoNs) * 2 ** this.windowProbes;
    this.dueFor = FOR_WINDOW_PROBE;
    this.dueNs = this.wire.nowNs + Math.min(WINDOW_PROBE_MAX_NS, spanNs);
    if (this.dueNs < this.timerNs) this.setTimer();
  }

  /** A segment without data, whose number was acknowledged before: its answer says the window. */
  private probeWindow(): void {
    const { packets, nowNs } = this.wire;
    const p = packets.take(this.flow, KIND_PROBE, this.board.nxt, this.options.headerBytes);
    packets.firstByte[p] = (this.nextByte - 1) | 0;
    packets.ackByte[p] = this.peerByte;
    packets.windowField[p] = this.options.windowField;
    packets.tcpFlags[p] = TCP_ACK;
    packets.sentNs[p] = nowNs;
    packets.echoNs[p] = this.peerSentNs;
    this.windowProbes++;
    this.planWindowProbe();
    this.wire.transmit(p);
  }

  private setTimer(): void {
    this.timerNs = this.dueNs;
    this.wire.setTimer(TIMER_RETRANSMIT, this.flow, this.timerNs);
  }
}
