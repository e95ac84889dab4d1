/** Answers `status`: asks the packet thread for a snapshot, reads the kernel's counters, formats. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../base/system-error.ts';
import { statsOver } from '../core/packets/stats.ts';
import { type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../io/proc/nfqueues.ts';
import type { ControlStart } from './messages.ts';
import type { Handler } from './server.ts';
import { type StatusReport, statusReport, sumKernelDrops } from './status.ts';

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
    return statusReport(stats, start.subject, sumKernelDrops(await readNfqueues(), start.subject));
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

/** None if the file cannot be read: it shows nothing to those without privileges. */
async function readNfqueues(): Promise<KernelQueue[]> {
  try {
    return parseNfqueues(await readFile(NFQUEUES_FILE, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}
