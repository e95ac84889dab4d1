/** The command `status`: the counters of this moment and those of the kernel. */
import { readFile } from 'node:fs/promises';
import { isSystemError } from '../../base/system-error.ts';
import { type KernelQueue, NFQUEUES_FILE, parseNfqueues } from '../../io/proc/nfqueues.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { Samples } from '../samples.ts';
import { type StatusReport, type StatusSubject, statusReport, sumKernelDrops } from '../status.ts';

export function statusCommand(
  subject: StatusSubject,
  packets: Pick<PacketThread, 'snapshot' | 'eachClasses'>,
  samples: Samples,
  scheduled: () => ReadonlyMap<string, object>,
): () => Promise<StatusReport> {
  return async () => {
    const [snapshot, eachClasses] = await Promise.all([packets.snapshot(), packets.eachClasses()]);
    const drops = sumKernelDrops(await readNfqueues(), subject);
    return statusReport(snapshot, eachClasses, { samples, scheduled: scheduled() }, subject, drops);
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
