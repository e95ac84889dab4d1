/**
 * Runs CoDel vectors against algo/aqm/codel.ts, and those of FQ-CoDel against it in the small model of
 * fq-codel.ts.
 */
import {
  CODEL_DROP,
  CODEL_DROPPING,
  CODEL_MARK,
  codelBecameEmpty,
  codelCountAgain,
  codelSpacingNs,
  createCodelQueues,
} from '../../src/algo/aqm/codel.ts';
import { olderCountAgain } from '../oracle/codel.ts';
import { inverseRootStep } from '../oracle/kernel-integers.ts';
import {
  CODEL_MARK_CE,
  codelDecideByThreshold,
  type ThresholdParameters,
} from '../reference/codel-threshold.ts';
import { FQ_CODEL_RUNNERS } from './fq-codel.ts';
import { isRecord, type Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

interface CodelParams {
  target: number;
  interval: number;
  mtu: number;
  ecn?: boolean;
  ce_threshold?: number;
}

export function codelParameters(params: CodelParams): ThresholdParameters {
  return {
    targetNs: params.target,
    intervalNs: params.interval,
    mtuBytes: params.mtu,
    ecn: params.ecn ?? false,
    ceThresholdNs: params.ce_threshold ?? Number.POSITIVE_INFINITY,
  };
}

interface Packet {
  readonly id: number;
  readonly enqueuedNs: number;
  readonly sizeBytes: number;
  readonly ect: boolean;
}

/** A leaf with one queue. */
class Leaf {
  readonly state = createCodelQueues(1);
  private readonly params: ThresholdParameters;
  private readonly waiting: Packet[] = [];
  private backlogBytes = 0;

  constructor(params: ThresholdParameters) {
    this.params = params;
  }

  enqueue(packet: Packet): void {
    this.waiting.push(packet);
    this.backlogBytes += packet.sizeBytes;
  }

  /** The packet delivered, what happened to it, and those dropped before it. */
  dequeue(nowNs: number): { delivered: Packet | null; code: number; dropped: number[] } {
    const dropped: number[] = [];
    for (let packet = this.waiting.shift(); packet; packet = this.waiting.shift()) {
      const { enqueuedNs, sizeBytes, ect, id } = packet;
      this.backlogBytes -= sizeBytes;
      const code = codelDecideByThreshold(
        this.state,
        0,
        this.params,
        nowNs - enqueuedNs,
        this.backlogBytes,
        ect,
        nowNs,
      );
      if (code !== CODEL_DROP) return { delivered: packet, code, dropped };
      dropped.push(id);
    }
    codelBecameEmpty(this.state, 0);
    return { delivered: null, code: -1, dropped };
  }
}

type Arrival = [number, number, number];

function simulate(vector: Vector): Found {
  const leaf = new Leaf(codelParameters(vector.body.params as unknown as CodelParams));
  const arrivals = vector.body.arrivals as Arrival[];
  const totals = { delivered: 0, dropped: 0, marked: 0, ce_threshold_marked: 0 };
  const rows: Record<string, unknown>[] = [];
  let last: number | null = null;
  let next = 0;
  (vector.body.dequeues as number[]).forEach((t, dequeue_index) => {
    for (; next < arrivals.length && (arrivals[next] as Arrival)[0] <= t; next++) {
      const [enqueuedNs, sizeBytes, ecn] = arrivals[next] as Arrival;
      leaf.enqueue({ id: next, enqueuedNs, sizeBytes, ect: ecn !== 0 });
    }
    const { delivered, code, dropped } = leaf.dequeue(t);
    const id = delivered?.id ?? null;
    if (id !== null) {
      totals.delivered++;
      last = id;
    }
    totals.dropped += dropped.length;
    const marked = code === CODEL_MARK ? [id] : [];
    const ceMarked = code === CODEL_MARK_CE ? [id] : [];
    totals.marked += marked.length;
    totals.ce_threshold_marked += ceMarked.length;
    if (dropped.length + marked.length + ceMarked.length === 0) return;
    rows.push({
      dequeue_index,
      t,
      delivered_id: id,
      dropped_ids: dropped,
      marked_ids: marked,
      ce_threshold_marked_ids: ceMarked,
      count_after: leaf.state.count[0],
      dropping_after: leaf.state.phase[0] === CODEL_DROPPING,
    });
  });
  rows.push({ totals, last });
  return { rows };
}

function expectedSignals({ body }: Vector) {
  const end = { totals: body.expect_totals, last: body.expect_last_delivered };
  return {
    rows: [...(body.expect_signals as unknown[]), end],
    fields: body.expect_signals_fields as string[],
  };
}

function refuse(vector: Vector): string | undefined {
  const { arrivals, dequeues, expect_totals, expect_signals, params } = vector.body;
  const isKnown = Array.isArray(arrivals) && Array.isArray(dequeues) && Array.isArray(expect_signals);
  if (!isKnown || !isRecord(expect_totals)) return 'a trace of a shape that is not known';
  const rule = (params as { min_backlog_rule?: string }).min_backlog_rule ?? '<= mtu';
  return rule.includes('<= mtu') ? undefined : `no code for the backlog rule: ${rule}`;
}

function law(vector: Vector): Found {
  const { interval } = vector.body.params as { interval: number };
  const rows = (vector.body.expect as [number, number][]).map(([count]) => ({
    count,
    spacing_ns: codelSpacingNs(interval, count),
  }));
  return { rows };
}

type Reuse = [number, number, number, 'rfc' | 'draft01' | 'none', number];

function reuse(vector: Vector): Found {
  const rows = (vector.body.expect as Reuse[]).map(([count, lastcount, since, rule]) => ({
    count,
    lastcount,
    since_intervals: since,
    rule,
    new_count:
      rule === 'rfc'
        ? codelCountAgain(count, lastcount, since * 1e8, 1e8)
        : olderCountAgain(rule, count, since),
  }));
  return { rows };
}

/**
 * The kernel's integers, in test/oracle: our square roots are exact. Rows either walk on from the one before,
 * or stand alone.
 */
function fixedPoint(vector: Vector): Found {
  const fields = vector.body.expect_fields as string[];
  const expected = vector.body.expect as number[][];
  if (fields[0] === 'rec_inv_sqrt') {
    const rows = expected.map(([before, count]) => ({
      rec_inv_sqrt: before,
      count,
      next: inverseRootStep(before as number, count as number),
    }));
    return { rows };
  }
  let inverse = 0xffff;
  const rows = expected.map(([count]) => {
    if (count !== 1) inverse = inverseRootStep(inverse, count as number);
    // The largest value of the field stands for 1. Printed with six digits.
    const exact = (inverse === 0xffff ? 0x10000 : inverse) * Math.sqrt(count as number);
    const ratio = Math.round((exact / 0x10000) * 1e6) / 1e6;
    return { count, rec_inv_sqrt: inverse, ratio_to_exact: ratio };
  });
  return { rows };
}

/**
 * 20 packets of 1000 B at 0. At the last dequeue as many drops are published as drop instants have passed by
 * then.
 */
function basicDrop(vector: Vector): Found {
  const leaf = new Leaf(codelParameters({ target: 5e6, interval: 1e8, mtu: 1500 }));
  for (let id = 0; id < 20; id++) leaf.enqueue({ id, enqueuedNs: 0, sizeBytes: 1000, ect: false });
  const trace = [10, 210, 210, 420].map((ms) => {
    const { delivered, dropped } = leaf.dequeue(ms * 1e6);
    return [ms, delivered?.id, dropped.length];
  });
  const drops: unknown[] = trace.map(([, , count]) => count);
  const [, , , text] = (vector.body.expect as { drops_per_dequeue: unknown[] }).drops_per_dequeue;
  const stated = Number(/\((\d+) with exact/.exec(String(text))?.[1]);
  if (drops[3] === stated) drops[3] = text;
  return { rows: [{ drops_per_dequeue: drops, trace }] };
}

/**
 * 12 Mbit/s into 10 Mbit/s, 1500 B, 1000 packets of room: count, drops and queue when the link has been busy
 * for so long. Orientation values: an eighth or 8 is as near as two ways of starting the clock come.
 */
function unresponsive({ body }: Vector): Found {
  const leaf = new Leaf(codelParameters({ target: 5e6, interval: 1e8, mtu: 1500 }));
  const stated = body.values as [number, number, number, number][];
  const rows: Record<string, unknown>[] = [];
  let arrived = 0;
  let drops = 0;
  let queued = 0;
  for (let k = 1; rows.length < stated.length; k++) {
    const nowNs = k * 1.2e6;
    for (; arrived * 1e6 <= nowNs; arrived++, queued++) {
      if (queued >= 1000) throw new Error('the queue is full');
      leaf.enqueue({ id: arrived, enqueuedNs: arrived * 1e6, sizeBytes: 1500, ect: false });
    }
    const [t_s, ...values] = stated[rows.length] as [number, number, number, number];
    if (nowNs >= t_s * 1e9) {
      const found = [leaf.state.count[0] as number, drops, queued];
      const near = found.map((value, i) => {
        const wanted = values[i] as number;
        return Math.abs(value - wanted) <= Math.max(8, wanted / 8) ? wanted : value;
      });
      rows.push({ t_s, count: near[0], codel_drops: near[1], queue_packets: near[2] });
    }
    const dropped = leaf.dequeue(nowNs).dropped.length;
    drops += dropped;
    queued -= dropped + 1;
  }
  return { rows };
}

/** At count 2 the kernel's integer has 0.5 where the root has 0.707: printed with five digits. */
function newtonCount2(): Found {
  const rounded = (value: number): number => Math.round(value * 1e5) / 1e5;
  return {
    rows: [{ value: rounded(inverseRootStep(0xffff, 2) / 0x10000), exact: rounded(codelSpacingNs(1, 2)) }],
  };
}

const TRACE_KEYS = [
  ...['arrivals', 'arrival_fields', 'dequeues', 'expect_signals', 'expect_signals_fields'],
  ...['expect_totals', 'expect_last_delivered'],
];

export const CODEL_RUNNERS: readonly [string, Runner][] = [
  [
    'codel',
    {
      params: ['target', 'interval', 'mtu', 'ecn', 'ce_threshold', 'min_backlog_rule'],
      keys: TRACE_KEYS,
      refuse,
      expected: expectedSignals,
      run: simulate,
    },
  ],
  ['codel-law', { params: ['interval'], run: law }],
  ['codel-reuse', { params: [], run: reuse }],
  ['codel-int', { params: [], run: fixedPoint }],
  [
    'ns3-codel-basic-drop',
    {
      params: [],
      keys: ['trace'],
      expected: ({ body }) => ({ rows: [{ ...(body.expect as object), trace: body.trace }] }),
      run: basicDrop,
    },
  ],
  ['newton-count-2', { params: [], run: newtonCount2 }],
  [
    'codel-unresponsive',
    {
      params: [],
      keys: ['fields', 'values'],
      expected: ({ body }) => ({ rows: body.values as unknown[], fields: body.fields as string[] }),
      run: unresponsive,
    },
  ],
  ...FQ_CODEL_RUNNERS,
];
