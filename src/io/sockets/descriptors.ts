/** Looks for sockets among the open files of processes, with a bound on how much it looks at. */
import { DESCRIPTORS_PER_FLOW_MAX, DESCRIPTORS_PER_SEC_MAX } from '../../limits.ts';
import { type Holder, notePlace } from './holder.ts';
import type { InodeCache } from './inode-cache.ts';
import type { SocketKernel } from './kernel.ts';
import type { ProcessTable } from './process-table.ts';
import { SCAN_GONE, SCAN_MORE } from './processes.ts';

/** -EMFILE: every handle is in use. */
const NO_HANDLE = -24;
/** -EACCES, -EPERM: the program may not see the files of that process. */
const DENIED = new Set([-13, -1]);
/** Opening the files of a process and reading who it is take as long as looking at so many descriptors. */
const PROCESS_COST = 6;

/** How many of the last descriptors are looked at of a process none of whose sockets was asked for yet. */
const FIRST_LOOK = 32;

/** How far behind the last sockets of a process is looked before all its descriptors are. */
const AROUND = 16;

export class Descriptors {
  /** How many descriptors may still be looked at for this question. */
  left = 0;
  /** How many were looked at since the start. */
  looked = 0;
  /** How often files of a process could not be seen. */
  denied = 0;
  private tokens = DESCRIPTORS_PER_SEC_MAX;
  private atMs: number;
  private readonly kernel: SocketKernel;
  private readonly table: ProcessTable;
  private readonly cache: InodeCache;
  private readonly nowMs: () => number;

  constructor(kernel: SocketKernel, table: ProcessTable, cache: InodeCache, nowMs: () => number) {
    this.kernel = kernel;
    this.table = table;
    this.cache = cache;
    this.nowMs = nowMs;
    this.atMs = nowMs();
  }

  /** A question begins. */
  begin(): void {
    const nowMs = this.nowMs();
    const grown = (nowMs - this.atMs) * (DESCRIPTORS_PER_SEC_MAX / 1000);
    this.tokens = Math.min(this.tokens + grown, DESCRIPTORS_PER_SEC_MAX);
    this.atMs = nowMs;
    this.left = Math.min(DESCRIPTORS_PER_FLOW_MAX, Math.max(0, Math.floor(this.tokens)));
  }

  /** Reading about a process counts as well. */
  takeProcess(): void {
    this.take(PROCESS_COST);
  }

  /**
   * Whether a process can have opened a socket of this user: a socket has the user of its process at that
   * time. The user is read once in a generation, and again where it seems to be another one of a process
   * that has just begun.
   */
  mayHold(holder: Holder, uid: number): boolean {
    if (holder.readIn !== this.table.generation || (holder.isNew && holder.uid !== uid)) {
      this.takeProcess();
      this.table.check(holder);
    }
    return !holder.isGone && holder.uid === uid;
  }

  /**
   * Looks where the next socket of a process mostly is. A process gets the lowest free number: that of the
   * last one, which it has closed, or one behind it or behind an earlier one, or that with which it began
   * when it opened several, or the last of all.
   */
  hasAtHint(holder: Holder, inode: number, isFirst: boolean): boolean {
    if (!this.open(holder)) return false;
    const { places, firstPlace } = holder;
    const isNew = places[0]! < 0;
    // As last time: at the place of the last one, or behind it.
    const step = holder.hasReused ? 0 : 1;
    if (!isNew && this.hasAt(holder, inode, places[0]! + step, places[0]! + step)) return true;
    if (!isNew && this.hasAt(holder, inode, places[0]! + 1 - step, places[0]! + 1 - step)) return true;
    if (!isFirst) return false;
    for (let more = 1; more <= 2; more++) {
      for (let i = more === 1 ? 1 : 0; i < places.length && places[i]! >= 0; i++)
        if (this.hasAt(holder, inode, places[i]! + more, places[i]! + more)) return true;
    }
    if (firstPlace >= 0 && this.hasAt(holder, inode, firstPlace, firstPlace + 1)) return true;
    const count = this.kernel.native.openCount(holder.handle);
    this.take(1);
    return count > 0 && this.hasAt(holder, inode, Math.max(0, count - (isNew ? FIRST_LOOK : 2)), count);
  }

  /** Looks at all descriptors. Every socket on the way is remembered. */
  hasAnywhere(holder: Holder, inode: number): boolean {
    if (!this.open(holder)) return false;
    // Behind the last ones at first: files that stay open make gaps.
    for (let i = 0; i < 2; i++) {
      const place = holder.places[i]!;
      if (place >= 0 && this.hasAt(holder, inode, place + 3, place + AROUND)) return true;
    }
    const { native, columns } = this.kernel;
    let end = SCAN_MORE;
    for (let isAnew = true; end === SCAN_MORE && this.left > 0; isAnew = false) {
      end = native.scan(holder.handle, isAnew, inode, this.left);
      this.take(native.scanLooked());
      for (let r = native.scanRows() - 1; r >= 0; r--) {
        this.cache.set(columns.inode[r]!, holder, this.table.generation);
      }
    }
    if (end === SCAN_GONE) this.table.forget(holder);
    if (end < 0) return false;
    notePlace(holder, columns.descriptor[end]!);
    return true;
  }

  private hasAt(holder: Holder, inode: number, from: number, to: number): boolean {
    const { native } = this.kernel;
    for (let descriptor = from; descriptor <= to && this.left > 0; descriptor++) {
      const found = native.inodeAt(holder.handle, descriptor);
      this.take(1);
      if (found !== 0) this.cache.set(found, holder, this.table.generation);
      if (found !== inode) continue;
      notePlace(holder, descriptor);
      return true;
    }
    return false;
  }

  /**
   * Its directory stays open, and is empty once the process has ended, also if another one has its number.
   */
  private open(holder: Holder): boolean {
    if (holder.handle >= 0) return true;
    if (this.left <= 0) return false;
    const { native } = this.kernel;
    this.takeProcess();
    let handle = native.openProcess(holder.pid);
    if (handle === NO_HANDLE && this.closeOldest()) handle = native.openProcess(holder.pid);
    if (handle < 0) {
      if (DENIED.has(handle)) this.denied++;
      else this.table.forget(holder);
      return false;
    }
    holder.handle = handle;
    // Between the last look and the opening its number may have been given to another one.
    this.table.check(holder);
    return !holder.isGone;
  }

  private closeOldest(): boolean {
    const holder = this.table.order.findLast(({ handle }) => handle >= 0);
    if (!holder) return false;
    this.kernel.native.closeProcess(holder.handle);
    holder.handle = -1;
    return true;
  }

  private take(count: number): void {
    this.left -= count;
    this.tokens -= count;
    this.looked += count;
  }
}
