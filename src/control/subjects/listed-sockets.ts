/**
 * Sockets of tracked processes, listed once for each: it is dear, and the packet thread finds those that come
 * later by itself. When somebody attaches something they are listed anew, because all flows are looked at
 * then.
 */
import type { ProcessSource } from '../../io/proc/processes.ts';

interface Listed {
  readonly startTicks: number;
  readonly inodes: readonly number[];
}

export class ListedSockets {
  readonly #processes: Pick<ProcessSource, 'sockets'>;
  #before = new Map<number, Listed>();
  #now = new Map<number, Listed>();

  constructor(processes: Pick<ProcessSource, 'sockets'>) {
    this.#processes = processes;
  }

  /** Another update begins. Processes of which the last one has not asked are forgotten. */
  begin(isAnew: boolean): void {
    this.#before = isAnew ? new Map() : this.#now;
    this.#now = new Map();
  }

  of(pid: number, startTicks: number): readonly number[] {
    const known = this.#before.get(pid);
    const listed =
      known?.startTicks === startTicks
        ? known
        : { startTicks, inodes: [...this.#processes.sockets(pid).values()] };
    this.#now.set(pid, listed);
    return listed.inodes;
  }
}
