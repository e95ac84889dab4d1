/** The command `status`: the counters of this moment and those of the kernel. */
import { readNfqueues, sumKernelDrops } from '../kernel-drops.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { Samples } from '../samples.ts';
import { type StatusReport, type StatusSubject, statusReport } from '../status.ts';

/** What this thread knows itself. */
export interface StatusMore {
  /** By path of a class: what schedules set now. */
  readonly scheduled: () => ReadonlyMap<string, object>;
  /** What is wrong now, as sentences. */
  readonly warnings: () => readonly string[];
}

export function statusCommand(
  subject: StatusSubject,
  packets: Pick<PacketThread, 'snapshot' | 'eachClasses'>,
  samples: Samples,
  more: StatusMore,
): () => Promise<StatusReport> {
  return async () => {
    const queues = readNfqueues();
    const [snapshot, eachClasses] = await Promise.all([packets.snapshot(), packets.eachClasses()]);
    const drops = sumKernelDrops(queues, snapshot.nfqueues);
    const context = { samples, scheduled: more.scheduled(), warnings: more.warnings() };
    return statusReport(snapshot, eachClasses, context, subject, drops);
  };
}
