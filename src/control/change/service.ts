/**
 * The one way by which a running instance is changed. Commands of clients, SIGHUP, leases and schedules come
 * here; each becomes a job of the queue, and each answer says what has changed.
 */

import type { LoadedConfig } from '../../config/config.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { ConfigDocument, MergePatch } from '../../config/edit/document.ts';
import { needsRestart } from '../../config/fields/explain.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import type { Emit } from '../events.ts';
import type { ApplyRequest, ConfigSource, LogLine } from '../messages.ts';
import type { Applied } from '../packet-thread.ts';
import type { Clock } from './clock.ts';
import { type Documents, derive } from './derive.ts';
import { asApiError } from './errors.ts';
import { type ChangePlan, type LeasePlan, Plans } from './plans.ts';
import { withPresentModules } from './present-modules.ts';
import { ChangeQueue, type Outcome } from './queue.ts';
import { type LeaseReport, leaseReport, leaseReports } from './reports.ts';
import type { ChangeState, Scheduled } from './state.ts';
import { Teller } from './teller.ts';
import { TimedChanges } from './timed.ts';
import type { Scope } from './touched.ts';

export interface ChangeOptions {
  readonly documents: Documents;
  /** By what the instance runs already. */
  readonly config: ConfigSource;
  /** Rejects with ApiError if it is refused. */
  readonly apply: (request: ApplyRequest) => Promise<Applied>;
  /** The text of a file. Throws OperatingError. */
  readonly readText: (file: string) => string;
  /** The modules that are there, files by their whole paths: commands have loaded and switched some. */
  readonly presentModules: () => Promise<readonly ModuleUse[]>;
  readonly log: (line: LogLine) => void;
  readonly emit: Emit;
  readonly clock: Clock;
}

export interface ChangeAnswer {
  readonly changes: readonly ConfigChange[];
  readonly generation: number;
  /** What the client should know besides, as sentences. */
  readonly notes: readonly string[];
}

export interface LeaseAnswer extends ChangeAnswer {
  readonly lease: LeaseReport;
}

export interface ReloadAnswer extends ChangeAnswer {
  readonly file: string;
  /** When it goes back by itself; null if it stays. */
  readonly confirmUntil: string | null;
}

export interface ReloadRequest {
  /** Absolute path; by default the file by which the instance runs. */
  readonly file?: string | undefined;
  /** Its text; by default it is read here. */
  readonly text?: string | undefined;
  readonly confirmMs?: number | undefined;
}

/** The generation on which a request is based, if it names one. */
export type Since = number | undefined;

const ALL: Scope = { kind: 'all' };

export class ChangeService {
  readonly #options: ChangeOptions;
  readonly #plans: Plans;
  readonly #queue: ChangeQueue;
  readonly #timed: TimedChanges;
  readonly #teller: Teller;
  #leaseId = 0;

  /** Throws ConfigError if the configuration is none. */
  constructor(options: ChangeOptions) {
    const { documents, config, apply, clock, log } = options;
    this.#options = options;
    this.#plans = new Plans(documents, clock);
    this.#teller = new Teller(options, this.#plans.timeOf);
    const base = documents.parse(config.text, config.file);
    this.#queue = new ChangeQueue({
      state: runningBy(documents, base, clock),
      ...{ generation: 0, apply, clock },
    });
    this.#timed = new TimedChanges({
      state: () => this.#queue.state,
      isScheduleOld: (state) => this.#plans.isScheduleOld(state),
      hasSchedules: () => documents.hasSchedules(this.#queue.state.baseConfig),
      change: () => this.#submit('time', ALL, undefined, (state) => this.#plans.byTime(state)),
      ...{ clock, log },
    });
  }

  /** From now on the time changes the instance as well. Schedules that hold at the start are applied. */
  start(): void {
    this.#timed.look();
  }

  /** The instance stops: whoever waits is refused, and whoever comes. */
  stop(): void {
    this.#timed.stop();
    this.#queue.stop();
  }

  get generation(): number {
    return this.#queue.generation;
  }

  /** By what the instance runs now, and the document with the lines of its classes. */
  running(): { readonly config: LoadedConfig; readonly document: ConfigDocument } {
    const { config, base } = this.#queue.state;
    return { config, document: base };
  }

  /** The file by which the instance runs. */
  get file(): string {
    return this.#queue.state.base.file;
  }

  /** What schedules set now, the stronger ones last. */
  schedules(): readonly Scheduled[] {
    return this.#queue.state.scheduled;
  }

  /** By path of a class: what schedules set now. */
  scheduled(): ReadonlyMap<string, MergePatch> {
    const merged = new Map<string, MergePatch>();
    for (const { path, set } of this.#queue.state.scheduled)
      merged.set(path, { ...merged.get(path), ...set });
    return merged;
  }

  patchClass(path: string, set: MergePatch, since: Since): Promise<ChangeAnswer> {
    return this.#edit('set', { kind: 'class', path }, since, ({ base }) => base.patchClass(path, set));
  }

  addClass(
    path: string,
    values: MergePatch,
    before: string | undefined,
    since: Since,
  ): Promise<ChangeAnswer> {
    const scope: Scope = { kind: 'subtree', path };
    return this.#edit('class add', scope, since, ({ base }) => base.addClass(path, values, before));
  }

  removeClass(path: string, since: Since): Promise<ChangeAnswer> {
    return this.#edit('class remove', { kind: 'subtree', path }, since, ({ base }) => base.removeClass(path));
  }

  moveClass(path: string, to: string, before: string | undefined, since: Since): Promise<ChangeAnswer> {
    const scope: Scope = { kind: 'subtree', path };
    return this.#edit('class move', scope, since, ({ base }) => base.moveClass(path, to, before));
  }

  /** A change that ends by itself. */
  async lease(path: string, set: MergePatch, forMs: number, since: Since): Promise<LeaseAnswer> {
    const id = ++this.#leaseId;
    const scope: Scope = { kind: 'class', path };
    const plan = (state: ChangeState): LeasePlan => this.#plans.lease(state, { id, path, set, forMs });
    const outcome = await this.#submit('lease', scope, since, plan);
    const { lease, changes } = outcome.plan;
    return { ...answer(outcome), lease: leaseReport(lease, changes, this.#plans.timeOf) };
  }

  leases(): readonly LeaseReport[] {
    return leaseReports(this.#queue.state, this.#options.documents, this.#plans.timeOf);
  }

  async endLease(id: number): Promise<ChangeAnswer> {
    return answer(
      await this.#submit('lease end', ALL, undefined, (state) => this.#plans.endLease(state, id)),
    );
  }

  /** Classes that end with a command: neither `save` nor a restart keeps them, a reload does. */
  async make(classes: ReadonlyMap<string, MergePatch>): Promise<void> {
    const made = [...classes].map(([path, values]) => ({ path, values }));
    await this.#submit('exec', ALL, undefined, (state) => this.#plans.make(state, made));
  }

  async unmake(paths: readonly string[]): Promise<void> {
    await this.#submit('exec end', ALL, undefined, (state) => this.#plans.unmake(state, paths));
  }

  /** Applies a file as one transaction. */
  async reload(request: ReloadRequest, since: Since): Promise<ReloadAnswer> {
    const plan = this.#reloadPlan(request);
    const outcome = await this.#submit('reload', ALL, since, plan);
    const { base, unconfirmed } = outcome.plan.next;
    const confirmUntil = unconfirmed === null ? null : this.#plans.timeOf(unconfirmed.deadlineMs);
    return { ...answer(outcome), file: base.file, confirmUntil };
  }

  /** What a reload would change, and whether the file is right. The packet thread is not asked. */
  dryRun(request: ReloadRequest): ReloadAnswer {
    const plan = this.#reloadPlan(request)(this.#queue.state);
    const restarts = plan.changes.filter(({ path, key }) => path === '' && needsRestart(key));
    const notes = restarts.map(({ key }) => `${key} takes effect at the next start: a reload may refuse it`);
    return {
      ...answer({ plan, generation: this.generation, notes: [] }),
      notes: [...plan.notes, ...notes],
      file: plan.next.base.file,
      confirmUntil: null,
    };
  }

  /** As `reload`, but it is the log that is told what comes of it. */
  async reloadForSignal(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.reload({}, undefined);
    } catch (error) {
      const { message } = error as Error;
      log({ level: 'error', message: 'not reloaded: nothing has changed', fields: { reason: message } });
    }
  }

  async confirm(): Promise<ChangeAnswer> {
    return answer(await this.#submit('confirm', ALL, undefined, (state) => this.#plans.confirm(state)));
  }

  async revert(since: Since): Promise<ChangeAnswer> {
    return answer(await this.#submit('revert', ALL, since, (state) => this.#plans.revert(state)));
  }

  /** From the file as it is on the disk now to the configuration that runs, without leases and schedules. */
  async diff(): Promise<{ readonly file: string; readonly changes: readonly ConfigChange[] }> {
    const { documents, readText } = this.#options;
    const { base, baseConfig } = this.#queue.state;
    const present = await this.#present(base, baseConfig);
    return asApiError(() => {
      const onDisk = documents.parse(readText(base.file), base.file).load();
      const running = present === base ? baseConfig : present.load();
      return { file: base.file, changes: documents.changes(onDisk, running) };
    });
  }

  /**
   * The configuration that runs, without leases and schedules, and the file that it belongs to. Its modules
   * are those that are there.
   */
  async config(): Promise<{ readonly file: string; readonly yaml: string; readonly generation: number }> {
    const { generation } = this;
    const { base, baseConfig } = this.#queue.state;
    const present = await this.#present(base, baseConfig);
    return { file: base.file, yaml: present.text(), generation };
  }

  async #present(base: ConfigDocument, baseConfig: LoadedConfig): Promise<ConfigDocument> {
    const present = await this.#options.presentModules();
    return asApiError(() => withPresentModules(base, baseConfig, present));
  }

  #reloadPlan({ file, text, confirmMs }: ReloadRequest): (state: ChangeState) => ChangePlan {
    const { documents, readText } = this.#options;
    const path = file ?? this.#queue.state.base.file;
    const loaded = asApiError(() => {
      const base = documents.parse(text ?? readText(path), path);
      return { base, config: documents.loadHere(base) };
    });
    return (state) => this.#plans.reload(state, loaded, confirmMs);
  }

  #edit(
    by: string,
    scope: Scope,
    since: Since,
    edit: (state: ChangeState) => ChangeState['base'],
  ): Promise<ChangeAnswer> {
    return this.#submit(by, scope, since, (state) => this.#plans.edit(state, edit(state))).then(answer);
  }

  #submit<P extends ChangePlan>(
    by: string,
    scope: Scope,
    since: Since,
    plan: (state: ChangeState) => P,
  ): Promise<Outcome<P>> {
    return this.#queue.submit({
      scope,
      since,
      plan: (state) => asApiError(() => plan(state)),
      committed: (planned, before, generation) => {
        this.#teller.tell(by, planned, before, generation);
        this.#timed.look();
      },
    });
  }
}

function answer({ plan, generation, notes }: Outcome<ChangePlan>): ChangeAnswer {
  return { changes: plan.changes, generation, notes: [...plan.notes, ...notes] };
}

/** The instance started by the file alone: schedules come first with start(). */
function runningBy(documents: Documents, base: ChangeState['base'], clock: Clock): ChangeState {
  const draft = { base, made: [], leases: [], unconfirmed: null, beforeReload: null };
  const without = { ...documents, scheduled: () => [] };
  return derive(without, draft, base.load(), new Date(clock.wallMs())).state;
}
