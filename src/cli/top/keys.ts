/** What a key does: a new state, and what has to be done outside. */
import type { MergePatch } from '../../config/edit/document.ts';
import { pageLines, pageRows } from './draw.ts';
import { type Key, lineEdit } from './line-edit.ts';
import { cursorOf, listOf, type Selected, selectedOf } from './lists.ts';
import { promptKey } from './prompt-keys.ts';
import { currentList, SORTS, type TopState, VIEWS, type View, withList } from './state.ts';

export type Effect =
  | { readonly kind: 'quit' | 'suspend' | 'redraw' | 'ask' }
  | { readonly kind: 'patch'; readonly path: string; readonly patch: MergePatch; readonly time: string }
  | { readonly kind: 'end-lease'; readonly id: number };

export interface Reaction {
  readonly state: TopState;
  readonly effect: Effect | null;
}

export function onKey(state: TopState, key: Key): Reaction {
  const fresh = { ...state, notice: null };
  const always = ALWAYS[nameOf(key)];
  if (always) return { state: fresh, effect: { kind: always } };
  return fresh.prompt ? promptKey(fresh, fresh.prompt, key) : pageKey(fresh, key);
}

const ALWAYS: Readonly<Record<string, 'quit' | 'suspend' | 'redraw'>> = {
  'ctrl-c': 'quit',
  'ctrl-z': 'suspend',
  'ctrl-l': 'redraw',
};

function nameOf({ name, text, ctrl, meta, shift }: Key): string {
  if (ctrl) return `ctrl-${name}`;
  if (meta) return name === 'escape' ? 'escape' : `meta-${name}`;
  // Letters by what they print, because a capital has the name of the small one.
  if (text !== undefined && /^[!-~]$/.test(text)) return text;
  return shift && name === 'tab' ? 'backtab' : (name ?? '');
}

type Action = (state: TopState) => TopState | Reaction;

const move =
  (rows: (state: TopState) => number): Action =>
  (state) =>
    moved(state, rows(state));

const ACTIONS: Readonly<Record<string, Action>> = {
  up: move(() => -1),
  k: move(() => -1),
  down: move(() => 1),
  j: move(() => 1),
  pageup: move((state) => -pageRows(state)),
  pagedown: move(pageRows),
  home: move(() => -Infinity),
  g: move(() => -Infinity),
  end: move(() => Infinity),
  G: move(() => Infinity),
  tab: (state) => atView(state, VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length]!),
  backtab: (state) => atView(state, VIEWS.at(VIEWS.indexOf(state.view) - 1)!),
  '1': (state) => atView(state, 'classes'),
  '2': (state) => atView(state, 'hosts'),
  '3': (state) => atView(state, 'flows'),
  '4': (state) => atView(state, 'leases'),
  '5': (state) => atView(state, 'programs'),
  s: (state) => sorted(state, 1),
  S: (state) => sorted(state, -1),
  '/': (state) => {
    const before = currentList(state).filter;
    const page = { kind: 'list' } as const;
    return { ...state, page, prompt: { kind: 'filter', line: lineEdit(before), before } };
  },
  escape: (state) =>
    state.page.kind === 'list' ? withList(state, { filter: '' }) : { ...state, page: { kind: 'list' } },
  return: (state) =>
    selectedOf(state) === null || state.page.kind !== 'list'
      ? state
      : { ...pinned(state), page: { kind: 'details', top: 0 } },
  '?': (state) => ({ ...state, page: { kind: 'help', top: 0 } }),
  f: flowsOf,
  l: changeLimit,
  x: endLease,
  p: paused,
  space: paused,
  r: (state) => ({ state, effect: { kind: 'ask' } }),
  q: (state) => ({ state, effect: { kind: 'quit' } }),
};

function pageKey(state: TopState, key: Key): Reaction {
  const result = ACTIONS[nameOf(key)]?.(state) ?? state;
  return 'effect' in result ? result : { state: result, effect: null };
}

function paused(state: TopState): Reaction {
  const isPaused = !state.isPaused;
  return { state: { ...state, isPaused }, effect: isPaused ? null : { kind: 'ask' } };
}

function moved(state: TopState, by: number): TopState {
  const { page } = state;
  if (page.kind !== 'list') {
    const last = Math.max(0, pageLines(state).length - pageRows(state));
    return { ...state, page: { ...page, top: Math.min(last, Math.max(0, Math.min(last, page.top) + by)) } };
  }
  const list = listOf(state);
  const index = Math.min(list.rows.length - 1, Math.max(0, cursorOf(state, list) + by));
  const row = list.rows[index];
  return row === undefined ? state : withList(state, { index, selected: list.nameOf(row) });
}

/** The cursor stays with its row from now on. */
function pinned(state: TopState): TopState {
  return moved(state, 0);
}

function atView(state: TopState, view: View): TopState {
  return { ...state, view, page: { kind: 'list' }, why: null };
}

function sorted(state: TopState, step: number): TopState {
  const sorts: readonly string[] = SORTS[state.view];
  const at = sorts.indexOf(currentList(state).sort) + step;
  return withList(state, { sort: sorts.at(at % sorts.length)! });
}

function flowsOf(state: TopState): TopState {
  const selected = selectedOf(state);
  const filter = selected === null ? null : flowsFilter(selected);
  if (filter === null) return state;
  return withList(atView(state, 'flows'), { filter, selected: null, index: 0 });
}

/** By which the list of flows shows those of a row; null if it has none. */
function flowsFilter({ view, row }: Selected): string | null {
  if (view === 'classes') return row.report.path;
  if (view === 'hosts') return row.id;
  return view === 'programs' && row.kind === 'local' ? (row.exe ?? row.name) : null;
}

function changeLimit(state: TopState): TopState {
  const path = pathOf(selectedOf(state));
  if (path === null) return { ...state, notice: { text: 'choose a class first (key 1)', isError: true } };
  const prompt = { kind: 'limit', path, step: 'value', error: '' } as const;
  return { ...pinned(state), prompt: { ...prompt, value: lineEdit(), time: lineEdit() } };
}

/** The class that is meant: of a flow its last one, of a host none. */
function pathOf(selected: Selected | null): string | null {
  if (selected?.view === 'classes') return selected.row.report.path;
  if (selected?.view === 'flows') return selected.row.classes.at(-1) ?? null;
  return selected?.view === 'leases' ? selected.row.path : null;
}

function endLease(state: TopState): TopState {
  const selected = selectedOf(state);
  const path = selected?.view === 'classes' ? selected.row.report.path : null;
  const leases = state.leases?.report?.leases ?? [];
  const lease = selected?.view === 'leases' ? selected.row : leases.findLast((one) => one.path === path);
  if (!lease) return { ...state, notice: { text: 'no lease is chosen (key 4 lists them)', isError: true } };
  return { ...state, prompt: { kind: 'end-lease', id: lease.id } };
}
