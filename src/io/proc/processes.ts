/**
 * All processes of this machine, from procfs: who is whose child, which program each runs, which sockets it
 * has open. A process that ends while it is read is null, as one that never was.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { unlessGone } from '../unless-gone.ts';

export interface ProcessStat {
  readonly pid: number;
  /** The first 15 bytes of the program's name (comm). */
  readonly name: string;
  readonly parent: number;
  /** Process group and session; each is the pid of its leader. */
  readonly group: number;
  readonly session: number;
  /** Clock ticks from the start of the machine to that of the process. */
  readonly startTicks: number;
  /** A zombie has ended; its parent has not asked yet. */
  readonly isAlive: boolean;
}

/** What `attach` needs of processes. Tests bring their own. */
export interface ProcessSource {
  pids(): readonly number[];
  stat(pid: number): ProcessStat | null;
  /** Absolute path of the program, also of one that was replaced on the disk; null for kernel threads. */
  exe(pid: number): string | null;
  /** The user by whose rights it runs. */
  uid(pid: number): number | null;
  /** The process of a thread; its own number if it is no thread; null if there is neither. */
  threadGroup(pid: number): number | null;
  /** Inodes of its open sockets by descriptor; empty if they cannot be read. */
  sockets(pid: number): ReadonlyMap<number, number>;
  /** Inode of one open socket; null if that descriptor is none. */
  socket(pid: number, fd: number): number | null;
  /** Its control group in cgroup2, from the root of that mount. */
  cgroup(pid: number): string | null;
  /** Tells network namespaces apart. */
  netNamespace(pid: number | 'self'): string | null;
  /** The newest process or thread of all. */
  lastPid(): number;
}

const DELETED = ' (deleted)';

export class Processes implements ProcessSource {
  readonly #root: string;

  constructor(root = '/proc') {
    this.#root = root;
  }

  pids(): number[] {
    const pids: number[] = [];
    for (const name of namesIn(this.#root)) {
      const pid = Number(name);
      if (Number.isInteger(pid)) pids.push(pid);
    }
    return pids;
  }

  stat(pid: number): ProcessStat | null {
    const text = textOf(`${this.#root}/${pid}/stat`);
    return text === null ? null : parseStat(pid, text);
  }

  exe(pid: number): string | null {
    const path = linkOf(`${this.#root}/${pid}/exe`);
    return path?.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
  }

  uid(pid: number): number | null {
    return this.owner(pid)?.uid ?? null;
  }

  /** By which it opens files and sockets. */
  owner(pid: number): { readonly uid: number; readonly gid: number } | null {
    const status = textOf(`${this.#root}/${pid}/status`) ?? '';
    // Real, effective, saved, file system.
    const [uid, gid] = ['Uid', 'Gid'].map(
      (key) => new RegExp(`^${key}:\\s+\\d+\\s+\\d+\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1],
    );
    return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
  }

  /** Supplementary groups; null if there is no such process. */
  groups(pid: number): number[] | null {
    const listed = /^Groups:[ \t]*(.*)$/m.exec(textOf(`${this.#root}/${pid}/status`) ?? '')?.[1];
    return listed?.split(' ').filter(Boolean).map(Number) ?? null;
  }

  /** Number of the system call for which it waits; null if it waits for none or may not be seen. */
  systemCall(pid: number): string | null {
    return /^\d+/.exec(textOf(`${this.#root}/${pid}/syscall`) ?? '')?.[0] ?? null;
  }

  threadGroup(pid: number): number | null {
    const digits = /^Tgid:\s+(\d+)/m.exec(textOf(`${this.#root}/${pid}/status`) ?? '')?.[1];
    return digits === undefined ? null : Number(digits);
  }

  sockets(pid: number): Map<number, number> {
    const inodes = new Map<number, number>();
    for (const fd of namesIn(`${this.#root}/${pid}/fd`)) {
      const inode = this.socket(pid, Number(fd));
      if (inode !== null) inodes.set(Number(fd), inode);
    }
    return inodes;
  }

  socket(pid: number, fd: number): number | null {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${this.#root}/${pid}/fd/${fd}`) ?? '')?.[1];
    return inode === undefined ? null : Number(inode);
  }

  cgroup(pid: number): string | null {
    return /^0::(.*)$/m.exec(textOf(`${this.#root}/${pid}/cgroup`) ?? '')?.[1] ?? null;
  }

  netNamespace(pid: number | 'self'): string | null {
    return linkOf(`${this.#root}/${pid}/ns/net`);
  }

  lastPid(): number {
    return Number((textOf(`${this.#root}/loadavg`) ?? '').trim().split(' ').at(-1)) || 0;
  }
}

/** `pid (name) state parent group session …`, with the start as field 22. A name may hold `)`. */
function parseStat(pid: number, text: string): ProcessStat {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, end),
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
    isAlive: fields[0] !== 'Z' && fields[0] !== 'X',
  };
}

function textOf(path: string): string | null {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

function linkOf(path: string): string | null {
  return unlessGone(() => readlinkSync(path));
}

function namesIn(path: string): string[] {
  return unlessGone(() => readdirSync(path)) ?? [];
}
