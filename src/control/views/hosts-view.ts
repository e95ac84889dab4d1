/** Inside hosts, in the shape of the contract. */
import { NONE } from '../../base/none.ts';
import { WAIT_BINS } from '../../core/flows/flow-layout.ts';
import { addressText } from '../../packet/address-text.ts';
import type { FlowSamples } from './flow-samples.ts';
import { type FlowClasses, rttMilliseconds } from './flows-view.ts';
import { grownFloats } from './grown.ts';
import { type Rates, rateSince } from './history.ts';
import { DOWN, type HostTable, type Side, UP } from './hosts.ts';
import { Largest } from './largest.ts';
import { bitsPerSecond, type RecentBits } from './recent-bits.ts';
import { type WaitPercentiles, waitPercentiles } from './waits.ts';

export interface HostQuery {
  /** Default: all. */
  readonly limit?: number;
}

/** All but rates is since the start, or since the host was seen first. */
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
  /** The address. */
  readonly id: string;
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
  readonly quotas: readonly object[];
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
}

export interface HostInstant {
  readonly nowNs: number;
  readonly wallMs: number;
}

export function hostsReport(
  { limit = Number.POSITIVE_INFINITY }: HostQuery,
  samples: FlowSamples,
  hosts: HostTable,
  classes: Omit<FlowClasses, 'classes'>,
  now: HostInstant,
): HostsReport {
  const live = new LiveFlows(samples, hosts);
  live.look(classes, now.nowNs);
  const rates = hosts.sides.map(({ history }) => history.rates(now.nowNs));
  const rateOf = (row: number, side: Side): number =>
    rateSince(rates[side]!.over1s, row, hosts.sides[side].bytes[row]!);
  const largest = new Largest(limit);
  for (const row of hosts.inUse()) largest.add(rateOf(row, UP) + rateOf(row, DOWN), row, 0);
  const reports = largest.take().map(({ row }): HostReport => {
    const id = addressText(hosts.family[row]!, hosts.address.subarray(4 * row, 4 * row + 4));
    return {
      id,
      name: '',
      macs: [],
      addresses: [id],
      lastSeen: new Date(now.wallMs - Math.max(0, now.nowNs - hosts.lastNs[row]!) / 1e6).toISOString(),
      up: sideReport(hosts, UP, row, rates[UP]!),
      down: sideReport(hosts, DOWN, row, rates[DOWN]!),
      flows: hosts.flows[row]!,
      rttMilliseconds: live.rttOf(row),
      quotas: [],
      delayMilliseconds: waitPercentiles(hosts.waits, row * WAIT_BINS),
      recentDelayMilliseconds: live.delayOf(row),
    };
  });
  return { hosts: reports, total: hosts.size, forgotten: hosts.forgotten };
}

/** Packets that the kernel had lost are taken back. */
function sideReport(hosts: HostTable, side: Side, row: number, rates: Rates): HostSideReport {
  const { bytes, packets, dropped } = hosts.sides[side];
  const bits = bitsPerSecond(rates, row, bytes[row]!);
  return {
    packets: Math.max(0, packets[row]!),
    bytes: Math.max(0, bytes[row]!),
    bitsPerSecond: bits.over1s,
    dropped: Math.max(0, dropped[row]!),
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

  look({ sideOf, classChanges }: Omit<FlowClasses, 'classes'>, nowNs: number): void {
    const { samples } = this;
    const rates = samples.history.rates(nowNs);
    samples.update(sideOf, classChanges, nowNs, (row, record) => {
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
    this.grow();
  }

  rttOf(row: number): number | null {
    return this.fastest[row]! > 0 ? this.rtt[row]! : null;
  }

  delayOf(row: number): WaitPercentiles | null {
    return waitPercentiles(this.waits, row * WAIT_BINS);
  }

  /** As long as the columns of the hosts. */
  private grow(): void {
    const rows = this.hosts.flows.length;
    if (rows === this.rtt.length) return;
    this.fastest = grownFloats(this.fastest, rows);
    this.rtt = grownFloats(this.rtt, rows);
    this.waits = grownFloats(this.waits, WAIT_BINS * rows);
  }
}
