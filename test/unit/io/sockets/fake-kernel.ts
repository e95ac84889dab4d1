/** A kernel with processes and sockets as a test says. */
import type { NativeSockets } from '../../../../src/io/nfqueue/addon.ts';
import {
  processWordsOver,
  SOCKET_COLUMNS_BYTES,
  socketColumnsOver,
} from '../../../../src/io/nfqueue/socket-columns.ts';
import type { SocketKernel } from '../../../../src/io/sockets/kernel.ts';
import { SCAN_GONE, SCAN_MORE } from '../../../../src/io/sockets/processes.ts';

export interface FakeProcess {
  parent?: number;
  uid?: number;
  startTicks?: number;
  threadGroup?: number;
  /** Inode by descriptor; 0 for what is no socket. */
  files?: Map<number, number>;
  /** Its files may not be seen. */
  isHidden?: boolean;
}

export class FakeKernel implements SocketKernel {
  readonly processes = new Map<number, FakeProcess>();
  newest = 1000;
  /** Calls that look at a descriptor or a process, which are what takes time. */
  looks = 0;
  readonly open = new Map<number, { pid: number; process: FakeProcess; at: number }>();
  private readonly buffer = new ArrayBuffer(SOCKET_COLUMNS_BYTES);
  readonly columns = socketColumnsOver(this.buffer);
  readonly processWords = processWordsOver(this.buffer);
  private rows = 0;
  private looked = 0;
  /** What the kernel answers to questions. */
  answers: ((remotePort: number) => { inode: number; state: number; uid?: number } | null) | null = null;

  readonly native: NativeSockets = {
    ask: () => {
      const answer = this.answers?.(this.columns.remotePort[0]!);
      if (!answer) return 2;
      const { inode, state, uid } = answer;
      [this.columns.inode[0], this.columns.state[0], this.columns.uid[0]] = [inode, state, uid ?? 0];
      return 0;
    },
    startList: () => 0,
    readList: () => 0,
    openProcess: (pid) => {
      this.looks++;
      const process = this.processes.get(pid);
      if (!process) return -2;
      if (process.isHidden) return -13;
      for (let handle = 0; handle < 256; handle++) {
        if (this.open.has(handle)) continue;
        this.open.set(handle, { pid, process, at: 0 });
        return handle;
      }
      return -24;
    },
    closeProcess: (handle) => void this.open.delete(handle),
    inodeAt: (handle, descriptor) => {
      this.looks++;
      return this.filesOf(handle)?.get(descriptor) ?? 0;
    },
    openCount: (handle) => this.filesOf(handle)?.size ?? 0,
    scan: (handle, isAnew, inode, most) => this.scan(handle, isAnew, inode, most),
    scanRows: () => this.rows,
    scanLooked: () => this.looked,
    readProcess: (pid) => {
      this.looks++;
      const process = this.processes.get(pid);
      if (!process) return false;
      const { threadGroup = pid, parent = 1, uid = 0, startTicks = pid } = process;
      this.processWords.set([threadGroup, parent, pid, uid, uid, 0, startTicks]);
      return true;
    },
    newestPid: () => this.newest,
    close: () => this.open.clear(),
  };

  /** A process that begins. */
  begin(process: FakeProcess): number {
    this.processes.set(++this.newest, { files: new Map(), ...process });
    return this.newest;
  }

  /** A new socket of a process, at its lowest free descriptor. */
  openSocket(pid: number, inode: number): number {
    const files = this.processes.get(pid)!.files!;
    let descriptor = 0;
    while (files.has(descriptor)) descriptor++;
    files.set(descriptor, inode);
    return descriptor;
  }

  private filesOf(handle: number): Map<number, number> | undefined {
    const entry = this.open.get(handle)!;
    return this.processes.get(entry.pid) === entry.process ? entry.process.files : undefined;
  }

  private scan(handle: number, isAnew: boolean, inode: number, most: number): number {
    this.rows = this.looked = 0;
    const files = this.filesOf(handle);
    if (!files) return SCAN_GONE;
    const entry = this.open.get(handle)!;
    if (isAnew) entry.at = 0;
    const sorted = [...files].sort(([a], [b]) => a - b);
    for (; entry.at < sorted.length; entry.at++) {
      if (this.looked === most || this.rows === 512) return SCAN_MORE;
      this.looked++;
      this.looks++;
      const [descriptor, found] = sorted[entry.at]!;
      if (found === 0) continue;
      this.columns.descriptor[this.rows] = descriptor;
      this.columns.inode[this.rows] = found;
      if (found === inode) return this.rows++;
      this.rows++;
    }
    return -1;
  }
}
