/** Routes that say who uses the line now. */
import { type Route, route, textRoute } from '../http/route.ts';
import {
  choice,
  integer,
  list,
  nullable,
  number,
  object,
  optional,
  type Schema,
  text,
} from '../http/schema.ts';
import { EXPOSITION_TYPE } from '../views/exposition.ts';
import { FLOW_SORTS, FLOWS_SHOWN, type FlowsReport } from '../views/flows-view.ts';
import type { HostSideReport, HostsReport } from '../views/hosts-view.ts';
import { PROGRAM_KINDS, type ProgramSideReport, type ProgramsReport } from '../views/programs-view.ts';
import type { Views } from '../views/views.ts';
import { STANDING } from './quotas.ts';

const SHOWN_MAX = 65536;

const rates = object('Mean rates in bit/s; the windows are a little longer than they say', {
  over1s: number('Over the last second'),
  over10s: number('Over the last 10 s'),
  over60s: number('Over the last 60 s'),
});
const delay = (description: string) =>
  nullable(object(description, { p50: number('Half'), p99: number('99 %') }));
const DELAYS = {
  delayMilliseconds: delay('Since the start, of packets that have waited; null if none has'),
  recentDelayMilliseconds: delay('In the last 10 to 15 s, of packets that have waited; null if none has'),
};

export const FLOWS: Schema<FlowsReport> = object('Flows', {
  flows: list(
    'The largest first',
    object('A flow', {
      protocol: text('A name, or a number without one'),
      src: text('Address'),
      sport: integer('Port, 0 if there is none'),
      dst: text('Address'),
      dport: integer('Port, 0 if there is none'),
      classes: list('Its classes, in the order in which its packets pass them', text('wan/up/guests')),
      packets: integer('Sent'),
      bytes: integer('Sent'),
      bitsPerSecond: integer('Sent over the last second'),
      backlogBytes: integer('What waits'),
      dropped: integer('Packets'),
      marked: integer('Packets that got a CE mark'),
      rttMilliseconds: nullable(number('Smoothed round-trip time of TCP; null if it is not known')),
      retransmits: nullable(integer('Segments of TCP sent again; null without TCP')),
      ageSeconds: number('Since its first packet'),
      idleSeconds: number('Since its last packet'),
      rates,
      ...DELAYS,
      process: nullable(
        object('Whose it is; null if it is forwarded, or if nobody is known to have its socket', {
          pid: nullable(
            integer('null, as name and program are, if no process can be seen that has the socket'),
          ),
          name: nullable(text('As ps shows it: at most 15 bytes')),
          exe: nullable(text('Absolute path of the program')),
          user: text('Of the socket; a number without a name'),
          unit: nullable(text('Of systemd: the innermost service or scope of its control group')),
          container: nullable(text('Its name; the first 12 digits of its id without one')),
        }),
      ),
    }),
  ),
  total: integer('Flows that fit, those beyond the limit too'),
});

const programSide = (description: string): Schema<ProgramSideReport> =>
  object(description, {
    packets: integer('Sent, of flows that are known now'),
    bytes: integer('Sent, of flows that are known now'),
    bitsPerSecond: integer('Over the last second'),
    dropped: integer('Packets'),
    rates,
  });

export const PROGRAMS: Schema<ProgramsReport> = object('Programs of this machine', {
  programs: list(
    'The fastest first',
    object('A program', {
      kind: choice(
        'A program of this machine; all forwarded flows; those of this machine without a known owner',
        PROGRAM_KINDS,
      ),
      name: text('As ps shows its first process; empty if none can be seen'),
      exe: nullable(text('Absolute path of the program')),
      pids: list('Of its processes with flows', integer('pid')),
      users: list('Of its sockets', text('A name, or a number without one')),
      units: list('Of systemd', text('nginx.service')),
      containers: list('In which it runs', text('A name')),
      flows: integer('That are known now'),
      up: programSide('From this machine'),
      down: programSide('To this machine'),
    }),
  ),
  total: integer('Programs, those beyond the limit too'),
});

const side = (description: string): Schema<HostSideReport> =>
  object(description, {
    packets: integer('Sent'),
    bytes: integer('Sent'),
    bitsPerSecond: integer('Over the last second'),
    dropped: integer('Packets'),
    rates,
  });

export const HOSTS: Schema<HostsReport> = object('Inside hosts', {
  hosts: list(
    'The fastest first',
    object('A host', {
      id: text('Its MAC, its address or its port: the key of all that is stored of it'),
      name: text('Empty if it has none'),
      macs: list('Empty if it is known by its address', text('MAC')),
      addresses: list('Those that it has now, or had last', text('Address')),
      lastSeen: text('When its last packet came (ISO 8601)'),
      up: side('From the host, since it was seen first'),
      down: side('To the host, since it was seen first'),
      flows: integer('That are known now'),
      rttMilliseconds: nullable(number('Of the TCP flow that sent most in the last 10 s')),
      quotas: list('Its limits', STANDING),
      ...DELAYS,
    }),
  ),
  total: integer('Hosts, those beyond the limit too'),
  forgotten: integer('Hosts whose totals made room for others'),
  ports: list(
    'Devices and ports of bridges behind which hosts are',
    object('A port', {
      port: text('Its name; empty if it is not known'),
      addresses: integer('Of hosts'),
      macs: integer('By which they were seen last'),
    }),
  ),
});

export interface ViewCommands {
  readonly views: Pick<Views, 'flows' | 'hosts' | 'programs'>;
  readonly metrics: () => Promise<string>;
}

export function viewRoutes({ views, metrics }: ViewCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/flows',
      summary: 'The flows that use the line now',
      query: {
        class: optional(text('Flows of this class and those inside it')),
        host: optional(text('Flows from or to this address or prefix')),
        sort: optional(choice('What stands first: the largest, or the oldest', FLOW_SORTS)),
        limit: optional(integer(`How many; ${FLOWS_SHOWN} without it`, { min: 1, max: SHOWN_MAX })),
      },
      answer: FLOWS,
      handle: ({ query }) => views.flows(query),
    }),
    route({
      method: 'GET',
      path: '/v1/programs',
      summary: 'The programs of this machine that use the line now',
      query: { limit: optional(integer('How many; all without it', { min: 1, max: SHOWN_MAX })) },
      answer: PROGRAMS,
      handle: ({ query }) => views.programs(query),
    }),
    route({
      method: 'GET',
      path: '/v1/hosts',
      summary: 'Inside hosts: sources in up, destinations in down',
      query: { limit: optional(integer('How many; all without it', { min: 1, max: SHOWN_MAX })) },
      answer: HOSTS,
      handle: ({ query }) => views.hosts(query),
    }),
    textRoute({
      path: '/v1/metrics',
      summary:
        'The counters of the last sample, which is at most a second old, in the text format of Prometheus',
      contentType: EXPOSITION_TYPE,
      handle: metrics,
    }),
  ];
}
