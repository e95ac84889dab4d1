/** Answers `status`: asks the packet thread for a snapshot, reads the kernel's counters, formats. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../base/system-error.ts';
import { statsOver } from '../core/packets/stats.ts';
import type { ControlStart } from './messages.ts';
import type { Handler } from './server.ts';
import { type KernelDrops, parseKernelDrops, type StatusReport, statusReport } from './status.ts';

const KERNEL_FILE = '/proc/net/netfilter/nfnetlink_queue';

export interface StatusHandler {
  readonly handle: Handler;
  /** The packet thread has written the snapshot that was asked for. */
  snapshotTaken(): void;
}

/**
 * Clients that ask while a snapshot is under way share the next one: the shared memory is never written while it is
 * being read, and many clients cost the packet thread no more than one.
 */
export function createStatusHandler(start: ControlStart, askForSnapshot: () => void): StatusHandler {
  const stats = statsOver(start.snapshot, start.subject.classes.length);
  let underWay: Promise<StatusReport> | null = null;
  let next: Promise<StatusReport> | null = null;
  let taken: () => void = () => undefined;

  const makeReport = async (): Promise<StatusReport> => {
    const arrived = new Promise<void>((resolve) => {
      taken = resolve;
    });
    askForSnapshot();
    await arrived;
    const { firstQueue, queueCount } = start.subject;
    return statusReport(stats, start.subject, await readKernelDrops(firstQueue, queueCount));
  };

  const report = (): Promise<StatusReport> => {
    if (!underWay) {
      underWay = makeReport().finally(() => {
        underWay = null;
      });
      return underWay;
    }
    next ??= underWay.then(begin, begin);
    return next;
  };
  const begin = (): Promise<StatusReport> => {
    next = null;
    return report();
  };

  return {
    handle: async (request) => {
      if (request.command !== 'status') throw new Error(`unknown command ${JSON.stringify(request.command)}`);
      return { status: await report() };
    },
    snapshotTaken: () => taken(),
  };
}

/** Zeros when the file cannot be read: without privileges it is not ours to see. */
async function readKernelDrops(firstQueue: number, queueCount: number): Promise<KernelDrops> {
  try {
    return parseKernelDrops(await readFile(KERNEL_FILE, 'utf8'), firstQueue, queueCount);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { queueFull: 0, socketFull: 0 };
  }
}
