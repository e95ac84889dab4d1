/** What the directories of subjects stand for: which are there, whose they are, and how they are called. */
import type { ListedName } from '../fuse/filesystem.ts';
import type { Names } from './branch.ts';
import type { Machine, Owner, TreeAccounts } from './machine.ts';

/** A directory of a branch. */
export interface Directory extends Owner {
  readonly mode: number;
  /** As in POST /v1/attachments; null: nothing can be attached by this directory. */
  readonly subject: string | null;
}

export interface Subjects {
  /** null: there is no such directory. */
  directory(names: Names): Directory | null;
  /** Directories inside one that is there. */
  inside(names: Names): readonly string[];
  /** Equal for texts that mean the same subject. */
  sameAs(subject: string): string;
}

const ROOT: Owner = { uid: 0, gid: 0 };
/** Everybody may ask for a directory that is there (mkdir). */
export const OPEN_DIRECTORY: Directory = { ...ROOT, mode: 0o1777, subject: null };
const CLOSED = 0o755;
/** Which descriptors are sockets is nobody else's business, as in /proc. */
const PRIVATE = 0o500;
const SOCKETS = 'sockets';

const numberOf = (name: string): number => (/^[1-9]\d{0,9}$/.test(name) ? Number(name) : 0);
const asIs = (subject: string): string => subject;

/** `processes/PID/sockets/FD`. */
export function processes(machine: Machine): Subjects {
  return {
    directory(names) {
      const [pid = '', sockets, fd, ...more] = names;
      if (names.length === 0) return OPEN_DIRECTORY;
      const facts = numberOf(pid) === 0 ? null : machine.process(numberOf(pid));
      if (facts === null || more.length > 0) return null;
      const owner = { uid: facts.uid, gid: facts.gid };
      if (sockets === undefined) return { ...owner, mode: CLOSED, subject: `pid:${pid}` };
      if (sockets !== SOCKETS) return null;
      if (fd === undefined) return { ...owner, mode: PRIVATE, subject: null };
      const isThere = machine.sockets(Number(pid)).some((one) => String(one) === fd);
      return isThere ? { ...owner, mode: CLOSED, subject: `socket:${pid}/${fd}` } : null;
    },
    inside: ([pid, sockets, fd]) => {
      if (pid === undefined) return machine.pids().map(String);
      if (sockets === undefined) return [SOCKETS];
      return fd === undefined ? machine.sockets(Number(pid)).map(String) : [];
    },
    sameAs: asIs,
  };
}

/** `groups/PGID`: a group is whose all its processes are, else root's. */
export function processGroups(machine: Machine): Subjects {
  const facts = keptShortly(() => machine.pids().flatMap((pid) => machine.process(pid) ?? []));
  return {
    directory(names) {
      if (names.length === 0) return OPEN_DIRECTORY;
      const [pgid = ''] = names;
      const find = (isFresh: boolean) => facts(isFresh).filter((one) => String(one.pgid) === pgid);
      const known = names.length > 1 ? [] : find(false);
      const members = known.length > 0 || names.length > 1 ? known : find(true);
      const [first] = members;
      if (first === undefined) return null;
      const isOfOne = members.every(({ uid }) => uid === first.uid);
      const owner = isOfOne ? { uid: first.uid, gid: first.gid } : ROOT;
      return { ...owner, mode: CLOSED, subject: `pgid:${pgid}` };
    },
    inside: (names) =>
      names.length > 0
        ? []
        : [...new Set(facts(true).map(({ pgid }) => String(pgid)))].filter((one) => one !== '0'),
    sameAs: asIs,
  };
}

/** `users/NAME`, or a number. */
export function users(accounts: TreeAccounts): Subjects {
  return {
    directory(names) {
      if (names.length === 0) return OPEN_DIRECTORY;
      const [name = ''] = names;
      const uid = names.length > 1 ? null : accounts.uidOf(name);
      return uid === null ? null : { uid, gid: 0, mode: CLOSED, subject: `user:${name}` };
    },
    inside: (names) => (names.length > 0 ? [] : accounts.userNames()),
    sameAs(subject) {
      const uid = subject.startsWith('user:') ? accounts.uidOf(subject.slice('user:'.length)) : null;
      return uid === null ? subject : `user:${uid}`;
    },
  };
}

/** `cgroups/PATH`: a group is whose its directory is, so users attach those that are delegated to them. */
export function controlGroups(machine: Machine): Subjects {
  return {
    directory(names) {
      if (names.length === 0) return OPEN_DIRECTORY;
      const owner = machine.groupOwner(names.join('/'));
      return owner === null ? null : { ...owner, mode: CLOSED, subject: `cgroup:/${names.join('/')}` };
    },
    inside: (names) => machine.groupsIn(names.join('/')) ?? [],
    sameAs: asIs,
  };
}

/** A listing of groups asks for each of them, and each asks for all processes. */
const KEPT_MS = 100;

function keptShortly<T>(read: () => T): (isFresh: boolean) => T {
  let last: { readonly value: T; readonly atMs: number } | null = null;
  return (isFresh) => {
    const nowMs = performance.now();
    if (isFresh || last === null || nowMs - last.atMs > KEPT_MS) last = { value: read(), atMs: nowMs };
    return last.value;
  };
}

export function asDirectories(names: Iterable<string>): ListedName[] {
  return [...names].map((name) => ({ name, kind: 'dir' }));
}
