/**
 * What a program that starts itself anew tells the new start (native/modules/restart.h): by what it runs,
 * which modules it has, and which of them is to stay out because the event loop hung in it.
 */

import type { ConfigSource } from '../../control/messages.ts';
import type { ModuleOptionReport, ModuleState } from '../../control/modules.ts';
import type { AnyModule } from '../../modules/definition.ts';
import type { ModuleSpec, ModuleUse } from '../../spec/modules.ts';
import { type ModuleAsk, ModuleEntry } from './entry.ts';

/** A module, as JSON. */
export interface HandedModule {
  readonly label: string;
  readonly ask: ModuleAsk;
  readonly declared: ModuleUse | null;
  readonly enabled: boolean;
  readonly state: ModuleState;
  readonly reason: string | null;
  /** It is alive, and its text is none of ours: it may have left something to the event loop. */
  readonly isSuspect: boolean;
  readonly shown: {
    readonly source: string;
    readonly about: string;
    readonly interest: string;
    readonly budgetNs: number;
    readonly optionReports: readonly ModuleOptionReport[];
    readonly spec: Pick<ModuleSpec, 'run' | 'priority' | 'hooks' | 'payload'>;
  };
}

export interface Handover {
  /** As `save` would write it. */
  readonly config: ConfigSource;
  readonly modules: readonly HandedModule[];
  /** Whose code runs, by the number that the guard is told. 0 is nobody. */
  readonly owners: readonly string[];
}

/** How the loop hung. */
export interface Resume {
  /** In a call that blocks; else it computed. */
  readonly isAsleep: boolean;
  readonly stillMs: number;
  /** Number of the module whose function ran; 0: none of them. */
  readonly owner: number;
  /** A signal that asked for the end meanwhile; null: none. */
  readonly signal: NodeJS.Signals | null;
  /** null: it could not be handed on. */
  readonly handover: Handover | null;
}

export const RESUME_VARIABLE = 'SHAPER_RESUME';

const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { 2: 'SIGINT', 3: 'SIGQUIT', 15: 'SIGTERM' };

/**
 * What the start before has told; null: this is a start like any other. Takes it out of the environment, so
 * that no child has it. `readText` reads a descriptor, and closes it.
 */
export function takeResume(
  environment: NodeJS.ProcessEnv,
  pid: number,
  readText: (fd: number) => string | null,
): Resume | null {
  const told = environment[RESUME_VARIABLE];
  delete environment[RESUME_VARIABLE];
  const found = /^(\d+) (-?\d+) (sleeps|computes) (\d+) (\d+) (\d+)$/.exec(told ?? '');
  if (found === null || Number(found[1]) !== pid) return null;
  const [, , fd, how, stillMs, owner, signal] = found;
  const text = Number(fd) > 2 ? readText(Number(fd)) : null;
  return {
    isAsleep: how === 'sleeps',
    stillMs: Number(stillMs),
    owner: Number(owner),
    signal: SIGNALS[signal!] ?? null,
    handover: text === null ? null : (JSON.parse(text) as Handover),
  };
}

export interface Blame {
  /** Labels of modules that stay out. */
  readonly leftOut: readonly string[];
  readonly reason: string;
}

/** Whose fault it was, as far as that can be known. */
export function blameOf({ isAsleep, stillMs, owner }: Resume, { modules, owners }: Handover): Blame {
  const what = isAsleep
    ? `waited for ${stillMs} ms in a call that blocks`
    : `computed for ${stillMs} ms and could not be ended`;
  const culprit = owners[owner];
  if (culprit !== undefined && culprit !== '') return { leftOut: [culprit], reason: `it ${what}` };
  const suspects = modules.filter(({ isSuspect }) => isSuspect).map(({ label }) => label);
  const where = `${what}, outside of its functions: in a promise, a socket or a timer of Node`;
  if (suspects.length === 1) return { leftOut: suspects, reason: `it ${where}` };
  if (suspects.length === 0) return { leftOut: [], reason: `a module that has gone ${where}` };
  return { leftOut: suspects, reason: `one of ${suspects.join(', ')} ${where}; nobody knows which` };
}

/** A module that stays out until somebody switches it on. Its file is not read before. */
export function shelved(module: HandedModule, reason: string): ModuleEntry {
  const { label, ask, declared, enabled, shown } = module;
  const { source, about, interest, budgetNs, optionReports } = shown;
  const spec = { ...shown.spec, name: label, interest: null, kernelRules: {} };
  const definition = { label, about } as AnyModule;
  const read = { definition, source, text: null, spec, options: {}, optionReports, budgetNs, interest };
  const entry = new ModuleEntry(label, ask, read, declared, enabled);
  entry.state = 'ejected';
  entry.reason = reason;
  entry.isUnread = true;
  return entry;
}

/** The other way round. */
export function handed(entry: ModuleEntry, isForeign: boolean): HandedModule {
  const { label, ask, declared, enabled, state, reason, life, read } = entry;
  const { source, definition, interest, budgetNs, optionReports } = read;
  const { run, priority, hooks, payload } = read.spec;
  return {
    ...{ label, ask, declared, enabled, state, reason },
    isSuspect: life !== null && isForeign,
    shown: {
      ...{ source, about: definition.about ?? '', interest, budgetNs, optionReports },
      spec: { run, priority, hooks, payload },
    },
  };
}
