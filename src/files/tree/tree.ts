/** The root of the tree: hands each call to the directory it is for, and keeps the reasons of refusals. */
import {
  type Attributes,
  type Caller,
  FileError,
  type FileSystem,
  type ListedName,
} from '../fuse/filesystem.ts';
import type { Branch, Names, Settable } from './branch.ts';
import type { Refusals } from './refusals.ts';
import { asDirectories } from './subjects.ts';

export interface TreeParts {
  /** By name of the directory at the top. */
  readonly branches: ReadonlyMap<string, Branch>;
  readonly refusals: Refusals;
  /** Of directories that are nobody's to change. */
  readonly fixed: Attributes;
  /** Whether a program waits for mkdir(2). */
  readonly isMakingDirectory: (pid: number) => boolean;
}

/** Branches whose directories are there unasked. */
const UNASKED_DEPTH = 2;

export class ShaperTree implements FileSystem {
  readonly #parts: TreeParts;

  constructor(parts: TreeParts) {
    this.#parts = parts;
  }

  async attributes(path: string): Promise<Attributes> {
    if (path === '') return this.#parts.fixed;
    const { branch, names } = this.#at(path);
    return branch.attributes(names);
  }

  /**
   * A directory of a subject is there unasked, and mkdir(2) refuses a name that is there before this file
   * system hears of it. So it is hidden from a program that makes it, whose mkdir(2) then succeeds.
   */
  isHiddenFrom(path: string, { pid }: Caller): boolean {
    const names = path.split('/');
    const isSubject = names[0] !== 'network' && names.length === UNASKED_DEPTH;
    return isSubject && pid !== 0 && this.#parts.isMakingDirectory(pid);
  }

  async list(path: string): Promise<readonly ListedName[]> {
    if (path === '') return asDirectories(this.#parts.branches.keys());
    const { branch, names } = this.#at(path);
    return branch.list(names);
  }

  async read(path: string): Promise<string> {
    const { branch, names } = this.#at(path);
    return branch.read(names);
  }

  write(path: string, text: string, caller: Caller): Promise<void> {
    return this.#change(path, (branch, names) => branch.write(names, text, caller));
  }

  makeDirectory(path: string, mode: number, caller: Caller): Promise<void> {
    return this.#change(path, (branch, names) => {
      checkName(path);
      return branch.makeDirectory(names, mode, caller);
    });
  }

  removeDirectory(path: string, caller: Caller): Promise<void> {
    return this.#change(path, (branch, names) => branch.removeDirectory(names, caller));
  }

  makeLink(path: string, target: string, caller: Caller): Promise<void> {
    return this.#change(path, (branch, names) => branch.makeLink(names, target, caller));
  }

  removeLink(path: string, caller: Caller): Promise<void> {
    return this.#change(path, (branch, names) => branch.removeLink(names, caller));
  }

  readLink(path: string): Promise<string> {
    const { branch, names } = this.#at(path);
    return branch.readLink(names);
  }

  rename(from: string, to: string, caller: Caller): Promise<void> {
    return this.#change(from, (branch, names) => {
      checkName(to);
      const target = this.#at(to);
      if (target.branch !== branch) throw new FileError('EXDEV', `${to} is of another kind`);
      return branch.rename(names, target.names, caller);
    });
  }

  setAttributes(path: string, set: Settable, caller: Caller): Promise<void> {
    if (path === '') return Promise.reject(new FileError('EROFS', 'the root is as it is'));
    return this.#change(path, (branch, names) => branch.setAttributes(names, set, caller));
  }

  #at(path: string): { readonly branch: Branch; readonly names: Names } {
    const [top = '', ...names] = path.split('/');
    const branch = this.#parts.branches.get(top);
    if (branch === undefined) throw new FileError('ENOENT', `there is no ${top} here`);
    return { branch, names };
  }

  /** Whoever is refused can read why in the directory. */
  async #change(path: string, change: (branch: Branch, names: Names) => Promise<void>): Promise<void> {
    const { refusals, branches } = this.#parts;
    const directory = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    try {
      if (!path.includes('/') && !branches.has(path)) throw new FileError('EROFS', 'the root is as it is');
      const { branch, names } = this.#at(path);
      await change(branch, names);
      refusals.done(directory);
    } catch (error) {
      if (error instanceof FileError) refusals.refused(directory, error.message);
      throw error;
    }
  }
}

/** Bytes of a name that programs have room for (NAME_MAX). */
const NAME_BYTES_MAX = 255;

function checkName(path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return;
  throw new FileError('ENAMETOOLONG', `a name has at most ${NAME_BYTES_MAX} bytes`);
}
