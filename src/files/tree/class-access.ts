/** Owner, group and mode of directories and files of classes: from the key `access`, and back to it. */
import { ACCESS_DEFAULTS } from '../../spec/access.ts';
import type { Attributes } from '../fuse/filesystem.ts';
import type { ClassReport } from './instance.ts';
import type { TreeAccounts } from './machine.ts';
import { isReport } from './parameters.ts';

interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const ANY_WRITE = 0o222;
/** Files of a new directory are open to whom the directory is, but for searching. */
const FILE_BITS = 0o666;

export class ClassAccess {
  readonly #accounts: TreeAccounts;
  readonly #sinceMs: number;

  constructor(accounts: TreeAccounts, sinceMs: number) {
    this.#accounts = accounts;
    this.#sinceMs = sinceMs;
  }

  directory({ access }: ClassReport): Attributes {
    return { kind: 'dir', changedMs: this.#sinceMs, ...this.#owned(access.dir ?? text(ACCESS_DEFAULTS.dir)) };
  }

  /** Files that are only read have no write bits, whatever is written of them. */
  file({ access }: ClassReport, name: string): Attributes {
    const own = access[name] ?? access.files ?? text(ACCESS_DEFAULTS.parameter);
    const owned = this.#owned(own);
    const mode = isReport(name) ? owned.mode & ~ANY_WRITE : owned.mode;
    return { kind: 'file', changedMs: this.#sinceMs, ...owned, mode };
  }

  /** The text of an entry of `access`. */
  entry({ uid, gid, mode }: Owned): string {
    const owner = this.#accounts.nameOf(uid);
    const group = this.#accounts.groupNameOf(gid);
    return text({ owner, group, mode });
  }

  /** What a directory that somebody makes has in `access`; null if it is as without. */
  ofNew(owned: Owned): Readonly<Record<string, string>> | null {
    const dir = this.entry(owned);
    const files = this.entry({ ...owned, mode: owned.mode & FILE_BITS });
    const isDefault = owned.uid === 0 && owned.gid === 0 && owned.mode === ACCESS_DEFAULTS.dir.mode;
    return isDefault ? null : { dir, files };
  }

  /** A name that nobody has here belongs to root. */
  #owned(entry: string): Owned {
    const [, owner = '', group = '', mode = '0'] = /^([^:]+):(\S+) ([0-7]+)$/.exec(entry) ?? [];
    return {
      uid: this.#accounts.uidOf(owner) ?? 0,
      gid: this.#accounts.gidOf(group) ?? 0,
      mode: Number.parseInt(mode, 8),
    };
  }
}

function text({ owner, group, mode }: { owner: string; group: string; mode: number }): string {
  return `${owner}:${group} ${mode.toString(8).padStart(3, '0')}`;
}
