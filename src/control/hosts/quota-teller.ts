/** Tells watchers, the log and outside actions how standings of hosts with their quotas change. */
import { formatTime } from '../../base/units.ts';
import type { QuotaNews, StandingChange } from '../../quotas/news.ts';
import type { QuotaSpec } from '../../spec/hosts.ts';
import type { Emit } from '../events.ts';
import type { LogLine } from '../messages.ts';
import type { ViolationFacts } from './actions/facts.ts';
import type { HostEntry } from './entry.ts';

export interface TellerOptions {
  readonly emit: Emit;
  readonly log: (line: LogLine) => void;
  readonly entryOf: (id: string) => HostEntry | undefined;
  readonly quotaOf: (name: string) => QuotaSpec | undefined;
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

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** Returns the violations of which others are to be told. */
  tell({ standings, violations }: QuotaNews): ToTell[] {
    for (const change of standings) this.#tellChange(change);
    return violations.flatMap(({ host, quota, hasBegun }) => {
      const spec = this.#options.quotaOf(quota);
      if (!hasBegun || spec === undefined || spec.outside.length === 0) return [];
      const worst = worstOf(standings.filter((one) => one.host === host && one.quota === quota));
      return worst === null ? [] : [{ quota: spec, facts: this.#factsOf(worst) }];
    });
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
