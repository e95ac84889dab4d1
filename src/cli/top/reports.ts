/** What an instance answers, as far as `top` reads it. Keys that an older instance does not know are optional. */

export interface FlowRow {
  readonly protocol: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly classes: readonly string[];
  readonly packets: number;
  readonly bytes: number;
  readonly bitsPerSecond: number;
  readonly backlogBytes: number;
  readonly dropped: number;
  readonly marked: number;
  readonly rttMilliseconds: number | null;
  readonly retransmits: number | null;
  readonly ageSeconds: number;
  readonly recentDelayMilliseconds?: { readonly p50: number; readonly p99: number } | null;
}

export interface FlowsAnswer {
  readonly flows: readonly FlowRow[];
  readonly total: number;
}

interface HostSide {
  readonly bytes: number;
  readonly bitsPerSecond: number;
  readonly dropped: number;
}

export interface HostRow {
  readonly id: string;
  readonly name: string;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  readonly lastSeen: string;
  readonly up: HostSide;
  readonly down: HostSide;
  readonly flows: number;
  readonly rttMilliseconds: number | null;
}

export interface HostsAnswer {
  readonly hosts: readonly HostRow[];
}

export interface LeaseRow {
  readonly id: number;
  readonly path: string;
  readonly set: object;
  readonly since: string;
  readonly until: string;
  readonly back: object;
}

export interface LeasesAnswer {
  readonly leases: readonly LeaseRow[];
}

export interface Change {
  readonly path: string;
  readonly key: string;
  readonly old: string | null;
  readonly new: string | null;
}

export interface WhyFlow {
  readonly flow?: string;
  readonly rule?: { readonly file: string; readonly line: number } | null;
  readonly nextClass?: string | null;
  readonly limitedBy?: { readonly kind: string; readonly where: string; readonly detail: string };
  readonly sentence?: string;
}

export interface WhyAnswer {
  readonly flows?: readonly WhyFlow[];
}

/** `tcp 10.1.0.2:40000 > 10.2.0.2:5201`, which names the flow. */
export function flowName(flow: FlowRow): string {
  return `${flow.protocol} ${endOf(flow.src, flow.sport)} > ${endOf(flow.dst, flow.dport)}`;
}

/** The flow as a subject of `why`. */
export function flowSubject(flow: FlowRow): string {
  return `${flow.protocol} ${endOf(flow.src, flow.sport)} ${endOf(flow.dst, flow.dport)}`;
}

export function endOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As the arguments of `shaper set` that would set the same: `ceil=5mbit each.rate=1mbit`. */
export function valuesText(values: object, prefix = ''): string {
  return Object.entries(values)
    .map(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? valuesText(value, `${prefix}${key}.`)
        : `${prefix}${key}=${Array.isArray(value) ? JSON.stringify(value) : String(value)}`,
    )
    .join(' ');
}
