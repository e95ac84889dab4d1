/**
 * How hosts stand with whole quotas, for modules: a quota has several limits, and the worst of them counts.
 * Only hosts that are not ok are remembered.
 */
import type { QuotaState as ToldState } from '../modules/api/module.ts';
import type { QuotaSpec } from '../spec/hosts.ts';
import { STATES } from './judge.ts';
import type { StandingChange } from './news.ts';
import type { QuotaState } from './stored.ts';

/** The state of a host with a quota has changed. */
export interface StateChange {
  readonly host: string;
  readonly quota: QuotaSpec;
  readonly state: ToldState;
}

type Limits = Map<string, QuotaState>;

export class HostStates {
  /** By quota and host, and by limit. */
  private readonly limits = new Map<string, Limits>();

  /** What follows from changes of standings, in their order. Quotas without modules are passed over. */
  take(standings: readonly StandingChange[], quotas: readonly QuotaSpec[]): StateChange[] {
    const before = new Map<
      string,
      { readonly state: QuotaState; readonly host: string; readonly quota: QuotaSpec }
    >();
    for (const { host, quota: name, overNs, direction, from, to } of standings) {
      const quota = quotas.find((one) => one.name === name && one.modules.length > 0);
      if (quota === undefined) continue;
      const key = `${name}/${host}`;
      const limits: Limits = this.limits.get(key) ?? new Map();
      const limit = `${overNs} ${direction}`;
      // A state that was restored after a start has come without a word.
      if (!limits.has(limit)) limits.set(limit, from);
      if (!before.has(key)) before.set(key, { state: worstOf(limits), host, quota });
      limits.set(limit, to);
      this.limits.set(key, limits);
    }
    return [...before].flatMap(([key, { state, host, quota }]) => {
      const now = worstOf(this.limits.get(key)!);
      if (now === 'ok') this.limits.delete(key);
      return now === state ? [] : [{ host, quota, state: toldAs(now, quota) }];
    });
  }
}

/** How a host stands now with each quota that names modules and is not ok, by how it stands with limits. */
export function presentStates(
  host: string,
  standings: readonly { readonly quota: string; readonly state: QuotaState }[],
  quotas: readonly QuotaSpec[],
): StateChange[] {
  return quotas.flatMap((quota) => {
    const states = standings.filter((one) => one.quota === quota.name).map(({ state }) => state);
    const worst = quota.modules.length === 0 ? 'ok' : worstState(states);
    return worst === 'ok' ? [] : [{ host, quota, state: toldAs(worst, quota) }];
  });
}

function worstOf(limits: Limits): QuotaState {
  return worstState([...limits.values()]);
}

function worstState(states: readonly QuotaState[]): QuotaState {
  return STATES[Math.max(0, ...states.map((state) => STATES.indexOf(state)))]!;
}

function toldAs(state: QuotaState, { isBlocking, page }: QuotaSpec): ToldState {
  if (state !== 'exceeded') return state;
  return isBlocking || page !== null ? 'stopped' : 'limited';
}
