/** What people want to know of a process: program, user, unit and container. */
import type { Accounts } from '../../io/accounts.ts';
import type { ProcessSource } from '../../io/proc/processes.ts';
import { type ContainerName, containerIdOf } from '../subjects/containers.ts';

/** Whose a flow of this machine is. */
export interface FlowProcess {
  /** null, as name and program are, if no process can be seen that has the socket. */
  readonly pid: number | null;
  readonly name: string | null;
  /** Absolute path of the program. */
  readonly exe: string | null;
  readonly user: string;
  /** Of systemd: the last service or scope in the path of the control group. */
  readonly unit: string | null;
  /** Its name, or its id without one. */
  readonly container: string | null;
}

export interface FactSources {
  readonly processes: Pick<ProcessSource, 'stat' | 'exe' | 'cgroup'>;
  readonly accounts: Pick<Accounts, 'nameOf'>;
  readonly containers: () => readonly ContainerName[];
  readonly nowMs: () => number;
}

/** Programs, users and names of containers change, but not every second. */
const FACTS_MS = 5000;
const UNIT = /\.(service|scope|socket|mount|swap)$/;

export class ProcessFacts {
  readonly #sources: FactSources;
  #kept = new Map<string, FlowProcess>();
  #users = new Map<number, string>();
  #containers: ReadonlyMap<string, string> | null = null;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(sources: FactSources) {
    this.#sources = sources;
  }

  /** Call it before questions that come together. */
  begin(): void {
    const nowMs = this.#sources.nowMs();
    if (nowMs - this.#sinceMs < FACTS_MS) return;
    this.#sinceMs = nowMs;
    this.#kept = new Map();
    this.#users = new Map();
    this.#containers = null;
  }

  /** Of a process with a socket of this user; of a socket without one if `pid` is null. */
  of(pid: number | null, uid: number): FlowProcess {
    const key = `${pid} ${uid}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const { processes } = this.#sources;
    const stat = pid === null ? null : processes.stat(pid);
    const group = pid === null ? null : processes.cgroup(pid);
    const process: FlowProcess = {
      pid: stat ? pid : null,
      name: stat?.name ?? null,
      exe: stat && pid !== null ? processes.exe(pid) : null,
      user: this.#userOf(uid),
      unit: unitOf(group),
      container: this.#containerOf(group),
    };
    this.#kept.set(key, process);
    return process;
  }

  #userOf(uid: number): string {
    let name = this.#users.get(uid);
    if (name === undefined) {
      name = this.#sources.accounts.nameOf(uid);
      this.#users.set(uid, name);
    }
    return name;
  }

  #containerOf(group: string | null): string | null {
    const id = group?.split('/').map(containerIdOf).findLast(Boolean) ?? null;
    if (id === null) return null;
    this.#containers ??= new Map(this.#sources.containers().map((one) => [one.id, one.name]));
    return this.#containers.get(id) || id.slice(0, 12);
  }
}

/** The innermost unit in the path of a control group: `/system.slice/nginx.service`. */
export function unitOf(group: string | null): string | null {
  return group?.split('/').findLast((name) => UNIT.test(name)) ?? null;
}
