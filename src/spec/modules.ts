/** What rules and the core are told of modules. */
import type { Hook } from '../modules/api/packet.ts';
import type { MatcherSpec } from './match.ts';

/** A module that is on, as its file and the configuration say. In the order in which packets pass them. */
export interface ModuleSpec {
  /** Its label, unique in the instance. */
  readonly name: string;
  readonly run: 'user' | 'kernel';
  readonly priority: number;
  readonly hooks: readonly Hook[];
  /** Packets that match none of these stay in the kernel; null: all packets come. */
  readonly interest: readonly MatcherSpec[] | null;
  /** Whether it reads and writes whole packets. */
  readonly payload: boolean;
  /** Of a kernel-run module: its nft rules, by hook. */
  readonly kernelRules: Partial<Record<Hook, readonly string[]>>;
}

/** A value as it was written: single values are texts. */
export type WrittenValue =
  | string
  | number
  | boolean
  | null
  | readonly WrittenValue[]
  | { readonly [key: string]: WrittenValue };

/** From 1. */
export interface WrittenPlace {
  readonly line: number;
  readonly column: number;
}

/** A module that the configuration names. Its file has not been read. */
export interface ModuleUse {
  /** A built-in module's name, a file, or a package. */
  readonly use: string;
  /** null: user-run if the module has that form. */
  readonly run: 'user' | 'kernel' | null;
  readonly priority: number;
  readonly options: Readonly<Record<string, WrittenValue>>;
  readonly enabled: boolean;
  /** Of the entry in the file. */
  readonly line: number;
}

/** Where an entry stands, so that what is wrong with its module is told there. */
export interface ModuleUsePlaces {
  readonly use: WrittenPlace;
  readonly run: WrittenPlace;
  readonly priority: WrittenPlace;
  readonly options: Readonly<Record<string, WrittenPlace>>;
}

/** A module that a quota tells of hosts: the label or the `use` of one, and where that is written. */
export interface ToldModule {
  readonly name: string;
  readonly place: WrittenPlace;
}

const EXTENSION = /\.[cm]?[jt]s$/;

/** Whether a module is named by its file: by its ending, or by how it starts. */
export function isFileUse(use: string): boolean {
  return /^(\/|\.\.?\/)/.test(use) || EXTENSION.test(use);
}
