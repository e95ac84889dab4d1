/** What can be attached on this machine: processes, their sockets and groups, control groups. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';

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
  readonly #cgroupRoot: string | null = findCgroupRoot();

  pids(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  }

  process(pid: number): ProcessFacts | null {
    const status = orNull(() => readFileSync(`/proc/${pid}/status`, 'utf8'));
    const stat = orNull(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (status === null || stat === null) return null;
    // The name may hold spaces and brackets; the fields after it do not.
    const [, , pgid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { uid: effective(status, 'Uid'), gid: effective(status, 'Gid'), pgid: Number(pgid) };
  }

  sockets(pid: number): number[] {
    const fds = orNull(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
    return fds
      .filter((fd) => orNull(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.startsWith('socket:') === true)
      .map(Number);
  }

  groupsIn(path: string): string[] | null {
    if (this.#cgroupRoot === null) return path === '' ? [] : null;
    const entries = orNull(() => readdirSync(`${this.#cgroupRoot}/${path}`, { withFileTypes: true }));
    return entries?.filter((entry) => entry.isDirectory()).map(({ name }) => name) ?? null;
  }

  groupOwner(path: string): Owner | null {
    const found = orNull(() => statSync(`${this.#cgroupRoot}/${path}`));
    return found?.isDirectory() && this.#cgroupRoot !== null ? { uid: found.uid, gid: found.gid } : null;
  }

  isMakingDirectory(pid: number): boolean {
    const [call = ''] = (orNull(() => readFileSync(`/proc/${pid}/syscall`, 'utf8')) ?? '').split(' ');
    return MKDIR_CALLS[process.arch]?.includes(call) ?? false;
  }
}

/** The second of the numbers is the effective one. */
function effective(status: string, name: 'Uid' | 'Gid'): number {
  return Number(new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

/** Where control groups of version 2 are; null without them. */
function findCgroupRoot(): string | null {
  const lines = (orNull(() => readFileSync('/proc/mounts', 'utf8')) ?? '').split('\n');
  return lines.find((line) => line.split(' ')[2] === 'cgroup2')?.split(' ')[1] ?? null;
}

/** null if what is read is gone, as processes go at any time. */
function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}
