/**
 * Control groups of an attachment: those that a name means now, with all groups below them. A socket belongs
 * to the group in which it was made, so the sockets that a process has brought into a group are listed.
 */
import type { CgroupId, Cgroups } from '../../io/proc/cgroups.ts';
import type { ProcessSource } from '../../io/proc/processes.ts';

/** After so many looks, sockets that were brought are looked for again: most are closed by then. */
const LOOKS_UNTIL_PRUNE = 20;

export class GroupSet {
  readonly #cgroups: Cgroups;
  readonly #processes: ProcessSource;
  readonly #find: () => readonly string[];
  #ids: readonly CgroupId[] = [];
  #paths: readonly string[] = [];
  /** Processes that the last look has found in the groups. */
  #pids: ReadonlySet<number> = new Set();
  readonly #broughtBy = new Map<number, number>();
  #folders: ReadonlySet<string> = new Set();
  /** Where its highest groups were: another of the same name will come there. */
  readonly #around = new Set<string>();
  #looks = 0;

  /** `find` gives the highest groups that are meant. */
  constructor(cgroups: Cgroups, processes: ProcessSource, find: () => readonly string[]) {
    this.#cgroups = cgroups;
    this.#processes = processes;
    this.#find = find;
  }

  /** Where groups that belong to it may come. */
  get folders(): ReadonlySet<string> {
    return this.#folders;
  }

  get ids(): readonly CgroupId[] {
    return this.#ids;
  }

  /** The highest of them. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  get pids(): ReadonlySet<number> {
    return this.#pids;
  }

  /** Inodes of sockets that their processes have opened before they came into the groups. */
  get brought(): Iterable<number> {
    return this.#broughtBy.keys();
  }

  look(): void {
    this.#paths = this.#find();
    for (const top of this.#paths) this.#around.add(this.#cgroups.folderAround(top));
    const folders = new Set(this.#around);
    const ids: CgroupId[] = [];
    const pids = new Set<number>();
    for (const path of this.#paths.flatMap((top) => this.#cgroups.below(top))) {
      const id = this.#cgroups.idOf(path);
      if (id !== null) ids.push(id);
      folders.add(this.#cgroups.folderOf(path));
      for (const pid of this.#cgroups.processes(path)) pids.add(pid);
    }
    const before = this.#pids;
    this.#ids = ids;
    this.#folders = folders;
    this.#pids = pids;
    for (const pid of pids) if (!before.has(pid)) this.#take(pid, before);
    if (++this.#looks % LOOKS_UNTIL_PRUNE === 0) this.#prune();
  }

  /** A process that began in the group has made its sockets there. */
  #take(pid: number, before: ReadonlySet<number>): void {
    const parent = this.#processes.stat(pid)?.parent ?? 0;
    if (before.has(parent)) return;
    for (const inode of this.#processes.sockets(pid).values()) this.#broughtBy.set(inode, pid);
  }

  #prune(): void {
    const open = new Map<number, ReadonlySet<number>>();
    for (const [inode, pid] of this.#broughtBy) {
      if (!open.has(pid)) open.set(pid, new Set(this.#processes.sockets(pid).values()));
      if (!open.get(pid)!.has(inode)) this.#broughtBy.delete(inode);
    }
  }
}
