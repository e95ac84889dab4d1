/** Modules of a running instance: what the control thread asks the packet thread, and what that answers. */
import { resolve } from 'node:path';
import { equal } from '../base/equal.ts';
import type { OptionType, QuotaHost, QuotaState } from '../modules/api/module.ts';
import type { Hook } from '../modules/api/packet.ts';
import { isFileUse, type ModuleUse } from '../spec/modules.ts';
import { ApiError, type ApiStatus } from './api-error.ts';

export interface LoadCommand {
  readonly do: 'load';
  /** The name of a built-in module or of a package, or a file. */
  readonly use: string;
  /** Where relative files start, and where packages are looked for: an absolute path. */
  readonly folder: string;
  /** null: the default. */
  readonly priority: number | null;
  /** null: user-run, unless the module has a kernel-run form alone. */
  readonly run: 'user' | 'kernel' | null;
  /** As users write them: `{ threshold: '20' }`. */
  readonly options: Readonly<Record<string, string>>;
}

export interface QuotaCommand {
  readonly do: 'quota';
  /** The `use` of the action, or the label of the module. */
  readonly name: string;
  readonly host: QuotaHost;
  readonly quota: string;
  readonly state: QuotaState;
  /** The label of the only module that is told; null: all that are meant by `name`. */
  readonly only: string | null;
}

export type ModuleSwitch = 'unload' | 'on' | 'off' | 'reload';

export type ModuleCommand =
  | { readonly do: 'list' }
  | { readonly do: 'stat'; readonly name: string }
  | LoadCommand
  | { readonly do: ModuleSwitch; readonly name: string }
  | QuotaCommand;

/**
 * `not-found`: no module has that name. `invalid`: the command or the module file is wrong. `failed`: the
 * machine refused, for example a rule. `stopping`: the instance ends. In every case all is as before.
 */
export type ModuleRefusalCode = 'not-found' | 'invalid' | 'failed' | 'stopping';

export type ModuleAnswer =
  | { readonly ok: true; readonly modules: readonly ModuleReport[] }
  | {
      readonly ok: false;
      readonly code: ModuleRefusalCode;
      readonly message: string;
      /** What the user can do about it. Empty if the message says so. */
      readonly hint: string;
    };

export type ModuleState = 'on' | 'off' | 'ejected';

export interface ModuleOptionReport {
  readonly name: string;
  readonly type: OptionType;
  /** In the user's words. */
  readonly value: string;
  /** In the user's words; null: it must be given. */
  readonly default: string | null;
  readonly help: string;
}

export interface ModuleReport {
  /** Unique in the instance. */
  readonly label: string;
  /** Whether people want it to run: an ejected module is enabled as well. */
  readonly enabled: boolean;
  readonly priority: number;
  readonly hooks: readonly Hook[];
  /** Since it was loaded: those that came to it. */
  readonly packets: number;
  readonly dropped: number;
  /** Those that it held back, to answer later. */
  readonly stolen: number;
  /** Mean processor time. 0 for kernel-run modules. */
  readonly nanosecondsPerPacket: number;
  readonly errors: number;
  readonly state: ModuleState;
  /** Why it was ejected; null if it was not. */
  readonly reason: string | null;
  readonly run: 'user' | 'kernel';
  /** One line for people; may be empty. */
  readonly about: string;
  /** Which packets it meets, as JSON; empty: all. */
  readonly interest: string;
  readonly heldPackets: number;
  readonly options: readonly ModuleOptionReport[];
  /** Where it came from: a file, or the name of a built-in module. */
  readonly source: string;
}

const STATUS: Readonly<Record<ModuleRefusalCode, ApiStatus>> = {
  'not-found': 404,
  invalid: 400,
  failed: 503,
  stopping: 503,
};

/** Throws ApiError if the packet thread has refused. */
export function modulesOf(answer: ModuleAnswer): readonly ModuleReport[] {
  if (answer.ok) return answer.modules;
  const { code, message, hint } = answer;
  throw new ApiError(STATUS[code], code, message, 'modules', hint);
}

/** A file by its whole path; names of built-in modules and packages as they are. */
export function wholeUse(use: string, folder: string): string {
  return isFileUse(use) ? resolve(folder, use) : use;
}

/** Whether the two mean the same module with the same options, on or off. */
export function isSameUse(a: ModuleUse, b: ModuleUse): boolean {
  return equal(plain(a), plain(b));
}

function plain({ use, run, priority, options }: ModuleUse): object {
  return { use, run, priority, options };
}
