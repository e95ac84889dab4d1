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
 * References: RFC 5681; RFC 6675 (what is lost, what is under way); RFC 6928 (initial window); RFC 7323
 * (every acknowledgement that moves `una` is a sample); RFC 3168, 6.1.2 (ECE: one reduction per window of
 * data, CWR once; retransmissions are not ECN-capable). The receiver's window is that of peer-window.ts,
 * all instants are those of send-timer.ts. Differences to Linux: no undo of spurious reductions, no pacing;
 * a lost retransmission is noticed for the first missing segment only; a segment goes whole or not at all;
 * a probe that has repaired a loss reduces no window.
 */
import { invariant } from '../../base/assert.ts';
import { FLOAT_ZERO } from '../../base/float.ts';
import { ACK, CWR, ECE, SYN } from '../../packet/tcp-header.ts';
import type { FlowMeter } from '../packets/flow-meter.ts';
import { ECT_0, KIND_DATA, KIND_PROBE, KIND_SYN } from '../packets/packet-table.ts';
import type { Wire } from '../packets/wire.ts';
import type { Congestion } from './congestion.ts';
import { PeerWindow } from './peer-window.ts';
import { Scoreboard } from './scoreboard.ts';
import { SegmentBytes } from './segment-bytes.ts';
import { FOR_TAIL_PROBE, FOR_WINDOW_PROBE, SendTimer } from './send-timer.ts';

const CLOSED = 0;
const SYN_SENT = 1;
const OPEN = 2;
const RECOVERY = 3;
const LOSS = 4;

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
  readonly timer: SendTimer;
  /** Number of segments that the application has written so far. */
  end = 0;
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
  private readonly window: PeerWindow;
  /** Payload of segment `end - 1`, the last one, in bytes. */
  private lastBytes = 0;
  /** When the other side sent its newest segment, by its time stamp. */
  private peerSentNs = FLOAT_ZERO;
  /** A tail probe was sent, and is answered when this segment is reached; 0 if there was none. */
  private tailProbeEnd = 0;
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
    this.window = new PeerWindow(options.peerScale);
    this.timer = new SendTimer(wire, flow);
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
    this.timer.sampleRtt(nowNs - packets.echoNs[p]);
    this.window.open(packets, p);
    this.timer.clear();
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
    if (ack >= board.una) this.window.update(packets, p, isNew);
    if (isNew) {
      arrived += board.acknowledge(ack);
      this.timer.sampleRtt(nowNs - packets.echoNs[p]);
    }
    if (this.state !== OPEN && board.una >= this.recoveryPoint) {
      if (this.state === RECOVERY) congestion.cwnd[flow] = congestion.ssthresh[flow];
      this.state = OPEN;
    }
    board.findLost();
    if (this.state !== OPEN) board.headLostAgain(this.timer.srttNs / 4);
    if (this.state === OPEN && board.lost > 0) this.enterRecovery();
    if (this.state === RECOVERY) this.setRecoveryWindow(arrived);
    else if (packets.tcpFlags[p] & ECE && this.state === OPEN) this.onCongestionEcho();
    else if (arrived > 0 && this.isWindowLimited) congestion.grow(flow, arrived, nowNs, this.timer.srttNs);
    if (board.una >= this.tailProbeEnd) this.tailProbeEnd = 0;
    if (isNew) this.restartTimer();
    this.send();
  }

  /** The retransmission timer's entry on the agenda came up. */
  onTimer(): void {
    const { timer } = this;
    if (!timer.hasRunOut()) return;
    if (timer.dueFor === FOR_TAIL_PROBE) this.probeTail();
    else if (timer.dueFor === FOR_WINDOW_PROBE) this.probeWindow();
    else this.timeOut();
  }

  private timeOut(): void {
    this.meter.timeouts[this.meter.rowOf[this.flow]] += 1;
    // RFC 5681, 3.1: repeated timeouts of one segment lower the threshold once.
    const isFirstForSegment = this.timer.backoff === 1;
    this.timer.backoff *= 2;
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
    packets.tcpFlags[p] = SYN;
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
    if (board.una === board.nxt && nowNs - this.lastSentNs > this.timer.rtoNs)
      congestion.restart(flow, this.options.initialWindow);
    this.isWindowLimited = false;
    const before = board.nxt;
    this.sendAll();
    if (board.nxt > before) this.planTailProbe();
    else if (board.una === board.nxt && board.nxt < this.end && this.timer.dueFor !== FOR_WINDOW_PROBE)
      this.timer.planWindowProbe();
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
    return this.window.covers((this.nextByte + this.payloadBytes(nxt)) | 0);
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
    packets.tcpFlags[p] = ACK;
    packets.sentNs[p] = nowNs;
    packets.echoNs[p] = this.peerSentNs;
    if (isRetransmit) {
      this.meter.retransmits[this.meter.rowOf[this.flow]] += 1;
    } else if (this.options.ecn) {
      packets.ecn[p] = ECT_0;
      if (this.owesCwr) packets.tcpFlags[p] |= CWR;
      this.owesCwr = false;
    }
    this.prrOut++;
    this.lastSentNs = nowNs;
    if (!this.timer.isSet || this.timer.dueFor === FOR_WINDOW_PROBE) this.restartTimer();
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

  private restartTimer(): void {
    const { board } = this;
    if (this.state !== SYN_SENT && board.una === board.nxt) {
      this.timer.clear();
      return;
    }
    this.timer.restart();
    this.planTailProbe();
  }

  /** RFC 8985, 7.2: only while nothing is missing. */
  private planTailProbe(): void {
    const { board } = this;
    if (!this.options.tailLossProbe || this.state !== OPEN || board.sacked > 0) return;
    this.timer.planTailProbe(board.nxt - board.una);
  }

  /** RFC 8985, 7.3: a new segment, or the last one again; one probe for each tail. */
  private probeTail(): void {
    const { board } = this;
    this.timer.restart();
    if (this.tailProbeEnd > 0) return;
    if (this.mayBeSent(board.nxt)) this.sendSegment(board.send(this.wire.nowNs), false);
    else this.sendSegment(board.nxt - 1, true);
    this.tailProbeEnd = board.nxt;
  }

  /** A segment without data, whose number was acknowledged before: its answer says the window. */
  private probeWindow(): void {
    const { packets, nowNs } = this.wire;
    const p = packets.take(this.flow, KIND_PROBE, this.board.nxt, this.options.headerBytes);
    packets.firstByte[p] = (this.nextByte - 1) | 0;
    packets.ackByte[p] = this.peerByte;
    packets.windowField[p] = this.options.windowField;
    packets.tcpFlags[p] = ACK;
    packets.sentNs[p] = nowNs;
    packets.echoNs[p] = this.peerSentNs;
    this.timer.planWindowProbe();
    this.wire.transmit(p);
  }
}
