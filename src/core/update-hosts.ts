/**
 * What others know of hosts comes to the stages that go by it: who has which address (hosts/). It is applied
 * between two batches.
 */
import type { HostsUpdate } from './hosts/update.ts';
import type { Lasting } from './stages.ts';

export type { HostsUpdate };

export function updateHosts({ hosts, intake }: Lasting, update: HostsUpdate, nowNs: number): void {
  hosts.update(update, intake.isInsideDevice, nowNs);
}
