/** The command `status`: the counters of this moment and those of the kernel. */
import { readNfqueues, sumKernelDrops } from '../kernel-drops.ts';
import type { PacketThread } from '../packet-thread.ts';
import type { Samples } from '../samples.ts';
import { type StatusReport, type StatusSubject, statusReport } from '../status.ts';

export function statusCommand(
  subject: StatusSubject,
  packets: Pick<PacketThread, 'snapshot' | 'eachClasses'>,
  samples: Samples,
  scheduled: () => ReadonlyMap<string, object>,
): () => Promise<StatusReport> {
  return async () => {
    const queues = await readNfqueues();
    const [snapshot, eachClasses] = await Promise.all([packets.snapshot(), packets.eachClasses()]);
    const drops = sumKernelDrops(queues, snapshot.nfqueues);
    return statusReport(snapshot, eachClasses, { samples, scheduled: scheduled() }, subject, drops);
  };
}
