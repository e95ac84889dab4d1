/** What each kind of change makes of the state. Nothing here has an effect: the queue commits a plan. */
import { equal } from '../../base/equal.ts';
import type { ConfigProblem, LoadedConfig } from '../../config/config.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { ConfigDocument, MergePatch } from '../../config/edit/document.ts';
import { formatProblem } from '../../config/yaml/problems.ts';
import type { Renamed } from '../../spec/edit.ts';
import { ApiError } from '../api-error.ts';
import type { Clock } from './clock.ts';
import { type Documents, derive, type UnfitLease, type UnfitMade } from './derive.ts';
import { movesBetween, NO_MOVES, pathAfter } from './moves.ts';
import type { Plan } from './queue.ts';
import type { ChangeState, Draft, Lease, MadeClass, Unconfirmed } from './state.ts';

export interface ChangePlan extends Plan {
  /** What the client should know besides, as sentences. */
  readonly notes: readonly string[];
  readonly unfit: readonly UnfitLease[];
  readonly unfitMade: readonly UnfitMade[];
  /** What the log should be told of schedules. */
  readonly warnings: readonly string[];
}

export interface LeasePlan extends ChangePlan {
  readonly lease: Lease;
}

/** A file with its meaning. */
export interface LoadedFile {
  readonly base: ConfigDocument;
  readonly config: LoadedConfig;
}

interface Settled {
  readonly draft: Draft;
  /** What the base of the draft reads as. */
  readonly config: LoadedConfig;
  readonly renamed: Renamed;
  /** Whether the changes that the client is told are those of the base, or those of what runs. */
  readonly view: 'baseConfig' | 'config';
  readonly notes: readonly string[];
}

interface WantedLease {
  readonly id: number;
  readonly path: string;
  readonly set: MergePatch;
  readonly forMs: number;
}

/** Every lease costs each change a reading of the configuration. */
const LEASES_MAX = 64;
/** Warnings that the answer to one edit tells. The whole document is searched for the place of each. */
const DOUBTS_SHOWN = 10;

export class Plans {
  readonly #documents: Documents;
  readonly #clock: Clock;

  constructor(documents: Documents, clock: Clock) {
    this.#documents = documents;
    this.#clock = clock;
  }

  edit(state: ChangeState, base: ConfigDocument): ChangePlan {
    const draft = { ...state, base };
    const config = base.load();
    const late = state.unconfirmed === null ? [] : [this.#unconfirmedNote(state.unconfirmed)];
    const notes = [...late, ...newDoubts(state.baseConfig, base, config)];
    return this.#settle(state, { draft, config, renamed: base.renamed, view: 'baseConfig', notes });
  }

  /** Another file takes the place of all that holds, but for the leases. */
  reload(state: ChangeState, file: LoadedFile, confirmMs: number | undefined): ChangePlan {
    const { base, config } = file;
    const { unconfirmed } = state;
    const notes = config.warnings.map((problem) =>
      formatProblem({ ...problem, message: `warning: ${problem.message}` }),
    );
    if (confirmMs !== undefined) {
      const back = unconfirmed?.back ?? state.base;
      const deadlineMs = this.#clock.monotonicMs() + confirmMs;
      return this.#replace(state, { ...state, base, unconfirmed: { back, deadlineMs } }, config, notes);
    }
    // A reload that changes nothing is none that could be taken back.
    const isSame = this.#documents.changes(state.baseConfig, config).length === 0;
    const beforeReload = unconfirmed !== null || isSame ? state.beforeReload : state.base;
    return this.#replace(state, { ...state, base, beforeReload }, config, notes);
  }

  confirm(state: ChangeState): ChangePlan {
    const { unconfirmed } = state;
    if (unconfirmed === null)
      throw new ApiError(409, 'nothing-to-confirm', 'no reload waits to be confirmed');
    const next = { ...state, unconfirmed: null, beforeReload: unconfirmed.back };
    return { next, renamed: NO_MOVES, changes: [], notes: [], unfit: [], unfitMade: [], warnings: [] };
  }

  /** To the last confirmed configuration or, if no reload is on trial, to that before the last reload. */
  revert(state: ChangeState): ChangePlan {
    const { unconfirmed, beforeReload } = state;
    const base = unconfirmed?.back ?? beforeReload;
    if (base === null) {
      const hint = 'shaper reload goes back to the file';
      throw new ApiError(409, 'nothing-to-revert', 'no reload can be taken back', '', hint);
    }
    const left = unconfirmed === null ? null : beforeReload;
    return this.#goBack(state, base, left);
  }

  lease(state: ChangeState, { id, path, set, forMs }: WantedLease): LeasePlan {
    if (state.leases.length >= LEASES_MAX) {
      const hint = 'shaper leases lists them; shaper lease end ID ends one';
      throw new ApiError(409, 'too-many-leases', `${LEASES_MAX} leases hold already`, path, hint);
    }
    const nowMs = this.#clock.monotonicMs();
    const lease = { id, path, set, sinceMs: this.#clock.wallMs(), endsMs: nowMs + forMs };
    const plan = this.#withLeases(state, [...state.leases, lease]);
    const refused = plan.unfit.find((one) => one.lease.id === id);
    if (refused !== undefined) throw refused.error;
    return { ...plan, lease };
  }

  /** Classes for a command, inside classes that are there. */
  make(state: ChangeState, made: readonly MadeClass[]): ChangePlan {
    const plan = this.#withMade(state, [...state.made, ...made]);
    const refused = plan.unfitMade.find((one) => made.includes(one.made));
    if (refused !== undefined) throw refused.error;
    return plan;
  }

  /** Those that are gone already do not matter. */
  unmake(state: ChangeState, paths: readonly string[]): ChangePlan {
    return this.#withMade(
      state,
      state.made.filter(({ path }) => !paths.includes(path)),
    );
  }

  endLease(state: ChangeState, id: number): ChangePlan {
    const leases = state.leases.filter((lease) => lease.id !== id);
    if (leases.length === state.leases.length)
      throw new ApiError(
        404,
        'no-such-lease',
        `there is no lease ${id}`,
        String(id),
        'shaper leases lists them',
      );
    return this.#withLeases(state, leases);
  }

  /** What the time alone changes: leases end, a reload was not confirmed, a schedule begins or ends. */
  byTime(state: ChangeState): ChangePlan {
    const nowMs = this.#clock.monotonicMs();
    const leases = state.leases.filter(({ endsMs }) => endsMs > nowMs);
    const { unconfirmed } = state;
    if (unconfirmed !== null && unconfirmed.deadlineMs <= nowMs)
      return this.#goBack({ ...state, leases }, unconfirmed.back, state.beforeReload);
    return this.#withLeases(state, leases);
  }

  /** Whether schedules set other values now than when the state was made. */
  isScheduleOld({ baseConfig, due }: ChangeState): boolean {
    return !equal(this.#documents.scheduled(baseConfig, new Date(this.#clock.wallMs())), due);
  }

  #goBack(state: ChangeState, base: ConfigDocument, beforeReload: ConfigDocument | null): ChangePlan {
    return this.#replace(state, { ...state, base, unconfirmed: null, beforeReload }, base.load(), []);
  }

  /** Another document takes the place of the base. */
  #replace(state: ChangeState, draft: Draft, config: LoadedConfig, notes: readonly string[]): ChangePlan {
    const renamed = movesBetween(state.config.spec, config.spec);
    return this.#settle(state, { draft, config, renamed, view: 'baseConfig', notes });
  }

  #withLeases(state: ChangeState, leases: readonly Lease[]): ChangePlan {
    return this.#onBase(state, { ...state, leases });
  }

  #withMade(state: ChangeState, made: readonly MadeClass[]): ChangePlan {
    return this.#onBase(state, { ...state, made });
  }

  /** The base stays as it is. */
  #onBase(state: ChangeState, draft: Draft): ChangePlan {
    const config = state.baseConfig;
    return this.#settle(state, { draft, config, renamed: NO_MOVES, view: 'config', notes: [] });
  }

  #settle(state: ChangeState, { draft, config, renamed, view, notes }: Settled): ChangePlan {
    const follow = <T extends { readonly path: string }>(one: T): T =>
      renamed.size === 0 ? one : { ...one, path: pathAfter(one.path, renamed) };
    const moved = { ...draft, leases: draft.leases.map(follow), made: draft.made.map(follow) };
    const at = new Date(this.#clock.wallMs());
    const { state: next, notes: warnings, unfit, unfitMade } = derive(this.#documents, moved, config, at);
    const changes = this.#documents.changes(state[view], next[view]);
    const lost = [...unfit.map(unfitNote), ...unfitMade.map(unfitMadeNote)];
    const more = [...warnings, ...lost, ...this.#covered(next, changes)];
    return { next, renamed, changes, unfit, unfitMade, warnings, notes: [...notes, ...more] };
  }

  #unconfirmedNote({ deadlineMs }: Unconfirmed): string {
    return `a reload waits to be confirmed until ${this.timeOf(deadlineMs)}: without it, this goes back as well`;
  }

  /** Which of the changes do not show, because a schedule or a lease is on top of them. */
  #covered(next: ChangeState, changes: readonly ConfigChange[]): string[] {
    if (next.config === next.baseConfig) return [];
    const tops = this.#documents.changes(next.baseConfig, next.config);
    return changes.flatMap(({ path, key, new: value }) => {
      const top = tops.find((one) => one.path === path && one.key === key && one.old === value);
      return top === undefined
        ? []
        : [`${path}: ${key} is ${top.new ?? 'unset'} for now: ${this.#reason(next, path)}`];
    });
  }

  #reason({ leases, scheduled }: ChangeState, path: string): string {
    const lease = leases.findLast((one) => one.path === path);
    if (lease !== undefined) return `lease ${lease.id} holds until ${this.timeOf(lease.endsMs)}`;
    const schedule = scheduled.findLast((one) => one.path === path);
    return schedule === undefined ? 'a lease or schedule holds' : `the schedule ${schedule.when} holds`;
  }

  /** The time of day of an instant of the monotonic clock, as things stand now. */
  readonly timeOf = (ms: number): string =>
    new Date(this.#clock.wallMs() + ms - this.#clock.monotonicMs()).toISOString();
}

/** The warnings that the edit brings. Those of values that stay have their place and words of before. */
function newDoubts(before: LoadedConfig, base: ConfigDocument, { warnings }: LoadedConfig): string[] {
  const keyOf = ({ offset, message }: ConfigProblem): string => `${offset} ${message}`;
  const known = new Set(before.warnings.map(keyOf));
  const news = warnings.filter((problem) => !known.has(keyOf(problem)));
  const lines = news
    .slice(0, DOUBTS_SHOWN)
    .map((problem) => `warning: ${base.whereOf(problem)}: ${problem.message}`);
  const more = news.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more warnings like these`] : lines;
}

function unfitMadeNote({ made, error }: UnfitMade): string {
  return `${made.path}, made for a command, is gone: ${error.message}`;
}

function unfitNote({ lease, error }: UnfitLease): string {
  return `lease ${lease.id} of ${lease.path} has ended: ${error.message}`;
}
