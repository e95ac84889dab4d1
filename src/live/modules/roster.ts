/** Lists of modules: which labels are free, in which order packets pass, and what contradicts that order. */
import { equal } from '../../base/equal.ts';
import { nearest } from '../../base/nearest.ts';
import type { ModuleUse } from '../../config/read/modules.ts';
import type { ModuleSpec } from '../../spec/modules.ts';
import { ModuleEntry, ModuleError, type ReadModule } from './entry.ts';

/** The list of modules that shall be from now on, those that are off included. In order of registration. */
export interface ModulesDraft {
  readonly entries: readonly ModuleEntry[];
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

/** As packets pass them: those in the kernel first, then by priority, then as they were registered. */
export function inOrder(entries: readonly ModuleEntry[]): ModuleEntry[] {
  const place = (entry: ModuleEntry): number => (entry.isUserRun ? 1 : 0);
  return [...entries].sort(
    (a, b) => place(a) - place(b) || a.read.spec.priority - b.read.spec.priority,
  );
}

/** The modules that are on, as rules and the core are told. */
export function specsOf({ entries }: ModulesDraft): ModuleSpec[] {
  return inOrder(entries)
    .filter(({ state }) => state === 'on')
    .map(({ spec }) => spec);
}

/**
 * At one hook those in the kernel come before all others, whatever their priorities.
 * @throws ModuleError if priorities say the contrary
 */
export function checkOrder({ entries }: ModulesDraft): void {
  const specs = entries.filter(({ enabled }) => enabled).map(({ spec }) => spec);
  const users = specs.filter(({ run }) => run === 'user');
  for (const kernel of specs.filter(({ run }) => run === 'kernel'))
    for (const user of users) {
      const hook = kernel.hooks.find((one) => user.hooks.includes(one));
      if (hook === undefined || kernel.priority <= user.priority) continue;
      throw new ModuleError(
        'invalid',
        `${kernel.name} runs in the kernel, where packets of ${hook} are before they come to ${user.name}; ` +
          `priorities ${kernel.priority} and ${user.priority} say the contrary`,
        `give ${kernel.name} a priority of at most ${user.priority}`,
      );
    }
}

/** Whether the two mean the same module with the same options, on or off. */
export function isSameUse(a: ModuleUse, b: ModuleUse): boolean {
  return equal(plain(a), plain(b));
}

function plain({ use, run, priority, options }: ModuleUse): object {
  return { use, run, priority, options };
}

/**
 * The list by another `modules:` of the configuration. What is the same there stays as it is, and so does what
 * commands have loaded. `read` reads what is new.
 */
export async function draftOf(
  uses: readonly ModuleUse[],
  before: readonly ModuleEntry[],
  folder: string,
  read: (use: ModuleUse) => Promise<ReadModule>,
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
    const entry = kept[i] ?? (await newEntry(use, taken, folder, read));
    if (kept[i] === null) taken.push(entry);
    entries.push(entry);
  }
  return { entries: [...entries, ...loaded] };
}

async function newEntry(
  use: ModuleUse,
  taken: readonly ModuleEntry[],
  folder: string,
  read: (use: ModuleUse) => Promise<ReadModule>,
): Promise<ModuleEntry> {
  const found = await read(use);
  const { run, priority, options } = use;
  const ask = { use: use.use, folder, run, priority, options };
  return new ModuleEntry(freeLabel(found.spec.name, taken), ask, found, use, use.enabled);
}
