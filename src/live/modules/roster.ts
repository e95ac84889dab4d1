/** Lists of modules: which labels are free, in which order packets pass, and what contradicts that order. */
import { nearest } from '../../base/nearest.ts';
import { MODULE as DEFAULTS } from '../../config/fields/defaults.ts';
import { isSameUse } from '../../control/modules.ts';
import type { ModuleCounters } from '../../core/modules/runnable.ts';
import type { ModuleStage } from '../../core/modules/stage.ts';
import { orderFaults, inOrder as specsInOrder } from '../../spec/module-order.ts';
import type { ModuleSpec, ModuleUse } from '../../spec/modules.ts';
import { ModuleEntry, ModuleError, type ReadModule } from './entry.ts';

/** The list of modules that shall be from now on, those that are off included. In order of registration. */
export interface ModulesDraft {
  readonly entries: readonly ModuleEntry[];
  /** What the configuration names, by which the list was made. */
  readonly uses: readonly ModuleUse[];
  /** Modules that go on as they are, and where the configuration names them now. */
  readonly adopted?: ReadonlyMap<ModuleEntry, ModuleUse>;
}

/** A module as a configuration would name it. */
export function useOfEntry({ ask, enabled }: ModuleEntry): ModuleUse {
  const { use, run, priority, options } = ask;
  return {
    use,
    run,
    priority: priority ?? DEFAULTS.priority,
    options: options as ModuleUse['options'],
    enabled,
    line: 0,
  };
}

/** `qosmod`, or `qosmod-2` if that is taken. */
export function freeLabel(label: string, entries: readonly ModuleEntry[]): string {
  const taken = new Set(entries.map((entry) => entry.label));
  if (!taken.has(label)) return label;
  let n = 2;
  while (taken.has(`${label}-${n}`)) n++;
  return `${label}-${n}`;
}

/** Throws ModuleError if there is none. */
export function entryOf(entries: readonly ModuleEntry[], name: string): ModuleEntry {
  const found = entries.find(({ label }) => label === name);
  if (found) return found;
  const labels = entries.map(({ label }) => label);
  const near = nearest(name, labels);
  const hint = near?.isNear ? `did you mean ${near.word}?` : `modules here: ${labels.join(', ') || 'none'}`;
  throw new ModuleError('not-found', `no module ${name} is loaded`, hint);
}

/** As packets pass them, those that are off included. */
export function inOrder(entries: readonly ModuleEntry[]): ModuleEntry[] {
  const places = specsInOrder(entries.map(({ read: { spec } }, i) => ({ ...spec, i })));
  return places.map(({ i }) => entries[i]!);
}

/** The modules that are on, as rules and the core are told. */
export function specsOf({ entries }: Pick<ModulesDraft, 'entries'>): ModuleSpec[] {
  return inOrder(entries)
    .filter(({ state }) => state === 'on')
    .map(({ spec }) => spec);
}

/** Throws ModuleError if priorities ask for an order that cannot be. */
export function checkOrder({ entries }: Pick<ModulesDraft, 'entries'>): void {
  const [fault] = orderFaults(entries.filter(({ enabled }) => enabled).map(({ spec }) => spec));
  if (fault !== undefined) throw new ModuleError('invalid', fault.message);
}

/** Whether two lists of the configuration mean the same modules. */
export function isSameUses(a: readonly ModuleUse[], b: readonly ModuleUse[]): boolean {
  return a.length === b.length && a.every((use, i) => isSameUse(use, b[i]!) && use.enabled === b[i]!.enabled);
}

/**
 * The list by another `modules:` of the configuration. What is the same there stays as it is, and so does
 * what commands have loaded: under the name of the configuration if it names the same module now, as after
 * `save`. `read` reads what is new.
 */
export async function draftOf(
  uses: readonly ModuleUse[],
  before: readonly ModuleEntry[],
  read: (use: ModuleUse) => Promise<ReadModule>,
  folder: string,
): Promise<ModulesDraft> {
  const adopted = new Map<ModuleEntry, ModuleUse>();
  const takeFrom = (list: ModuleEntry[], use: ModuleUse): ModuleEntry | null => {
    const at = list.findIndex((entry) => isSameUse(entry.declared ?? useOfEntry(entry), use));
    return at < 0 ? null : list.splice(at, 1)[0]!;
  };
  const old = before.filter(({ declared }) => declared !== null);
  const loaded = before.filter(({ declared }) => declared === null);
  const found = uses.map((use) => takeFrom(old, use));
  const kept = uses.map((use, i) => {
    const entry = found[i] ?? takeFrom(loaded, use);
    if (entry === null) return null;
    const isAsWished = entry.enabled === use.enabled || entry.declared?.enabled === use.enabled;
    if (!isAsWished) return entry.next({ declared: use, enabled: use.enabled });
    adopted.set(entry, use);
    return entry;
  });
  const taken = [...loaded, ...kept.filter((entry) => entry !== null)];
  const entries: ModuleEntry[] = [];
  for (const [i, use] of uses.entries()) {
    const entry = kept[i] ?? (await newEntry(use, taken, read, folder));
    if (kept[i] === null) taken.push(entry);
    entries.push(entry);
  }
  return { entries: [...entries, ...loaded], uses, adopted };
}

async function newEntry(
  use: ModuleUse,
  taken: readonly ModuleEntry[],
  read: (use: ModuleUse) => Promise<ReadModule>,
  folder: string,
): Promise<ModuleEntry> {
  const found = await read(use);
  const { run, priority, options } = use;
  const ask = { use: use.use, folder, run, priority, options };
  return new ModuleEntry(freeLabel(found.spec.name, taken), ask, found, use, use.enabled);
}

interface ModuleChange {
  readonly label: string;
  readonly action: 'loaded' | 'reloaded' | 'on' | 'off' | 'unloaded';
  /** It was loaded or reloaded, and does not run. */
  readonly isOff: boolean;
}

/** What has become of each module that is not as before. */
export function changesOf(before: readonly ModuleEntry[], after: readonly ModuleEntry[]): ModuleChange[] {
  const changes: ModuleChange[] = [];
  for (const { label } of before)
    if (!after.some((entry) => entry.label === label))
      changes.push({ label, action: 'unloaded', isOff: false });
  for (const entry of after) {
    if (before.includes(entry)) continue;
    const { label, enabled, read } = entry;
    const was = before.find((one) => one.label === label);
    const isOff = !enabled;
    if (was === undefined) changes.push({ label, action: 'loaded', isOff });
    else if (was.read !== read) changes.push({ label, action: 'reloaded', isOff });
    else changes.push({ label, action: enabled ? 'on' : 'off', isOff: false });
  }
  return changes;
}

/** What the modules that live have counted. */
export function countersByName(stage: ModuleStage): Map<string, ModuleCounters> {
  return new Map(stage.counters().map((one) => [one.name, one]));
}
