/** The flows that use the line now, in the shape of the contract. */
import { NONE } from '../../base/none.ts';
import { RECORD_SHIFT, WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { createFlowRecord, type FlowReader, type FlowRecord } from '../../core/flows/flow-reader.ts';
import { addressText } from '../../packet/address-text.ts';
import { protocolName } from '../../packet/protocols.ts';
import type { FlowProcess } from '../programs/process-facts.ts';
import type { FlowPrograms } from '../programs/programs.ts';
import type { ClassLabel } from '../snapshot.ts';
import { addressFilter } from './address-filter.ts';
import { classFilter } from './class-filter.ts';
import { droppedPackets, type FlowSamples, type SideOf } from './flow-samples.ts';
import { type Rates, rateSince } from './history.ts';
import { Largest } from './largest.ts';
import { bitsPerSecond, type RecentBits } from './recent-bits.ts';
import { type WaitPercentiles, waitPercentiles } from './waits.ts';

export const FLOW_SORTS = ['rate', 'bytes', 'backlog', 'dropped', 'rtt', 'age'] as const;
export type FlowSort = (typeof FLOW_SORTS)[number];
export const FLOWS_SHOWN = 100;

export interface FlowQuery {
  /** Flows of this class and those inside it. */
  readonly class?: string;
  /** Flows from or to this address or prefix. */
  readonly host?: string;
  /** The largest first. Default: rate. */
  readonly sort?: FlowSort;
  /** Default: FLOWS_SHOWN. */
  readonly limit?: number;
}

export interface FlowReport {
  /** A name, or a number without one. */
  readonly protocol: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  /** Its leaves, in the order in which its packets pass them. */
  readonly classes: readonly string[];
  /** Sent. */
  readonly packets: number;
  readonly bytes: number;
  /** Over the last second. */
  readonly bitsPerSecond: number;
  readonly backlogBytes: number;
  readonly dropped: number;
  readonly marked: number;
  readonly rttMilliseconds: number | null;
  readonly retransmits: number | null;
  /** Since its first packet. */
  readonly ageSeconds: number;
  /** Since its last packet. */
  readonly idleSeconds: number;
  readonly rates: RecentBits;
  /** Of packets that have waited; null if none has. */
  readonly delayMilliseconds: WaitPercentiles | null;
  readonly recentDelayMilliseconds: WaitPercentiles | null;
  /** Whose it is; null if it is forwarded, or if nobody is known to have its socket. */
  readonly process: FlowProcess | null;
}

export interface FlowsReport {
  readonly flows: readonly FlowReport[];
  /** Flows that fit, those beyond the limit too. */
  readonly total: number;
}

/** Classes by the rows that the flow table names. */
export interface FlowClasses {
  readonly classes: readonly ClassLabel[];
  readonly classChanges: number;
  readonly sideOf: SideOf;
}

const decimals = (value: number, digits: number): number => Number(value.toFixed(digits));

export class FlowsView {
  private readonly reader: FlowReader;
  private readonly samples: FlowSamples;
  private readonly record = createFlowRecord();
  private readonly sums = new Float64Array(WAIT_BINS);
  private readonly programs: Pick<FlowPrograms, 'processOf'>;

  constructor(reader: FlowReader, samples: FlowSamples, programs: Pick<FlowPrograms, 'processOf'>) {
    this.reader = reader;
    this.samples = samples;
    this.programs = programs;
  }

  /** @throws ApiError */
  report(query: FlowQuery, known: FlowClasses, nowNs: number): FlowsReport {
    const { classes, classChanges, sideOf } = known;
    const isOfClass = query.class === undefined ? null : classFilter(query.class, classes);
    const isOfHost = query.host === undefined ? null : addressFilter(query.host, 'query.host');
    const rates = this.samples.history.rates(nowNs);
    const keyOf = KEYS[query.sort ?? 'rate'];
    const largest = new Largest(query.limit ?? FLOWS_SHOWN);
    this.samples.update(sideOf, nowNs, (row, record) => {
      if (isOfClass !== null && !isOfClass(record)) return;
      if (isOfHost !== null && !isOfHost(record)) return;
      largest.add(keyOf(record, row, rates), row, record.generation);
    });
    const areRowsKnown = this.reader.classChanges === classChanges;
    const pathOf = (leaf: number): string => classes[leaf]?.path ?? '';
    const flows: FlowReport[] = [];
    for (const { row, tag } of largest.take()) {
      const { record } = this;
      if (!this.reader.read(row << RECORD_SHIFT, record) || record.generation !== tag) continue;
      const leaves = areRowsKnown ? [record.leaf, record.secondLeaf].filter((leaf) => leaf !== NONE) : [];
      flows.push(this.flowReport(row, leaves.map(pathOf), rates, nowNs));
    }
    return { flows, total: largest.count };
  }

  private flowReport(row: number, classes: readonly string[], rates: Rates, nowNs: number): FlowReport {
    const { record } = this;
    const { family, protocol, src, dst, sport, dport, sentBytes } = record;
    const bits = bitsPerSecond(rates, row, sentBytes);
    return {
      protocol: protocolName(protocol) ?? String(protocol),
      src: addressText(family, src),
      sport,
      dst: addressText(family, dst),
      dport,
      classes,
      packets: record.sentPackets,
      bytes: sentBytes,
      bitsPerSecond: bits.over1s,
      backlogBytes: record.backlogBytes,
      dropped: droppedPackets(record),
      marked: record.marked,
      rttMilliseconds: rttMilliseconds(record),
      retransmits: record.isTcp ? record.retransmits : null,
      ageSeconds: decimals(Math.max(0, nowNs - record.firstNs) / 1e9, 1),
      idleSeconds: decimals(Math.max(0, nowNs - record.lastNs) / 1e9, 1),
      rates: bits,
      delayMilliseconds: this.delay(row, 'addTotal'),
      recentDelayMilliseconds: this.delay(row, 'addRecent'),
      process: this.programs.processOf(record),
    };
  }

  private delay(row: number, add: 'addTotal' | 'addRecent'): WaitPercentiles | null {
    this.sums.fill(0);
    this.samples.waits[add](row, this.sums, 0);
    return waitPercentiles(this.sums, 0);
  }
}

/** What flows are sorted by. */
const KEYS: Readonly<Record<FlowSort, (record: FlowRecord, row: number, rates: Rates) => number>> = {
  rate: ({ sentBytes }, row, rates) => rateSince(rates.over1s, row, sentBytes),
  bytes: ({ sentBytes }) => sentBytes,
  backlog: ({ backlogBytes }) => backlogBytes,
  dropped: droppedPackets,
  rtt: (record) => rttMilliseconds(record) ?? -1,
  age: ({ firstNs }) => -firstNs,
};

/** null if the round trip is not known. */
export function rttMilliseconds({ isTcp, rttNs }: FlowRecord): number | null {
  return isTcp && !Number.isNaN(rttNs) ? Math.round(rttNs / 1e3) / 1e3 : null;
}
