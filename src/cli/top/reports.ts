/** What an instance answers, as far as `top` reads it. */
import type { LeaseReport } from '../../control/change/reports.ts';
import type { FlowReport } from '../../control/views/flows-view.ts';
import type { HostReport } from '../../control/views/hosts-view.ts';
import type { ProgramReport } from '../../control/views/programs-view.ts';
import { endpoint } from '../views/flows-table.ts';

export interface FlowsAnswer {
  readonly flows: readonly FlowReport[];
  readonly total: number;
}

export interface HostsAnswer {
  readonly hosts: readonly HostReport[];
  readonly total: number;
}

export interface LeasesAnswer {
  readonly leases: readonly LeaseReport[];
}

export interface ProgramsAnswer {
  readonly programs: readonly ProgramReport[];
  readonly total: number;
}

/** `tcp 10.1.0.2:40000 > 10.2.0.2:5201`, which names the flow. */
export function flowName(flow: FlowReport): string {
  return `${flow.protocol} ${endpoint(flow.src, flow.sport)} > ${endpoint(flow.dst, flow.dport)}`;
}

/** The flow as a subject of `why`. */
export function flowSubject(flow: FlowReport): string {
  return `${flow.protocol} ${endpoint(flow.src, flow.sport)} ${endpoint(flow.dst, flow.dport)}`;
}
