/**
 * Counters of the virtual world's flows. Flows with the same name share a row, so that hundreds of short
 * transfers are one entry of the report. Delay is the time that packets with data spend in queues of the
 * shaper and of lines. It includes transmission and leaves out propagation.
 */
import { HISTOGRAM_BINS, histogramBin, histogramPercentile } from '../../base/histogram.ts';

export class FlowMeter {
  readonly rows: number;
  readonly names: readonly string[];
  /** The row of every flow. */
  readonly rowOf: Int32Array;
  readonly sentPackets: Float64Array;
  readonly sentBytes: Float64Array;
  /**
   * Packets with data that reached their end, and their IP bytes. Acknowledgements and requests do not count.
   */
  readonly deliveredPackets: Float64Array;
  readonly deliveredBytes: Float64Array;
  /** Payload bytes that reached their end for the first time. */
  readonly goodputBytes: Float64Array;
  /** Packets that the shaper dropped, in both directions. */
  readonly shaperDrops: Float64Array;
  /** Packets that lines lost or their queues refused, in both directions. */
  readonly lineDrops: Float64Array;
  readonly retransmits: Float64Array;
  readonly timeouts: Float64Array;
  /** Number of times that a TCP sender reduced its window, timeouts included. */
  readonly reductions: Float64Array;
  /** Packets with data that arrived with a CE mark. */
  readonly marked: Float64Array;
  /** Number of transfers or exchanges that ended. */
  readonly completions: Float64Array;
  readonly completionSumNs: Float64Array;
  readonly delayMaxNs: Float64Array;
  private readonly delays: Uint32Array;
  private readonly completionTimes: Uint32Array;

  constructor(rowOf: Int32Array, names: readonly string[]) {
    const rows = names.length;
    const column = (): Float64Array => new Float64Array(rows);
    this.rows = rows;
    this.names = names;
    this.rowOf = rowOf;
    this.sentPackets = column();
    this.sentBytes = column();
    this.deliveredPackets = column();
    this.deliveredBytes = column();
    this.goodputBytes = column();
    this.shaperDrops = column();
    this.lineDrops = column();
    this.retransmits = column();
    this.timeouts = column();
    this.reductions = column();
    this.marked = column();
    this.completions = column();
    this.completionSumNs = column();
    this.delayMaxNs = column();
    this.delays = new Uint32Array(rows * HISTOGRAM_BINS);
    this.completionTimes = new Uint32Array(rows * HISTOGRAM_BINS);
  }

  sent(flow: number, lengthBytes: number): void {
    const row = this.rowOf[flow];
    this.sentPackets[row] += 1;
    this.sentBytes[row] += lengthBytes;
  }

  /** A packet with data reached its end. */
  delivered(flow: number, lengthBytes: number, queuedNs: number): void {
    const row = this.rowOf[flow];
    this.deliveredPackets[row] += 1;
    this.deliveredBytes[row] += lengthBytes;
    this.delays[row * HISTOGRAM_BINS + histogramBin(queuedNs / 1e3)] += 1;
    if (queuedNs > this.delayMaxNs[row]) this.delayMaxNs[row] = queuedNs;
  }

  goodput(flow: number, payloadBytes: number): void {
    this.goodputBytes[this.rowOf[flow]] += payloadBytes;
  }

  completed(flow: number, tookNs: number): void {
    const row = this.rowOf[flow];
    this.completions[row] += 1;
    this.completionSumNs[row] += tookNs;
    this.completionTimes[row * HISTOGRAM_BINS + histogramBin(tookNs / 1e3)] += 1;
  }

  /** Percentile of the delay in nanoseconds, off by an eighth at most; 0 without packets. */
  delayPercentileNs(row: number, fraction: number): number {
    return 1e3 * histogramPercentile(this.delays, row * HISTOGRAM_BINS, fraction);
  }

  completionPercentileNs(row: number, fraction: number): number {
    return 1e3 * histogramPercentile(this.completionTimes, row * HISTOGRAM_BINS, fraction);
  }
}
