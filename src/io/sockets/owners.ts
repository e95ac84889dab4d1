/**
 * Whose socket is it? One question to the kernel for each new flow of this machine, and where an update has
 * not told the inode, a look at the open files of processes: first where the last socket was found, then at
 * processes that have just begun, then at all of a subject.
 */
import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { DESCRIPTORS_PER_FLOW_MAX } from '../../limits.ts';
import {
  type SocketAnswer,
  type SocketOwners,
  type SocketQuestion,
  TCP_NEW_SYN_RECV,
  type TrackedProcesses,
} from '../../packet/sockets.ts';
import { Descriptors } from './descriptors.ts';
import type { Holder } from './holder.ts';
import { InodeCache } from './inode-cache.ts';
import { openSocketKernel, type SocketKernel } from './kernel.ts';
import { ProcessTable } from './process-table.ts';

const IPPROTO_TCP = 6;
/** States in which a connection without an inode is one that its server has not accepted yet. */
const UNACCEPTED = new Set([1, 3, 8, TCP_NEW_SYN_RECV]);
/** Processes that are asked first, where their last socket was. */
const HINTS = 4;
/** After so many descriptors in vain, the process is looked for among all others. */
const VAIN_MAX = 32;
/** Others that are looked at for one flow. */
const OTHERS_PER_FLOW = 8;

export interface OwnerCounts {
  /** Questions to the kernel, and those without a socket. */
  asked: number;
  notFound: number;
  /** Inodes that no update had told. */
  searched: number;
  /** Searches that ended by a bound before everything was looked at. */
  givenUp: number;
}

export class LocalSockets implements SocketOwners {
  readonly question: SocketQuestion = {
    ...{ protocol: 0, family: 0, ifIndex: 0 },
    ...{ local0: 0, local1: 0, local2: 0, local3: 0, localPort: 0 },
    ...{ remote0: 0, remote1: 0, remote2: 0, remote3: 0, remotePort: 0 },
  };
  readonly answer: SocketAnswer = { uid: 0, inode: 0, cgroupHigh: 0, cgroupLow: 0, state: 0 };
  readonly counts: OwnerCounts = { asked: 0, notFound: 0, searched: 0, givenUp: 0 };
  readonly descriptors: Descriptors;
  private readonly table: ProcessTable;
  private readonly cache = new InodeCache();
  /** The last answer is about the listener of the port. */
  private isOfListener = false;
  /** Processes of the machine in one generation, and how far they were looked at. */
  private others: string[] = [];
  private othersAt = 0;
  private othersIn = -1;

  private readonly kernel: SocketKernel;

  constructor(kernel: SocketKernel = openSocketKernel(), nowMs: () => number = () => performance.now()) {
    this.kernel = kernel;
    this.table = new ProcessTable(kernel);
    this.descriptors = new Descriptors(kernel, this.table, this.cache, nowMs);
  }

  ask(): boolean {
    const { answer, question } = this;
    this.counts.asked++;
    this.isOfListener = false;
    if (!this.askKernel(false)) {
      this.counts.notFound++;
      return false;
    }
    this.readAnswer();
    if (answer.inode === 0 && question.protocol === IPPROTO_TCP) this.askListener();
    return true;
  }

  setOfInode(inode: number, uid: number): number {
    const { generation } = this.table;
    const known = this.cache.find(inode, generation);
    if (known !== undefined) return known ? known.set : -1;
    if (inode === 0 || !this.table.isUsed) return -1;
    this.counts.searched++;
    this.descriptors.begin();
    const isNewComplete = this.table.findNew();
    const holder = this.search(inode, uid);
    if (holder) {
      this.table.found(holder);
      this.cache.set(inode, holder, generation);
      return holder.set;
    }
    if (this.descriptors.left > 0 && isNewComplete) this.cache.set(inode, null, generation);
    else this.counts.givenUp++;
    return -1;
  }

  track(update: TrackedProcesses): void {
    this.table.track(update);
  }

  close(): void {
    this.kernel.native.close();
  }

  private askKernel(isListener: boolean): boolean {
    const { columns: c, native } = this.kernel;
    const { question: q } = this;
    c.protocol[0] = q.protocol;
    c.family[0] = q.family;
    c.ifIndex[0] = q.ifIndex;
    c.local0[0] = q.local0;
    c.local1[0] = q.local1;
    c.local2[0] = q.local2;
    c.local3[0] = q.local3;
    c.localPort[0] = q.localPort;
    c.remote0[0] = isListener ? 0 : q.remote0;
    c.remote1[0] = isListener ? 0 : q.remote1;
    c.remote2[0] = isListener ? 0 : q.remote2;
    c.remote3[0] = isListener ? 0 : q.remote3;
    c.remotePort[0] = isListener ? 0 : q.remotePort;
    return native.ask() === 0;
  }

  private readAnswer(): void {
    const { answer } = this;
    const { columns: c } = this.kernel;
    answer.uid = c.uid[0]!;
    answer.inode = c.inode[0]!;
    answer.cgroupHigh = c.cgroupHigh[0]!;
    answer.cgroupLow = c.cgroupLow[0]!;
    answer.state = c.state[0]!;
  }

  /**
   * A connection that nobody has accepted, or that its process has closed, has no inode. It belongs to the
   * listener of its port if there is one.
   */
  private askListener(): void {
    const { answer } = this;
    const { state, cgroupHigh, cgroupLow } = answer;
    if (!this.askKernel(true)) return;
    this.isOfListener = true;
    this.readAnswer();
    answer.state = UNACCEPTED.has(state) ? TCP_NEW_SYN_RECV : state;
    if (cgroupHigh === 0 && cgroupLow === 0) return;
    answer.cgroupHigh = cgroupHigh;
    answer.cgroupLow = cgroupLow;
  }

  private search(inode: number, uid: number): Holder | null {
    const found = this.searchHints(inode, uid) ?? this.searchAll(inode, uid, (holder) => holder.isNew);
    // A socket that was closed after its last packet has no process any more, wherever one looks.
    if (found || !this.isStillThere(inode)) return found;
    return (
      this.searchAll(inode, uid, (holder) => !holder.isNew && holder.set >= 0) ??
      this.searchAll(inode, uid, (holder) => !holder.isNew && holder.set < 0) ??
      this.searchOthers(inode, uid)
    );
  }

  /** Whether the socket of the last question is still the one that has this inode. */
  private isStillThere(inode: number): boolean {
    if (inode !== this.answer.inode) return true;
    return this.askKernel(this.isOfListener) && this.kernel.columns.inode[0] === inode;
  }

  private searchHints(inode: number, uid: number): Holder | null {
    const { order } = this.table;
    let hints = 0;
    for (let i = 0; i < order.length && hints < HINTS; i++) {
      const holder = order[i]!;
      if (holder.places[0]! < 0 || !this.descriptors.mayHold(holder, uid)) continue;
      if (this.descriptors.hasAtHint(holder, inode, hints === 0)) return holder;
      hints++;
    }
    return null;
  }

  private searchAll(inode: number, uid: number, isMeant: (holder: Holder) => boolean): Holder | null {
    const { descriptors, table } = this;
    // Processes that have ended leave the order on the way.
    for (const holder of table.order.filter(isMeant)) {
      if (descriptors.left <= 0) return null;
      if (holder.isGone || !descriptors.mayHold(holder, uid)) continue;
      if (holder.places[0]! < 0 && descriptors.hasAtHint(holder, inode, true)) return holder;
      if (descriptors.hasAnywhere(holder, inode)) return holder;
    }
    return null;
  }

  /**
   * A process that belongs to nothing, but opens sockets again and again, is found here once, and after that
   * by its last socket. So its flows do not cost a look at all sockets of all subjects.
   */
  private searchOthers(inode: number, uid: number): Holder | null {
    const { descriptors, table } = this;
    if (descriptors.left > DESCRIPTORS_PER_FLOW_MAX - VAIN_MAX) return null;
    if (this.othersIn !== table.generation) {
      this.othersIn = table.generation;
      this.others = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
      this.othersAt = 0;
    }
    for (let n = 0; n < OTHERS_PER_FLOW && this.othersAt < this.others.length; this.othersAt++) {
      if (descriptors.left <= 0) return null;
      const pid = Number(this.others[this.othersAt]);
      if (table.knows(pid)) continue;
      n++;
      descriptors.takeProcess();
      const holder = table.meet(pid, false);
      if (!holder) continue;
      if (holder.uid === uid && descriptors.hasAnywhere(holder, inode)) return holder;
      table.forget(holder);
    }
    return null;
  }
}
