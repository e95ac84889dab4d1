/** Tells watchers, the log, modules and outside actions how standings of hosts with their quotas change. */
import { formatTime } from '../../base/units.ts';
import type { QuotaHost, QuotaState } from '../../modules/api/module.ts';
import { HostStates, presentStates, type StateChange } from '../../quotas/host-states.ts';
import type { QuotaNews, StandingChange } from '../../quotas/news.ts';
import type { QuotaSpec } from '../../spec/hosts.ts';
import type { Emit } from '../events.ts';
import type { LogLine } from '../messages.ts';
import type { ViolationFacts } from './actions/facts.ts';
import type { HostEntry } from './entry.ts';
import type { StandingReport } from './reports.ts';

/** Of a host whose state with a quota has changed, for a module that the quota names. */
export interface ModuleNews {
  /** As the quota names it. */
  readonly name: string;
  readonly host: QuotaHost;
  readonly quota: string;
  readonly state: QuotaState;
  /** The label of the only module that is told; null: all that are meant by `name`. */
  readonly only: string | null;
}

export interface TellerOptions {
  readonly emit: Emit;
  readonly log: (line: LogLine) => void;
  readonly entryOf: (id: string) => HostEntry | undefined;
  readonly quotas: () => readonly QuotaSpec[];
  readonly tellModule: (news: ModuleNews) => void;
  /** When the violation of this limit ends, if the host has no more traffic. */
  readonly endsAt: (entry: HostEntry, change: StandingChange) => string | null;
}

/** A violation of which others are to be told, once. */
export interface ToTell {
  readonly quota: QuotaSpec;
  readonly facts: ViolationFacts;
}

export class QuotaTeller {
  readonly #options: TellerOptions;
  readonly #states = new HostStates();

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** Returns the violations of which others are to be told. */
  tell({ standings, violations }: QuotaNews): ToTell[] {
    for (const change of standings) this.#tellChange(change);
    const quotas = this.#options.quotas();
    for (const change of this.#states.take(standings, quotas)) this.#tellModules(change);
    return violations.flatMap(({ host, quota, hasBegun }) => {
      const spec = quotas.find(({ name }) => name === quota);
      if (!hasBegun || spec === undefined || spec.outside.length === 0) return [];
      const worst = worstOf(standings.filter((one) => one.host === host && one.quota === quota));
      return worst === null ? [] : [{ quota: spec, facts: this.#factsOf(worst) }];
    });
  }

  /** Tells modules, or the one with this label, how the host stands now, unless it is ok. */
  tellPresent(host: string, standings: readonly StandingReport[], only: string | null): void {
    for (const state of presentStates(host, standings, this.#options.quotas()))
      this.#tellModules(state, only);
  }

  #tellChange(change: StandingChange): void {
    const { from, to } = change;
    const { host, name, quota, direction, usedBytes, limitBytes, endsAt, overNs } = this.#factsOf(change);
    const over = formatTime(overNs);
    const fields = { quota, host, name, from, to, over, direction, usedBytes, limitBytes, endsAt };
    this.#options.emit('quota', fields);
    if (to === 'exceeded') this.#options.log({ level: 'info', message: 'quota exceeded', fields });
    else if (from === 'exceeded') this.#options.log({ level: 'info', message: 'quota: released', fields });
  }

  #tellModules({ host: id, quota, state }: StateChange, only: string | null = null): void {
    const entry = this.#options.entryOf(id);
    const host = { id, name: entry?.name || null, addresses: entry?.addressTexts ?? [] };
    for (const name of quota.modules)
      this.#options.tellModule({ name, host, quota: quota.name, state, only });
  }

  #factsOf(change: StandingChange): ViolationFacts {
    const { host, quota, to, overNs, direction, usedBytes, limitBytes } = change;
    const entry = this.#options.entryOf(host);
    return {
      ...{ host, name: entry?.name ?? '', addresses: entry?.addressTexts ?? [] },
      ...{ quota, state: to, overNs, direction, usedBytes, limitBytes },
      endsAt: entry === undefined || to !== 'exceeded' ? null : this.#options.endsAt(entry, change),
    };
  }
}

/** Of the limits that are exceeded now, the one that is exceeded by most. */
function worstOf(changes: readonly StandingChange[]): StandingChange | null {
  const exceeded = changes.filter(({ to }) => to === 'exceeded');
  const share = ({ usedBytes, limitBytes }: StandingChange): number => usedBytes / limitBytes;
  return exceeded.reduce<StandingChange | null>(
    (worst, one) => (worst === null || share(one) > share(worst) ? one : worst),
    null,
  );
}
