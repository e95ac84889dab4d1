/** The commands `quota` and `history`. */
import { nearest } from '../../base/nearest.ts';
import { ApiError } from '../api-error.ts';
import type { HostEntry } from '../hosts/entry.ts';
import { findHost } from '../hosts/find.ts';
import type { HostService } from '../hosts/host-service.ts';
import {
  type GrantReport,
  type HistoryReport,
  HOUSE,
  type HostStanding,
  type QuotasReport,
  type StandingReport,
} from '../hosts/reports.ts';

export interface GrantRequest {
  readonly host: string;
  readonly bytes: number;
  /** null: all quotas. */
  readonly quota: string | null;
  /** null: in each window for as long as that window is. */
  readonly forNs: number | null;
}

export interface HistoryRequest {
  readonly host: string;
  readonly lastNs: number;
  /** null: the finest step that is kept for so long. */
  readonly stepNs: number | null;
}

/** Each takes a host by any of its names, and throws ApiError if there is none. */
export interface Quotas {
  report(host: string | null): QuotasReport;
  grant(request: GrantRequest): GrantReport;
  reset(host: string): HostStanding;
  history(request: HistoryRequest): Promise<HistoryReport>;
}

type Service = Pick<HostService, 'directory' | 'keeper' | 'history' | 'look'>;

export function quotaCommands(service: Service): Quotas {
  const find = (text: string, where: string): HostEntry => findHost(text, service.directory.entries, where);
  return {
    report: (host) => {
      if (host !== null) return { hosts: [standingOf(service, find(host, 'query.host'))] };
      const hosts = [...service.directory.entries.values()]
        .map((entry) => standingOf(service, entry))
        .filter(({ quotas, grants }) => quotas.length > 0 || grants.length > 0);
      return { hosts: hosts.sort((a, b) => weightOf(b.quotas) - weightOf(a.quotas)) };
    },
    grant: ({ host, bytes, quota, forNs }) => {
      checkQuota(service, quota);
      const entry = find(host, 'body.host');
      const grant = service.keeper.grant(entry, bytes, quota, forNs);
      service.look();
      return grant;
    },
    reset: (host) => {
      checkQuota(service, null);
      const entry = find(host, 'body.host');
      service.keeper.reset(entry);
      service.look();
      return standingOf(service, entry);
    },
    history: async ({ host, lastNs, stepNs }): Promise<HistoryReport> => {
      const entry = host === HOUSE ? null : find(host, 'query.host');
      const { history } = service;
      const points = await history.ask(entry?.id ?? null, lastNs, stepNs);
      return {
        ...{ host: entry?.id ?? HOUSE, name: entry?.name ?? '' },
        stepSeconds: Math.max(1, Math.round((stepNs ?? history.stepNsOf(lastNs)) / 1e9)),
        points: points.map(({ at, upBytes, downBytes }) => ({
          ...{ at: new Date(at).toISOString(), upBytes, downBytes },
        })),
      };
    },
  };
}

export function standingOf({ keeper }: Pick<Service, 'keeper'>, entry: HostEntry): HostStanding {
  const { id, name, addressTexts: addresses } = entry;
  return { id, name, addresses, quotas: keeper.standingsOf(entry), grants: keeper.grantsOf(entry) };
}

function checkQuota({ keeper }: Service, quota: string | null): void {
  const names = keeper.quotas.map(({ name }) => name);
  if (names.length === 0)
    throw new ApiError(409, 'no-quotas', 'there are no quotas', 'quotas', 'the configuration has none');
  if (quota === null || names.includes(quota)) return;
  const near = nearest(quota, names);
  const hint = near?.isNear ? `did you mean ${near.word}?` : `there are ${names.join(', ')}`;
  throw new ApiError(404, 'unknown-quota', `there is no quota ${JSON.stringify(quota)}`, 'body.quota', hint);
}

/** Hosts that are over first, then by the largest share of a limit. */
function weightOf(standings: readonly StandingReport[]): number {
  const weights = standings.map(({ state, usedBytes, limitBytes }) => {
    const share = usedBytes / limitBytes;
    return state === 'exceeded' ? 1e6 + share : share;
  });
  return Math.max(-1, ...weights);
}
