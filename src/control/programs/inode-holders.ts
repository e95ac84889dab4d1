/** Which process has a socket open: all processes of /proc, looked at only when a socket has come. */
import type { SocketKernel } from '../../io/sockets/kernel.ts';
import { socketsOf } from '../../io/sockets/processes.ts';

/** Others have their turn after so much work. */
const TURN_MS = 5;

export class InodeHolders {
  #pids: ReadonlyMap<number, number> = new Map();
  /** Sockets without a process at the last look, such as those of the kernel. */
  #ownerless: ReadonlySet<number> = new Set();

  /** Looks at all processes if one of these sockets is new. */
  async refresh(
    kernel: SocketKernel,
    inodes: readonly number[],
    pids: () => readonly number[],
    pause: () => Promise<void>,
  ): Promise<void> {
    if (inodes.every((inode) => this.#pids.has(inode) || this.#ownerless.has(inode))) return;
    const found = new Map<number, number>();
    let sinceMs = performance.now();
    for (const pid of pids()) {
      // Several processes may share a socket: the first one is mostly the parent.
      for (const inode of socketsOf(kernel, pid)?.inodes ?? []) if (!found.has(inode)) found.set(inode, pid);
      if (performance.now() - sinceMs < TURN_MS) continue;
      await pause();
      sinceMs = performance.now();
    }
    this.#pids = found;
    this.#ownerless = new Set(inodes.filter((inode) => !found.has(inode)));
  }

  /** null: none that can be seen. */
  pidOf(inode: number): number | null {
    return this.#pids.get(inode) ?? null;
  }
}
