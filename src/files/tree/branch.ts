/** One of the directories at the top of the tree. Paths are names, from that directory on. */
import type { Attributes, Caller, ListedName } from '../fuse/filesystem.ts';

export type Names = readonly string[];

export interface Settable {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Branch {
  attributes(names: Names): Promise<Attributes>;
  list(names: Names): Promise<readonly ListedName[]>;
  read(names: Names): Promise<string>;
  write(names: Names, text: string, caller: Caller): Promise<void>;
  makeDirectory(names: Names, mode: number, caller: Caller): Promise<void>;
  removeDirectory(names: Names, caller: Caller): Promise<void>;
  makeLink(names: Names, target: string, caller: Caller): Promise<void>;
  removeLink(names: Names, caller: Caller): Promise<void>;
  readLink(names: Names): Promise<string>;
  rename(from: Names, to: Names, caller: Caller): Promise<void>;
  setAttributes(names: Names, set: Settable, caller: Caller): Promise<void>;
}
