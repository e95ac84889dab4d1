/** Inside hosts, in the shape of the contract. */
import { NONE } from '../../base/none.ts';
import { WAIT_BINS } from '../../core/flows/flow-layout.ts';
import type { HostDirectory } from '../hosts/directory.ts';
import type { EntrySide, HostEntry } from '../hosts/entry.ts';
import type { PortReport, StandingReport } from '../hosts/reports.ts';
import type { FlowSamples, SideOf } from './flow-samples.ts';
import { rttMilliseconds } from './flows-view.ts';
import { grownFloats } from './grown.ts';
import { type Rates, rateSince } from './history.ts';
import type { HostTable } from './hosts.ts';
import { Largest } from './largest.ts';
import { bitsPerSecond, type RecentBits } from './recent-bits.ts';
import { type WaitPercentiles, waitPercentiles } from './waits.ts';

/** Instants in milliseconds are below it. */
const SEEN_MS_MAX = 1e13;

export interface HostQuery {
  /** Default: all. */
  readonly limit?: number;
}

/** Bytes are since the host was seen first, over all runs if they are stored; packets are of this run. */
export interface HostSideReport {
  readonly packets: number;
  readonly bytes: number;
  /** Over the last second. */
  readonly bitsPerSecond: number;
  /** Packets. */
  readonly dropped: number;
  readonly rates: RecentBits;
}

export interface HostReport {
  /** The MAC, the address, or the name of the port. */
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  /** ISO 8601. */
  readonly lastSeen: string;
  readonly up: HostSideReport;
  readonly down: HostSideReport;
  /** That are known now. */
  readonly flows: number;
  /** Of the TCP flow that has sent most in the last 10 s. */
  readonly rttMilliseconds: number | null;
  readonly quotas: readonly StandingReport[];
  /** Of packets that have waited, in either direction; null if none has. */
  readonly delayMilliseconds: WaitPercentiles | null;
  readonly recentDelayMilliseconds: WaitPercentiles | null;
}

export interface HostsReport {
  /** The fastest first. */
  readonly hosts: readonly HostReport[];
  readonly total: number;
  /** Hosts whose totals made room for others. */
  readonly forgotten: number;
  readonly ports: readonly PortReport[];
}

/** Hosts as they are known, and how they stand with their quotas. */
export interface HostSubject {
  readonly directory: Pick<HostDirectory, 'entries' | 'forgotten'>;
  readonly standingsOf: (entry: HostEntry) => readonly StandingReport[];
  readonly ports: () => readonly PortReport[];
}

export function hostsReport(
  { limit = Number.POSITIVE_INFINITY }: HostQuery,
  { directory, standingsOf, ports }: HostSubject,
  samples: FlowSamples,
  hosts: HostTable,
  sideOf: SideOf,
  nowNs: number,
): HostsReport {
  const live = new LiveFlows(samples, hosts);
  live.look(sideOf, nowNs);
  const [up, down] = hosts.histories.map((history) => history.rates(nowNs)) as [Rates, Rates];
  const entries = [...directory.entries.values()];
  const largest = new Largest(limit);
  for (const [i, entry] of entries.entries()) {
    const row = hosts.find(entry);
    const rate =
      rateSince(up.over1s, row, entry.up.runBytes) + rateSince(down.over1s, row, entry.down.runBytes);
    // Of those without traffic the one that was seen last stands first.
    largest.add(rate + entry.lastSeenMs / SEEN_MS_MAX, i, 0);
  }
  live.grow();
  const reports = largest.take().map(({ row: i }): HostReport => {
    const entry = entries[i]!;
    const row = hosts.find(entry);
    return {
      ...{ id: entry.id, name: entry.name, macs: entry.macTexts, addresses: entry.addressTexts },
      lastSeen: new Date(entry.lastSeenMs).toISOString(),
      up: sideReport(entry.up, row, up),
      down: sideReport(entry.down, row, down),
      flows: hosts.flows[row]!,
      rttMilliseconds: live.rttOf(row),
      quotas: standingsOf(entry),
      delayMilliseconds: waitPercentiles(hosts.waits, row * WAIT_BINS),
      recentDelayMilliseconds: live.delayOf(row),
    };
  });
  return { hosts: reports, total: entries.length, forgotten: directory.forgotten, ports: ports() };
}

/** Packets that the kernel had lost are taken back. */
function sideReport(
  { bytes, runBytes, packets, dropped }: EntrySide,
  row: number,
  rates: Rates,
): HostSideReport {
  const bits = bitsPerSecond(rates, row, runBytes);
  return {
    packets: Math.max(0, packets),
    bytes,
    bitsPerSecond: bits.over1s,
    dropped: Math.max(0, dropped),
    rates: bits,
  };
}

/** Columns by row of the host, of the flows that it has now. */
class LiveFlows {
  private readonly samples: FlowSamples;
  private readonly hosts: HostTable;
  /** What the fastest TCP flow sent a second in the last 10 s, + 1; 0 if there is none. */
  private fastest = new Float64Array(0);
  private rtt = new Float64Array(0);
  private waits = new Float64Array(0);

  constructor(samples: FlowSamples, hosts: HostTable) {
    this.samples = samples;
    this.hosts = hosts;
    this.grow();
  }

  look(sideOf: SideOf, nowNs: number): void {
    const { samples } = this;
    const rates = samples.history.rates(nowNs);
    samples.update(sideOf, nowNs, (row, record) => {
      const host = samples.hostOf(row);
      if (host === NONE) return;
      if (host >= this.rtt.length) this.grow();
      samples.waits.addRecent(row, this.waits, host * WAIT_BINS);
      const rtt = rttMilliseconds(record);
      const rate = 1 + rateSince(rates.over10s, row, record.sentBytes);
      if (rtt === null || rate <= this.fastest[host]!) return;
      this.fastest[host] = rate;
      this.rtt[host] = rtt;
    });
  }

  rttOf(row: number): number | null {
    return this.fastest[row]! > 0 ? this.rtt[row]! : null;
  }

  delayOf(row: number): WaitPercentiles | null {
    return waitPercentiles(this.waits, row * WAIT_BINS);
  }

  /** As long as the columns of the hosts. */
  grow(): void {
    const rows = this.hosts.flows.length;
    if (rows === this.rtt.length) return;
    this.fastest = grownFloats(this.fastest, rows);
    this.rtt = grownFloats(this.rtt, rows);
    this.waits = grownFloats(this.waits, WAIT_BINS * rows);
  }
}
