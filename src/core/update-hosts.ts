/**
 * What others know of hosts comes to the stages that go by it: who has which address (hosts/), and who is
 * limited (quotas/). It is applied between two batches.
 */
import type { HostsUpdate } from './hosts/update.ts';
import type { Lasting } from './stages.ts';

export function updateHosts({ hosts, intake, limits }: Lasting, update: HostsUpdate, nowNs: number): void {
  hosts.update(update, intake.isInsideDevice, nowNs);
  if (update.limits !== undefined) limits.update(update.limits, nowNs);
}
