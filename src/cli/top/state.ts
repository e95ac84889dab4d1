/** What `top` shows and where its user is. Keys and answers make a new state of it. */
import type { StatusReport } from '../../control/status.ts';
import type { WhyReport } from '../../control/why/report.ts';
import type { LineEdit } from './line-edit.ts';
import type { FlowsAnswer, HostsAnswer, LeasesAnswer, ProgramsAnswer } from './reports.ts';

export const VIEWS = ['classes', 'hosts', 'flows', 'leases', 'programs'] as const;
export type View = (typeof VIEWS)[number];

/** The first one holds at the start. The instance sorts flows, because it knows those beyond the list too. */
export const SORTS = {
  classes: ['file', 'rate', 'waiting', 'delay', 'drops'],
  hosts: ['rate', 'bytes', 'flows', 'rtt', 'drops', 'name'],
  flows: ['rate', 'bytes', 'backlog', 'dropped', 'rtt', 'age'],
  leases: ['made'],
  programs: ['rate', 'bytes', 'flows', 'name'],
} as const satisfies Record<View, readonly string[]>;

export interface ListState {
  /** The row where the cursor is, by its name: a row keeps the cursor when others come or go. */
  readonly selected: string | null;
  /** Where that row was: its neighbour gets the cursor when it vanishes. */
  readonly index: number;
  readonly sort: string;
  readonly filter: string;
}

export type Page =
  | { readonly kind: 'list' }
  | { readonly kind: 'details'; readonly top: number }
  | { readonly kind: 'help'; readonly top: number };

export type Prompt =
  | { readonly kind: 'filter'; readonly line: LineEdit; readonly before: string }
  | {
      readonly kind: 'limit';
      readonly path: string;
      readonly step: 'value' | 'time' | 'sent';
      readonly value: LineEdit;
      readonly time: LineEdit;
      /** Why the last attempt was refused; empty if there was none. */
      readonly error: string;
    }
  | { readonly kind: 'end-lease'; readonly id: number };

/** An answer, or why there is none. */
export type Answered<T> =
  | { readonly report: T; readonly error: '' }
  | { readonly report: T | null; readonly error: string };

export interface TopState {
  readonly columns: number;
  readonly rows: number;
  readonly socketPath: string;
  readonly status: StatusReport;
  /** Why the instance does not answer now; empty if it does. */
  readonly lost: string;
  readonly flows: Answered<FlowsAnswer> | null;
  readonly hosts: Answered<HostsAnswer> | null;
  readonly leases: Answered<LeasesAnswer> | null;
  readonly programs: Answered<ProgramsAnswer> | null;
  readonly why: Answered<WhyReport> | null;
  readonly view: View;
  readonly lists: Readonly<Record<View, ListState>>;
  readonly page: Page;
  readonly prompt: Prompt | null;
  readonly isPaused: boolean;
  /** What happened last. It stays until the next key. */
  readonly notice: { readonly text: string; readonly isError: boolean } | null;
  /** The time of day. */
  readonly wallMs: number;
}

export function firstState(
  about: Pick<TopState, 'columns' | 'rows' | 'socketPath' | 'status' | 'wallMs'>,
): TopState {
  const list = (view: View): ListState => ({ selected: null, index: 0, sort: SORTS[view][0], filter: '' });
  return {
    ...about,
    lost: '',
    flows: null,
    hosts: null,
    leases: null,
    programs: null,
    why: null,
    view: 'classes',
    lists: {
      ...{ classes: list('classes'), hosts: list('hosts'), flows: list('flows') },
      ...{ leases: list('leases'), programs: list('programs') },
    },
    page: { kind: 'list' },
    prompt: null,
    isPaused: false,
    notice: null,
  };
}

/** Of the view that is shown. */
export function currentList({ lists, view }: TopState): ListState {
  return lists[view];
}

export function withList(state: TopState, change: Partial<ListState>): TopState {
  const { view, lists } = state;
  return { ...state, lists: { ...lists, [view]: { ...lists[view], ...change } } };
}
