/**
 * Children that the program had before it started anew in the same process. They end by themselves, as they
 * do when it is killed, but nobody else asks how they have ended: without that they stay as zombies.
 */
import { endChild, reapChild } from '../io/modules/children.ts';
import { Processes } from '../io/proc/processes.ts';

const LOOK_MS = 100;
/** What lives longer is what a module waits for, or does not know that we have gone. */
const LOOKS_MAX = 20;

export interface RemnantsWorld {
  children(): readonly number[];
  /** Whether it has gone. */
  reap(pid: number): boolean;
  /** At once, whatever it is at. */
  end(pid: number): void;
}

const LIVE: RemnantsWorld = {
  children: () => {
    const processes = new Processes();
    return processes.pids().filter((pid) => processes.stat(pid)?.parent === process.pid);
  },
  reap: (pid) => reapChild(pid),
  end: (pid) => endChild(pid),
};

export class Remnants {
  private readonly world: RemnantsWorld;
  private pids: readonly number[];
  private looks = 0;
  private timer: NodeJS.Timeout | null = null;

  /** Call it before the program has children of its own. */
  constructor(world: RemnantsWorld = LIVE) {
    this.world = world;
    this.pids = world.children();
    this.look();
  }

  /** What is left is ended. */
  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    for (const pid of this.pids) this.world.end(pid);
    this.pids = [];
  }

  private look(): void {
    this.pids = this.pids.filter((pid) => !this.world.reap(pid));
    if (this.pids.length === 0) {
      this.close();
      return;
    }
    if (++this.looks > LOOKS_MAX) for (const pid of this.pids) this.world.end(pid);
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }
}
