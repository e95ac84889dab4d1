/** Tells watchers and the log what has changed, once each change holds. */

import type { Emit } from '../events.ts';
import type { LogLine } from '../messages.ts';
import type { ChangePlan } from './plans.ts';
import { leaseReport } from './reports.ts';
import type { ChangeState, Lease } from './state.ts';

export interface TellerOptions {
  readonly log: (line: LogLine) => void;
  readonly emit: Emit;
}

/** What is logged and told of a reload, by the command that brought it. */
const RELOADS: Readonly<Record<string, string>> = {
  reload: 'applied',
  confirm: 'confirmed',
  revert: 'reverted',
  time: 'not confirmed in time: reverted',
};

export class Teller {
  readonly #options: TellerOptions;
  readonly #timeOf: (ms: number) => string;

  constructor(options: TellerOptions, timeOf: (ms: number) => string) {
    this.#options = options;
    this.#timeOf = timeOf;
  }

  /** `by`: the command, or `time`. */
  tell(by: string, plan: ChangePlan, before: ChangeState, generation: number): void {
    const { changes, next } = plan;
    if (changes.length > 0) this.#options.emit('change', { by, generation, changes });
    for (const note of plan.warnings) this.#log('warn', note, {});
    this.#tellLeases(by, plan, before);
    const isBack = before.unconfirmed !== null && next.unconfirmed === null;
    if (by !== 'time' ? by in RELOADS : isBack) this.#tellReload(by, plan, generation);
  }

  #tellReload(by: string, { changes, next }: ChangePlan, generation: number): void {
    const { base, unconfirmed } = next;
    const confirmUntil = unconfirmed === null ? null : this.#timeOf(unconfirmed.deadlineMs);
    const action = RELOADS[by]!;
    const about = { file: base.file, generation, confirmUntil };
    this.#options.emit('reload', { action, ...about, changes });
    this.#log('info', `reload ${action}`, { ...about, changes: changes.length });
  }

  #tellLeases(by: string, { next, unfit, changes }: ChangePlan, before: ChangeState): void {
    const has = new Set(next.leases.map(({ id }) => id));
    const had = new Set(before.leases.map(({ id }) => id));
    for (const lease of next.leases) {
      if (had.has(lease.id)) continue;
      this.#tellLease('began', '', lease, leaseReport(lease, changes, this.#timeOf).back);
    }
    for (const lease of before.leases) {
      if (has.has(lease.id)) continue;
      const error = unfit.find((one) => one.lease.id === lease.id)?.error;
      const reason = error?.message ?? (by === 'time' ? 'its time is over' : 'somebody ended it');
      this.#tellLease('ended', reason, lease, null);
    }
  }

  #tellLease(
    action: 'began' | 'ended',
    reason: string,
    { id, path, set, endsMs }: Lease,
    back: object | null,
  ): void {
    const about = { lease: id, path, set };
    const more = action === 'began' ? { until: this.#timeOf(endsMs), back } : { reason };
    this.#options.emit('lease', { action, ...about, ...more });
    this.#log('info', `lease ${action}`, { ...about, ...more });
  }

  #log(level: LogLine['level'], message: string, fields: LogLine['fields']): void {
    this.#options.log({ level, message, fields });
  }
}
