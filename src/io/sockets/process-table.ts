/**
 * The processes that may hold a socket: those that an update has told of, those that have begun since, and
 * some others whose sockets were asked for. A process that begins belongs to what its parent hands on, else
 * to what its executable says.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';
import { NEW_PROCESSES_PER_FLOW_MAX, OTHER_HOLDERS_MAX } from '../../limits.ts';
import type { TrackedProcesses } from '../../packet/sockets.ts';
import { createHolder, type Holder } from './holder.ts';
import type { SocketKernel } from './kernel.ts';
import { processOf } from './processes.ts';

/** The largest that the kernel allows, on machines of 64 bits. */
const PIDS_MAX = 4_194_304;

function readPidsMax(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) || PIDS_MAX;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return PIDS_MAX;
  }
}

/** The executable of a process; empty if it cannot be seen. A file that was replaced keeps its name. */
function exeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return '';
  }
}

export class ProcessTable {
  /** Grows with every update. */
  generation = 0;
  /** Those whose sockets were found last come first. */
  readonly order: Holder[] = [];
  private readonly holders = new Map<number, Holder>();
  private exes: TrackedProcesses['exes'] = [];
  private isAnyTold = false;
  /** The newest process that was looked at. */
  private lastPid = 0;
  private readonly pidsMax = readPidsMax();
  private readonly kernel: SocketKernel;

  constructor(kernel: SocketKernel) {
    this.kernel = kernel;
  }

  /** Whether any process can belong to a subject. */
  get isUsed(): boolean {
    return this.isAnyTold || this.exes.length > 0;
  }

  track(update: TrackedProcesses): void {
    this.generation++;
    this.exes = update.exes;
    this.isAnyTold = update.pids.length > 0;
    for (const holder of this.order) holder.isTold = false;
    for (let i = 0; i < update.pids.length; i++) {
      const holder = this.holderOf(update.pids[i]!, update.startTicks[i]!);
      holder.set = update.setOfPid[i]!;
      holder.inheritedSet = update.inheritedSet[i]!;
      holder.isTold = true;
      holder.isNew = false;
    }
    this.keepUntold(update.lastPid);
    if (this.lastPid === 0 || this.isAfter(update.lastPid, this.lastPid)) this.lastPid = update.lastPid;
  }

  /** Numbers of sets are those of an update, so processes that it does not know get theirs anew. */
  private keepUntold(lastPid: number): void {
    const untold = this.order.filter(({ isTold }) => !isTold);
    let others = 0;
    for (const holder of untold) {
      // It may have ended long ago; whoever asks for it opens its files again.
      this.release(holder);
      if (!holder.isNew || !this.isAfter(holder.pid, lastPid)) {
        if (holder.set >= 0 || ++others > OTHER_HOLDERS_MAX) this.forget(holder);
        holder.isNew = false;
      }
      holder.set = holder.inheritedSet = -1;
    }
    for (const holder of untold) if (holder.isNew && holder.set < 0) this.giveSet(holder);
  }

  /**
   * Looks at processes that have begun since the last look. Returns whether these were all: far too many
   * begin at once only where somebody makes them for that.
   */
  findNew(): boolean {
    const newest = this.kernel.native.newestPid();
    if (newest === 0 || newest === this.lastPid) return true;
    const count = (newest - this.lastPid + this.pidsMax) % this.pidsMax;
    const first = Math.max(1, count - NEW_PROCESSES_PER_FLOW_MAX + 1);
    for (let i = first; i <= count; i++) this.meet(((this.lastPid + i - 1) % this.pidsMax) + 1, true);
    this.lastPid = newest;
    return first === 1;
  }

  /** A process that no update has told of. Returns null if there is none, or if it is a thread of another. */
  meet(pid: number, isNew: boolean): Holder | null {
    const process = processOf(this.kernel, pid);
    if (!process || process.threadGroup !== pid) return null;
    const holder = this.holderOf(pid, process.startTicks);
    holder.parent = process.parent;
    this.noteUser(holder, process.uid);
    if (holder.isTold) return holder;
    holder.isNew = isNew;
    this.giveSet(holder);
    return holder;
  }

  knows(pid: number): boolean {
    return this.holders.has(pid);
  }

  /** Forgets a process that has ended, also if another one has its number. */
  check(holder: Holder): void {
    const process = processOf(this.kernel, holder.pid);
    if (process?.startTicks === holder.startTicks) this.noteUser(holder, process.uid);
    else this.forget(holder);
  }

  /** Its socket was found: it is asked first from now on. It may run another program by now. */
  found(holder: Holder): void {
    if (holder.set < 0 && !holder.isTold) this.giveSet(holder);
    const at = this.order.indexOf(holder);
    this.order.copyWithin(1, 0, at);
    this.order[0] = holder;
  }

  forget(holder: Holder): void {
    this.release(holder);
    holder.isGone = true;
    if (this.holders.get(holder.pid) === holder) this.holders.delete(holder.pid);
    const at = this.order.indexOf(holder);
    if (at >= 0) this.order.splice(at, 1);
  }

  private release(holder: Holder): void {
    if (holder.handle >= 0) this.kernel.native.closeProcess(holder.handle);
    holder.handle = -1;
  }

  private noteUser(holder: Holder, uid: number): void {
    holder.uid = uid;
    holder.readIn = this.generation;
  }

  private holderOf(pid: number, startTicks: number): Holder {
    const known = this.holders.get(pid);
    if (known?.startTicks === startTicks) return known;
    if (known) this.forget(known);
    const holder = createHolder(pid, startTicks);
    this.holders.set(pid, holder);
    this.order.push(holder);
    return holder;
  }

  /** Of a process that no update has told of. */
  private giveSet(holder: Holder): void {
    const parent = this.holders.get(holder.parent);
    if (holder.isNew && parent && parent.startTicks <= holder.startTicks) {
      if (parent.set < 0 && !parent.isTold) this.giveSet(parent);
      holder.set = holder.inheritedSet = parent.inheritedSet;
    } else {
      holder.set = holder.inheritedSet = -1;
    }
    if (holder.set >= 0 || this.exes.length === 0) return;
    const exe = exeOf(holder.pid);
    for (const { path, set } of this.exes) if (path === exe) holder.set = holder.inheritedSet = set;
  }

  /** Whether one number was given after another. Numbers begin anew when they have reached the largest. */
  private isAfter(pid: number, other: number): boolean {
    const steps = (pid - other + this.pidsMax) % this.pidsMax;
    return steps > 0 && steps < this.pidsMax / 2;
  }
}
