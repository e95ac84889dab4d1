/** Routes of quotas and of the past of hosts. */
import { parseBytes, parseTime, UnitError } from '../../base/units.ts';
import { ApiError } from '../api-error.ts';
import type { Quotas } from '../commands/quotas.ts';
import type { GrantReport, HistoryReport, HostStanding, QuotasReport } from '../hosts/reports.ts';
import { type Route, route } from '../http/route.ts';
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

/** Ten years. */
const DURATION_NS_MAX = 3650 * 86_400e9;
/** A petabyte. */
const GRANT_BYTES_MAX = 1e15;
const LAST = '7d';

const HOST = 'A name, an id, a MAC or any address of a host';

export const STANDING = object('How it stands with one limit', {
  quota: text('Its name'),
  over: text('The window, as in the file'),
  direction: choice('What is counted', ['up', 'down', 'total']),
  usedBytes: integer('In the window before now'),
  limitBytes: integer('With what was granted'),
  state: choice('ok, warned, or exceeded until the sum has fallen', ['ok', 'warned', 'exceeded']),
  endsAt: nullable(text('When it ends if the host has no more traffic (ISO 8601); null: not exceeded')),
});

export const GRANT: Schema<GrantReport> = object('Bytes beyond the limits', {
  id: integer('Its number'),
  host: text('The id of the host'),
  name: text('Empty if it has none'),
  quota: nullable(text('null: all quotas')),
  bytes: integer('By which the limits are higher'),
  since: text('ISO 8601'),
  until: nullable(text('ISO 8601; null: in each window for as long as that window is')),
});

const STANDINGS: Schema<HostStanding> = object('A host', {
  id: text('Its MAC, its address or its port'),
  name: text('Empty if it has none'),
  addresses: list('Those that it has now', text('Address')),
  quotas: list('Its limits', STANDING),
  grants: list('What was granted to it', GRANT),
});

const QUOTAS: Schema<QuotasReport> = object('Quotas', {
  hosts: list('Those that are over first, then those that have used most of a limit', STANDINGS),
});

const HISTORY: Schema<HistoryReport> = object('The past of a host', {
  host: text('Its id; house: all hosts together'),
  name: text('Empty if it has none'),
  stepSeconds: number('From one point to the next'),
  points: list(
    'The oldest first',
    object('A step', {
      at: text('Its beginning (ISO 8601)'),
      upBytes: nullable(number('null: not known')),
      downBytes: nullable(number('null: not known')),
    }),
  ),
});

export interface QuotaCommands {
  readonly quotas: Quotas;
}

export function quotaRoutes({ quotas }: QuotaCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/quotas',
      summary: 'How hosts stand with their quotas, and what was granted to them',
      query: { host: optional(text(HOST)) },
      answer: QUOTAS,
      handle: async ({ query }) => quotas.report(query.host ?? null),
    }),
    route({
      method: 'POST',
      path: '/v1/quotas/grant',
      summary: 'Grants bytes to a host beyond its limits',
      body: object('What is granted', {
        host: text(HOST),
        bytes: text('5GB'),
        quota: optional(text('Of this quota alone; of all without it')),
        for: optional(text('For how long: 1d; in each window for as long as that window is without it')),
      }),
      answer: object('What was granted', { grant: GRANT }),
      handle: async ({ body }) => ({
        grant: quotas.grant({
          ...{ host: body.host, bytes: bytesOf(body.bytes), quota: body.quota ?? null },
          forNs: body.for === undefined ? null : spanOf(body.for, 'body.for'),
        }),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/quotas/reset',
      summary: 'Forgets what a host has used of its quotas; its history stays',
      body: object('Whose', { host: text(HOST) }),
      answer: object('How it stands now', { host: STANDINGS }),
      handle: async ({ body }) => ({ host: quotas.reset(body.host) }),
    }),
    route({
      method: 'GET',
      path: '/v1/history',
      summary: 'What a host sent and received in the past, by steps',
      query: {
        host: text(`${HOST}; house: all together`),
        last: optional(text(`How much of the past; ${LAST} without it`)),
        step: optional(text('The span of a point; the finest that is kept for so long without it')),
      },
      answer: HISTORY,
      handle: async ({ query }) =>
        quotas.history({
          host: query.host,
          lastNs: spanOf(query.last ?? LAST, 'query.last'),
          stepNs: query.step === undefined ? null : spanOf(query.step, 'query.step'),
        }),
    }),
  ];
}

function bytesOf(written: string): number {
  const bytes = readUnit('body.bytes', () => parseBytes(written));
  if (bytes > 0 && bytes <= GRANT_BYTES_MAX) return bytes;
  throw wrong('body.bytes', `${written} is out of range: more than 0B, up to 1000TB`);
}

function spanOf(written: string, where: string): number {
  const ns = readUnit(where, () => parseTime(written));
  if (ns > 0 && ns <= DURATION_NS_MAX) return ns;
  throw wrong(where, `${written} is out of range: more than 0s, up to 3650d`);
}

function readUnit(where: string, read: () => number): number {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnitError) throw wrong(where, error.message);
    throw error;
  }
}

function wrong(where: string, message: string): ApiError {
  return new ApiError(400, 'wrong-value', message, where);
}
