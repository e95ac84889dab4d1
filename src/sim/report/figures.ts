/** The figures by which queues are usually compared, from the report of a run. */
import { jainIndex } from '../../base/fairness.ts';
import type { SimulatedFlow, SimulateReport } from './report.ts';

export interface Figures {
  /** Payload of all TCP flows. */
  readonly goodputBitsPerSecond: number;
  /** Segments that their senders sent again. */
  readonly retransmits: number;
  /** The same in relation to the packets with data that arrived; 0 if none did. */
  readonly retransmittedShare: number;
  /**
   * Of the goodputs of long transfers, TCP flows of which none has ended. Null if there are fewer than two,
   * or if flows of one name are counted together.
   */
  readonly jain: number | null;
  /** Time that packets spent in each direction that sent any, in the order of the report. */
  readonly queues: readonly QueueFigures[];
}

export interface QueueFigures {
  /** Of the direction, such as "wan/up". */
  readonly path: string;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
}

export function figuresOf({ flows, classes }: SimulateReport): Figures {
  const tcp = flows.filter(({ protocol }) => protocol === 'tcp');
  const total = (pick: (flow: SimulatedFlow) => number): number =>
    tcp.reduce((sum, flow) => sum + pick(flow), 0);
  const retransmits = total((flow) => flow.retransmits);
  const arrived = total(({ delivered }) => delivered.packets);
  const directions = classes.filter(({ path, sent }) => path.split('/').length === 2 && sent.packets > 0);
  return {
    goodputBitsPerSecond: total((flow) => flow.goodputBitsPerSecond),
    retransmits,
    retransmittedShare: arrived > 0 ? retransmits / arrived : 0,
    jain: fairness(tcp.filter(({ completions }) => completions === null)),
    queues: directions.map(({ path, delayMilliseconds }) => ({
      path,
      p50Milliseconds: delayMilliseconds.p50,
      p99Milliseconds: delayMilliseconds.p99,
    })),
  };
}

function fairness(long: readonly SimulatedFlow[]): number | null {
  if (long.length < 2 || long.some(({ count }) => count > 1)) return null;
  const index = jainIndex(long.map(({ goodputBitsPerSecond }) => goodputBitsPerSecond));
  return Number.isNaN(index) ? null : index;
}
