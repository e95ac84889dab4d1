/**
 * The congestion window of a TCP sender: slow start, growth by Reno or by CUBIC, and the reduction at a
 * congestion signal. Windows are in segments and may have fractions. Columns with one row per sender.
 *
 * References: RFC 5681 (slow start, Reno), with every acknowledged segment counted as in RFC 3465 and Linux;
 * RFC 9438 (CUBIC):
 *
 *   W_cubic(t) = C (t - K)^3 + W_max,   K = cbrt((W_max - cwnd_epoch) / C),   C = 0.4, beta = 0.7   (1, 2)
 *   W_est     += alpha * acked / cwnd,  alpha = 3 (1 - beta) / (1 + beta), 1 from cwnd_prior on (4.3, fig. 4)
 *   target     = W_cubic(t + RTT), from cwnd to 1.5 cwnd; cwnd += (target - cwnd) / cwnd a segment (4.2)
 *   reduction:   W_max = cwnd, or cwnd (1 + beta) / 2 below the former W_max (fast convergence, 4.7)
 *
 * Differences to Linux: no HyStart, so slow start ends with a loss, a mark or at ssthresh.
 */
import { cubeRoot } from '../../base/exact-math.ts';

export type Growth = 'reno' | 'cubic';

const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
const CUBIC_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);
const RENO_BETA = 0.5;
const SSTHRESH_MIN = 2;
const NOT_BEGUN = -1;

export class Congestion {
  readonly cwnd: Float64Array;
  readonly ssthresh: Float64Array;
  private readonly isCubic: Uint8Array;
  private readonly wMax: Float64Array;
  /**
   * Instant at which growth began after the last reduction. NOT_BEGUN until the first acknowledgement after
   * it.
   */
  private readonly epochNs: Float64Array;
  private readonly kSec: Float64Array;
  private readonly wEst: Float64Array;
  private readonly cwndPrior: Float64Array;

  constructor(growths: readonly Growth[]) {
    const rows = growths.length;
    this.isCubic = Uint8Array.from(growths, (growth) => (growth === 'cubic' ? 1 : 0));
    this.cwnd = new Float64Array(rows);
    this.ssthresh = new Float64Array(rows);
    this.wMax = new Float64Array(rows);
    this.epochNs = new Float64Array(rows);
    this.kSec = new Float64Array(rows);
    this.wEst = new Float64Array(rows);
    this.cwndPrior = new Float64Array(rows);
  }

  /** Starts a connection with this window. */
  open(t: number, initialWindow: number): void {
    this.cwnd[t] = initialWindow;
    this.ssthresh[t] = Number.POSITIVE_INFINITY;
    this.wMax[t] = 0;
    this.epochNs[t] = NOT_BEGUN;
  }

  /** `acked` segments were acknowledged while the window limited the sender. */
  grow(t: number, acked: number, nowNs: number, rttNs: number): void {
    let left = acked;
    if (this.cwnd[t] < this.ssthresh[t]) {
      const room = this.ssthresh[t] - this.cwnd[t];
      this.cwnd[t] += left <= room ? left : room;
      if (left <= room) return;
      left -= room;
    }
    if (this.isCubic[t] === 1) this.growCubic(t, left, nowNs, rttNs);
    else this.cwnd[t] += left / this.cwnd[t];
  }

  private growCubic(t: number, acked: number, nowNs: number, rttNs: number): void {
    const cwnd = this.cwnd[t];
    if (this.epochNs[t] === NOT_BEGUN) {
      this.epochNs[t] = nowNs;
      if (cwnd >= this.wMax[t]) this.wMax[t] = cwnd;
      this.kSec[t] = cubeRoot((this.wMax[t] - cwnd) / CUBIC_C);
      this.wEst[t] = cwnd;
    }
    const fromPlateauSec = (nowNs - this.epochNs[t]) / 1e9 - this.kSec[t];
    const alpha = this.wEst[t] < this.cwndPrior[t] ? CUBIC_ALPHA : 1;
    this.wEst[t] += (alpha * acked) / cwnd;
    if (CUBIC_C * cube(fromPlateauSec) + this.wMax[t] < this.wEst[t]) {
      if (this.wEst[t] > cwnd) this.cwnd[t] = this.wEst[t];
      return;
    }
    const ahead = CUBIC_C * cube(fromPlateauSec + rttNs / 1e9) + this.wMax[t];
    const target = ahead < cwnd ? cwnd : ahead > 1.5 * cwnd ? 1.5 * cwnd : ahead;
    this.cwnd[t] = cwnd + (acked * (target - cwnd)) / cwnd;
  }

  /**
   * After a loss or a CE mark: sets ssthresh from `window`, the window at that time in segments. The caller
   * sets cwnd.
   */
  reduce(t: number, window: number): void {
    this.epochNs[t] = NOT_BEGUN;
    if (this.isCubic[t] === 0) {
      this.ssthresh[t] = Math.max(SSTHRESH_MIN, window * RENO_BETA);
      return;
    }
    this.cwndPrior[t] = window;
    this.wMax[t] = window < this.wMax[t] ? (window * (1 + CUBIC_BETA)) / 2 : window;
    this.ssthresh[t] = Math.max(SSTHRESH_MIN, window * CUBIC_BETA);
  }

  /**
   * The retransmission timer ran out. After slow start CUBIC grows from the window it has then (RFC 9438,
   * 4.8).
   */
  timedOut(t: number): void {
    this.wMax[t] = 0;
    this.epochNs[t] = NOT_BEGUN;
  }

  /**
   * Nothing was under way for longer than the timer, so the window no longer says anything about the path
   * (RFC 5681, 4.1; RFC 9438, 5.8).
   */
  restart(t: number, initialWindow: number): void {
    this.cwnd[t] = Math.min(this.cwnd[t], initialWindow);
    this.epochNs[t] = NOT_BEGUN;
  }
}

function cube(x: number): number {
  return x * x * x;
}
