/**
 * Changes, one after the other. Each is planned on top of the one before it. Those that come between two
 * crossings to the packet thread cross together, as the last configuration of them, so a thousand changes a
 * second cost the packets little. If the packet thread refuses what several have made
 * together, each of them crosses alone, and the one at fault is told.
 */

import { dirname } from 'node:path';
import { equal } from '../../base/equal.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { Renamed } from '../../spec/edit.ts';
import type { ModuleUse } from '../../spec/modules.ts';
import { ApiError } from '../api-error.ts';
import type { ApplyRequest } from '../messages.ts';
import type { Applied } from '../packet-thread.ts';
import type { Clock } from './clock.ts';
import { CrossingPace } from './pace.ts';
import type { ChangeState } from './state.ts';
import { isWithin, type Scope, Touched } from './touched.ts';

/** The control thread does nothing else for so long at most. */
const PLAN_MS_MAX = 20;

/** What a job makes of the state. */
export interface Plan {
  readonly next: ChangeState;
  /** Classes that moved, by their new path. */
  readonly renamed: Renamed;
  readonly changes: readonly ConfigChange[];
}

export interface Job<P extends Plan> {
  /** What it would overwrite. */
  readonly scope: Scope;
  /** The generation that the request is based on, if it names one. */
  readonly since: number | undefined;
  /** Changes nothing by itself. May run again if something before it was refused. May throw. */
  plan(state: ChangeState): P;
  /** The plan holds. */
  committed(plan: P, before: ChangeState, generation: number): void;
}

export interface Outcome<P> {
  readonly plan: P;
  readonly generation: number;
  /** What the machine cannot do of the changes that have crossed with it, as sentences. */
  readonly notes: readonly string[];
}

interface Waiting {
  readonly job: Job<Plan>;
  readonly resolve: (outcome: Outcome<Plan>) => void;
  readonly reject: (reason: unknown) => void;
}

interface Planned extends Waiting {
  readonly before: ChangeState;
  readonly plan: Plan;
}

export interface QueueOptions {
  readonly state: ChangeState;
  readonly generation: number;
  /** Rejects with ApiError if it is refused. */
  readonly apply: (request: ApplyRequest) => Promise<Applied>;
  readonly clock: Clock;
}

export class ChangeQueue {
  #state: ChangeState;
  #generation: number;
  readonly #apply: QueueOptions['apply'];
  readonly #clock: Clock;
  readonly #touched: Touched;
  readonly #waiting: Waiting[] = [];
  #isWorking = false;
  #isStopped = false;
  readonly #pace: CrossingPace;

  constructor({ state, generation, apply, clock }: QueueOptions) {
    this.#state = state;
    this.#generation = generation;
    this.#apply = apply;
    this.#clock = clock;
    this.#pace = new CrossingPace(clock);
    this.#touched = new Touched(generation);
  }

  get state(): ChangeState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Resolves when the change holds. Rejects with what plan() has thrown, or with ApiError. */
  submit<P extends Plan>(job: Job<P>): Promise<Outcome<P>> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) return reject(stopping());
      // The outcome of a job has the plan that this job has made.
      this.#waiting.push({ job, resolve, reject } as unknown as Waiting);
      if (!this.#isWorking) void this.#work();
    });
  }

  /** Whoever waits is refused, and whoever comes. */
  stop(): void {
    this.#isStopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(stopping());
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      await this.#pause(this.#pace.waitMs());
      const planned = await this.#planTogether();
      if (planned.length > 0) await this.#cross(planned);
    }
    this.#isWorking = false;
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => void this.#clock.after(ms, resolve));
  }

  /** Plans as many as can cross together. One that moves classes crosses alone: moves do not add up. */
  async #planTogether(): Promise<Planned[]> {
    const planned: Planned[] = [];
    let beganMs = this.#clock.monotonicMs();
    for (let one = this.#waiting[0]; one !== undefined; one = this.#waiting[0]) {
      const result = this.#plan(one, planned);
      if (result !== null && result.plan.renamed.size > 0 && planned.length > 0) return planned;
      this.#waiting.shift();
      if (result !== null) planned.push(result);
      if (result !== null && result.plan.renamed.size > 0) return planned;
      if (this.#clock.monotonicMs() - beganMs > PLAN_MS_MAX) {
        await new Promise((resolve) => setImmediate(resolve));
        beganMs = this.#clock.monotonicMs();
      }
    }
    return planned;
  }

  /** Plans on top of those before it. null if it is refused, and it is told so. */
  #plan(one: Waiting, before: readonly Planned[]): Planned | null {
    const state = before.at(-1)?.plan.next ?? this.#state;
    try {
      this.#refuseStale(one.job, before);
      return { ...one, before: state, plan: one.job.plan(state) };
    } catch (error) {
      one.reject(error);
      return null;
    }
  }

  #refuseStale({ scope, since }: Job<Plan>, before: readonly Planned[]): void {
    if (since === undefined) return;
    const generation = this.#generation;
    if (since > generation) {
      const message = `generation ${since} is none of this instance, which is at ${generation}`;
      throw new ApiError(409, 'stale', message, 'generation', 'read the status again');
    }
    const isLate = before.some((other) => touches(other).some((path) => isWithin(scope, path)));
    if (!isLate && this.#touched.lastOf(scope) <= since) return;
    const where = scope.kind === 'all' ? '' : scope.path;
    const what = where === '' ? 'the configuration' : where;
    const message = `${what} has changed since generation ${since}`;
    throw new ApiError(
      409,
      'stale',
      message,
      where,
      'look at the change, and ask again without or with its generation',
    );
  }

  async #cross(planned: readonly Planned[]): Promise<void> {
    const last = planned.at(-1)!;
    let notes: readonly string[] = [];
    const isChange = planned.some(({ plan }) => plan.changes.length > 0 || plan.renamed.size > 0);
    try {
      if (isChange) {
        const { spec, modules, history, ...rest } = last.plan.next.config;
        const { isMarkAuto, socketPath, socketGroup, filesFolder, logLevel } = rest;
        const config = { spec, modules, history, isMarkAuto, socketPath, socketGroup, filesFolder, logLevel };
        const { renamed } = last.plan;
        const { file } = last.plan.next.base;
        const base = { text: last.plan.next.base.text(), file };
        const folder = dirname(file);
        const before = this.#state;
        const isSpecSame =
          renamed.size === 0 &&
          equal(spec, before.config.spec) &&
          isSameModules(modules, before.config.modules) &&
          (modules.length === 0 || folder === dirname(before.base.file));
        const applied = await this.#apply({ config, base, folder, renamed, isSpecSame });
        this.#generation = applied.generation;
        this.#pace.crossed(applied.tookMs);
        notes = applied.notes;
      }
    } catch (error) {
      if (planned.length > 1) await this.#crossOneByOne(planned);
      else last.reject(error);
      return;
    }
    this.#state = last.plan.next;
    for (const one of planned) this.#touched.mark(touches(one), this.#generation);
    for (const { job, plan, before, resolve } of planned) {
      job.committed(plan, before, this.#generation);
      resolve({ plan, generation: this.#generation, notes });
    }
  }

  async #crossOneByOne(planned: readonly Planned[]): Promise<void> {
    for (const one of planned) {
      if (this.#isStopped) one.reject(stopping());
      else {
        const again = this.#plan(one, []);
        if (again !== null) await this.#cross([again]);
      }
    }
  }
}

/** A line of the file says nothing of a module. */
function isSameModules(a: readonly ModuleUse[], b: readonly ModuleUse[]): boolean {
  const plain = (uses: readonly ModuleUse[]): object => uses.map(({ line, ...use }) => use);
  return equal(plain(a), plain(b));
}

function touches({ plan }: Planned): string[] {
  return [...plan.changes.map(({ path }) => path), ...plan.renamed.keys(), ...plan.renamed.values()];
}

function stopping(): ApiError {
  return new ApiError(503, 'stopping', 'the instance stops: nothing changes any more');
}
