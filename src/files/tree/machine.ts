/** What can be attached on this machine: processes, their sockets and groups, control groups. */
import { statSync } from 'node:fs';
import type { Accounts } from '../../io/accounts.ts';
import { Cgroups, cgroupMount } from '../../io/proc/cgroups.ts';
import { Processes } from '../../io/proc/processes.ts';
import { unlessGone } from '../../io/unless-gone.ts';

/** What the tree asks of users and groups. */
export type TreeAccounts = Pick<Accounts, 'uidOf' | 'gidOf' | 'nameOf' | 'groupNameOf' | 'userNames'>;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface ProcessFacts extends Owner {
  readonly pgid: number;
}

export interface Machine {
  pids(): readonly number[];
  /** null: there is no such process. */
  process(pid: number): ProcessFacts | null;
  /** Descriptors that are sockets. Empty without such a process. */
  sockets(pid: number): readonly number[];
  /** Names of control groups in one; null: there is no such group. */
  groupsIn(path: string): readonly string[] | null;
  /** Of the directory of a control group; null: there is no such group. */
  groupOwner(path: string): Owner | null;
  /** Whether the program waits for mkdir(2). */
  isMakingDirectory(pid: number): boolean;
}

/** Numbers of mkdir and mkdirat, by architecture as Node names it. */
const MKDIR_CALLS: Readonly<Record<string, readonly string[]>> = {
  x64: ['83', '258'],
  arm64: ['34'],
  riscv64: ['34'],
  arm: ['39', '323'],
  ia32: ['39', '296'],
  ppc64: ['39', '287'],
  s390x: ['39', '289'],
};

export class LinuxMachine implements Machine {
  readonly #processes = new Processes();
  readonly #cgroups: Cgroups | null;

  constructor() {
    const mount = cgroupMount();
    this.#cgroups = mount === null ? null : new Cgroups(mount);
  }

  pids(): number[] {
    return this.#processes.pids();
  }

  process(pid: number): ProcessFacts | null {
    const owner = this.#processes.owner(pid);
    const stat = this.#processes.stat(pid);
    return owner === null || stat === null ? null : { ...owner, pgid: stat.group };
  }

  sockets(pid: number): number[] {
    return [...this.#processes.sockets(pid).keys()];
  }

  groupsIn(path: string): string[] | null {
    if (this.#cgroups === null) return path === '' ? [] : null;
    const group = `/${path}`;
    return this.#cgroups.idOf(group) === null ? null : this.#cgroups.children(group);
  }

  groupOwner(path: string): Owner | null {
    const cgroups = this.#cgroups;
    if (cgroups === null) return null;
    const found = unlessGone(() => statSync(cgroups.folderOf(`/${path}`)));
    return found?.isDirectory() ? { uid: found.uid, gid: found.gid } : null;
  }

  isMakingDirectory(pid: number): boolean {
    return MKDIR_CALLS[process.arch]?.includes(this.#processes.systemCall(pid) ?? '') ?? false;
  }
}
