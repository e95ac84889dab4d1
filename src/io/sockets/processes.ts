/** What /proc tells of processes, for who looks at many of them beside the packets. */
import type { ProcessFields } from '../nfqueue/socket-columns.ts';
import { PROCESS_FIELDS } from '../nfqueue/socket-columns.ts';
import type { SocketKernel } from './kernel.ts';

export interface ProcessFacts {
  readonly pid: number;
  /** Another number than `pid` if that is a thread of the process. */
  readonly threadGroup: number;
  readonly parent: number;
  readonly group: number;
  /** By which it opens files and sockets; mostly the effective user. */
  readonly uid: number;
  readonly gid: number;
  /** Clock ticks since the start of the machine. With the pid it names one process. */
  readonly startTicks: number;
}

/** Sockets of a process, one a row. */
export interface ProcessSockets {
  readonly descriptors: readonly number[];
  readonly inodes: readonly number[];
}

/** Results of `scan` beside a row (native/sockets/process_files.h). */
export const SCAN_MORE = -2;
export const SCAN_GONE = -3;

/** Descriptors in one call of the addon. It takes one or two milliseconds. */
const DESCRIPTORS_PER_SCAN = 512;

/** null if there is no such process, or if it has ended and waits for its parent. */
export function processOf({ native, processWords }: SocketKernel, pid: number): ProcessFacts | null {
  if (!native.readProcess(pid)) return null;
  const fields: Partial<ProcessFields> = {};
  PROCESS_FIELDS.forEach((name, i) => {
    fields[name] = processWords[i]!;
  });
  const { threadGroup, parent, group, uid, gid, startHigh, startLow } = fields as ProcessFields;
  return { pid, threadGroup, parent, group, uid, gid, startTicks: startHigh * 2 ** 32 + startLow };
}

/** null if there is no such process, or if its files may not be seen. */
export function socketsOf({ native, columns }: SocketKernel, pid: number): ProcessSockets | null {
  const handle = native.openProcess(pid);
  if (handle < 0) return null;
  const descriptors: number[] = [];
  const inodes: number[] = [];
  let end = SCAN_MORE;
  for (let isAnew = true; end === SCAN_MORE; isAnew = false) {
    end = native.scan(handle, isAnew, 0, DESCRIPTORS_PER_SCAN);
    for (let r = 0; r < native.scanRows(); r++) {
      descriptors.push(columns.descriptor[r]!);
      inodes.push(columns.inode[r]!);
    }
  }
  native.closeProcess(handle);
  return { descriptors, inodes };
}
