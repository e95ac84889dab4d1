/** From the text of a subject to what it means on this machine now, with an error that says what is near. */
import { basename } from 'node:path';
import { nearest } from '../../base/nearest.ts';
import { type Cgroups, groupsCalled } from '../../io/proc/cgroups.ts';
import type { ProcessSource } from '../../io/proc/processes.ts';
import { ApiError } from '../api-error.ts';
import { ContainerTarget } from './container-target.ts';
import { containerIdOf } from './containers.ts';
import { GroupSet } from './group-set.ts';
import type { Machine } from './machine.ts';
import type { KnownProcess } from './process-tree.ts';
import { type Subject, subjectText } from './subject.ts';

/** A process, a process group or a program. */
export interface ProcessTarget {
  readonly kind: 'process';
  readonly rank: 1 | 2;
  /** Whether it ends with its last process. */
  readonly ends: boolean;
  /** A program gives way to a process that is named. */
  readonly isOfProgram: boolean;
  /** Files of the program, so that its processes are known from their first packet on. */
  programs(): readonly string[];
  matches(process: KnownProcess): boolean;
}

export interface SocketTarget {
  readonly kind: 'socket';
  readonly inode: number;
  /** A process that has it open. */
  pid: number;
}

export type Target =
  | ProcessTarget
  | SocketTarget
  | { readonly kind: 'user'; readonly uid: number }
  | { readonly kind: 'groups'; readonly groups: GroupSet; readonly ends: boolean }
  | { readonly kind: 'container'; readonly container: ContainerTarget };

/** The kernel keeps so much of the name of a program. */
const NAME_BYTES = 15;

/** Throws ApiError. `where` is the place of the subject in the request. */
export function resolveSubject(subject: Subject, machine: Machine, where: string): Target {
  switch (subject.kind) {
    case 'pid':
      return processTarget(subject.pid, machine, where);
    case 'pgid':
      return groupTarget(subject.pgid, machine, where);
    case 'socket':
      return socketTarget(subject.pid, subject.fd, machine, where);
    case 'user':
      return userTarget(subject.name, machine, where);
    case 'program':
      return programTarget(subject.name, machine, where);
    case 'exe':
      return exeTarget(subject.path, machine, where);
    case 'cgroup':
    case 'unit':
      return groupsTarget(subject, machine, where);
    case 'container':
      return containerTarget(subject.name, machine, where);
  }
}

function processTarget(pid: number, { processes }: Machine, where: string): Target {
  const { startTicks } = liveProcess(pid, processes, where);
  return {
    ...{ kind: 'process', rank: 1, ends: true, isOfProgram: false, programs: () => [] },
    matches: (process) => process.pid === pid && process.startTicks === startTicks,
  };
}

function liveProcess(pid: number, processes: ProcessSource, where: string): { readonly startTicks: number } {
  const stat = processes.stat(pid);
  if (stat === null) throw absent(where, `no such process: ${pid}`, 'ps -e lists processes');
  const process = processes.threadGroup(pid);
  if (process !== null && process !== pid)
    throw absent(where, `${pid} is a thread of process ${process}`, `attach pid:${process}`);
  if (!stat.isAlive) throw absent(where, `process ${pid} has ended`, '');
  return stat;
}

function groupTarget(pgid: number, { processes }: Machine, where: string): Target {
  const isThere = processes.pids().some((pid) => processes.stat(pid)?.group === pgid);
  if (!isThere) {
    const group = processes.stat(pgid)?.group;
    const hint =
      group === undefined ? 'ps -eo pgid,pid,args lists them' : `process ${pgid} is in pgid:${group}`;
    throw absent(where, `no such process group: ${pgid}`, hint);
  }
  return {
    ...{ kind: 'process', rank: 2, ends: true, isOfProgram: false, programs: () => [] },
    matches: (process) => process.group === pgid,
  };
}

function socketTarget(pid: number, fd: number, { processes }: Machine, where: string): Target {
  liveProcess(pid, processes, where);
  const inode = processes.socket(pid, fd);
  if (inode !== null) return { kind: 'socket', inode, pid };
  const open = [...processes.sockets(pid).keys()];
  const hint = open.length === 0 ? 'it has no sockets' : `its sockets are ${open.slice(0, 20).join(', ')}`;
  throw absent(where, `descriptor ${fd} of process ${pid} is no socket`, hint);
}

function userTarget(name: string, { accounts }: Machine, where: string): Target {
  const uid = accounts.uidOf(name);
  if (uid !== null && uid < 2 ** 32) return { kind: 'user', uid };
  throw absent(where, `no such user: ${name}`, nearHint(name, accounts.userNames(), 'user:'));
}

function programTarget(name: string, machine: Machine, where: string): Target {
  const { processes } = machine;
  const short = Buffer.from(name).subarray(0, NAME_BYTES).toString();
  const matches = (process: Pick<KnownProcess, 'name' | 'exe'>): boolean =>
    process.name === short || (process.exe !== null && basename(process.exe) === name);
  const files = machine.programsCalled(name).filter((path) => basename(path) === name);
  if (files.length === 0) {
    const pids = processes.pids();
    const all = pids.map((pid) => ({ name: processes.stat(pid)?.name ?? '', exe: processes.exe(pid) }));
    if (!all.some(matches)) {
      const names = [...new Set(all.map((process) => process.name))].filter((one) => one !== '');
      const hint = nearHint(name, names, '');
      throw absent(where, `no process and no program is called ${name}`, hint);
    }
  }
  return {
    ...{ kind: 'process', rank: 1, ends: false, isOfProgram: true, matches },
    programs: () => files,
  };
}

function exeTarget(path: string, machine: Machine, where: string): Target {
  const file = machine.programFile(path);
  if (file === null)
    throw absent(where, `no such program: ${path}`, 'ls -l /proc/PID/exe shows that of a process');
  return {
    ...{ kind: 'process', rank: 1, ends: false, isOfProgram: true, programs: () => [file] },
    matches: (process) => process.exe === file,
  };
}

function groupsTarget(
  subject: Extract<Subject, { kind: 'cgroup' | 'unit' }>,
  { cgroups, processes }: Machine,
  where: string,
): Target {
  if (cgroups === null) throw withoutCgroups(where);
  const find = groupFinder(subject, cgroups);
  if (find().length === 0) {
    const text = subjectText(subject);
    throw absent(where, `no such control group: ${text}`, groupHint(subject, cgroups));
  }
  const groups = new GroupSet(cgroups, processes, find);
  groups.look();
  // A unit that is started again gets another group of the same name.
  return { kind: 'groups', groups, ends: subject.kind === 'cgroup' };
}

/** Finds what a path or the name of a unit means now. */
export function groupFinder(
  subject: Extract<Subject, { kind: 'cgroup' | 'unit' }>,
  cgroups: Cgroups,
): () => readonly string[] {
  if (subject.kind === 'unit') return () => groupsCalled(cgroups, (name) => name === subject.name);
  const { path } = subject;
  return () => (cgroups.idOf(path) === null ? [] : [path]);
}

function groupHint(subject: Extract<Subject, { kind: 'cgroup' | 'unit' }>, cgroups: Cgroups): string {
  if (subject.kind === 'unit') {
    const names = cgroups.below('/').map((path) => basename(path));
    const units = names.filter((name) => /\.(service|scope|slice)$/.test(name));
    return (
      nearHint(subject.name, units, 'unit:') || 'a unit has a group as long as it runs: systemctl status'
    );
  }
  const all = cgroups.below('/');
  return nearHint(subject.path, all, 'cgroup:') || `groups are the folders below ${cgroups.mount}`;
}

function containerTarget(name: string, machine: Machine, where: string): Target {
  const container = new ContainerTarget(name, machine);
  if (container.look()) return { kind: 'container', container };
  const names = machine.containers().map((one) => one.name);
  const ids =
    machine.cgroups === null ? [] : groupsCalled(machine.cgroups, (one) => containerIdOf(one) !== null);
  const hint =
    names.length + ids.length === 0
      ? 'no container of docker or podman is known here'
      : nearHint(name, names, 'container:') || 'docker ps or podman ps lists them';
  throw absent(where, `no such container: ${name}`, hint);
}

export function withoutCgroups(where: string): ApiError {
  const hint = 'mount it: mount -t cgroup2 none /sys/fs/cgroup/unified';
  return new ApiError(503, 'no-cgroup2', 'cgroup2 is not mounted here', where, hint);
}

function nearHint(word: string, words: readonly string[], prefix: string): string {
  const near = nearest(word, words);
  return near?.isNear ? `did you mean ${prefix}${near.word}?` : '';
}

function absent(where: string, message: string, hint: string): ApiError {
  return new ApiError(404, 'no-such-subject', message, where, hint);
}
