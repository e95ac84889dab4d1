/** Lists of modules: which labels are free, in which order packets pass, and what contradicts that order. */
import { resolve } from 'node:path';
import { equal } from '../../base/equal.ts';
import { nearest } from '../../base/nearest.ts';
import type { ModuleCounters } from '../../core/modules/runnable.ts';
import type { ModuleStage } from '../../core/modules/stage.ts';
import { kindOfUse } from '../../io/modules/loader.ts';
import { orderFaults, inOrder as specsInOrder } from '../../spec/module-order.ts';
import type { ModuleSpec, ModuleUse } from '../../spec/modules.ts';
import { ModuleEntry, ModuleError, type ReadModule } from './entry.ts';

/** The list of modules that shall be from now on, those that are off included. In order of registration. */
export interface ModulesDraft {
  readonly entries: readonly ModuleEntry[];
  /** What the configuration names, by which the list was made. */
  readonly uses: readonly ModuleUse[];
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

/** A file by its whole path; names of built-in modules and packages as they are. */
export function wholeUse(use: string, folder: string): string {
  return kindOfUse(use) === 'file' ? resolve(folder, use) : use;
}

/** Whether the two mean the same module with the same options, on or off. */
export function isSameUse(a: ModuleUse, b: ModuleUse): boolean {
  return equal(plain(a), plain(b));
}

/** Whether two lists of the configuration mean the same modules. */
export function isSameUses(a: readonly ModuleUse[], b: readonly ModuleUse[]): boolean {
  return a.length === b.length && a.every((use, i) => isSameUse(use, b[i]!) && use.enabled === b[i]!.enabled);
}

function plain({ use, run, priority, options }: ModuleUse): object {
  return { use, run, priority, options };
}

/**
 * The list by another `modules:` of the configuration. What is the same there stays as it is, and so does
 * what commands have loaded. `read` reads what is new.
 */
export async function draftOf(
  uses: readonly ModuleUse[],
  before: readonly ModuleEntry[],
  read: (use: ModuleUse) => Promise<ReadModule>,
  folder: string,
): Promise<ModulesDraft> {
  const old = before.filter(({ declared }) => declared !== null);
  const kept = uses.map((use) => {
    const at = old.findIndex(({ declared }) => isSameUse(declared!, use));
    if (at < 0) return null;
    const [entry] = old.splice(at, 1);
    return entry!.declared!.enabled === use.enabled
      ? entry!
      : entry!.next({ declared: use, enabled: use.enabled });
  });
  const loaded = before.filter(({ declared }) => declared === null);
  const taken = [...loaded, ...kept.filter((entry) => entry !== null)];
  const entries: ModuleEntry[] = [];
  for (const [i, use] of uses.entries()) {
    const entry = kept[i] ?? (await newEntry(use, taken, read, folder));
    if (kept[i] === null) taken.push(entry);
    entries.push(entry);
  }
  return { entries: [...entries, ...loaded], uses };
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

/** What has become of each module that is not as before. */
export function changesOf(
  before: readonly ModuleEntry[],
  after: readonly ModuleEntry[],
): (readonly [label: string, action: string])[] {
  const changes: (readonly [string, string])[] = [];
  for (const entry of before)
    if (!after.some(({ label }) => label === entry.label)) changes.push([entry.label, 'unloaded']);
  for (const entry of after) {
    if (before.includes(entry)) continue;
    const was = before.find(({ label }) => label === entry.label);
    if (was === undefined) changes.push([entry.label, 'loaded']);
    else if (was.read !== entry.read) changes.push([entry.label, 'reloaded']);
    else changes.push([entry.label, entry.enabled ? 'on' : 'off']);
  }
  return changes;
}

/** What the modules that live have counted. */
export function countersByName(stage: ModuleStage): Map<string, ModuleCounters> {
  return new Map(stage.counters().map((one) => [one.name, one]));
}
