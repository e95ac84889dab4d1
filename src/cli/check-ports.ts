/** Ports of bridges for which a start with rules of iptables would refuse the configuration. */
import { type BridgeCalls, portObstacles } from '../spec/bridge-ports.ts';
import { bridgeOf, type DeviceGraph } from '../spec/device-graph.ts';
import type { ShaperSpec } from '../spec/spec.ts';

/**
 * Warnings as sentences. Whether rules of nft can queue here is known to a start alone, as it takes root to
 * try. `calls` is null without br_netfilter.
 */
export function portDoubts(
  { links, nfqueue }: ShaperSpec,
  devices: DeviceGraph,
  calls: BridgeCalls | null,
): string[] {
  if (nfqueue.backend === 'nft') return [];
  const ports = new Map<string, string>();
  for (const { device } of links) {
    const bridge = bridgeOf(devices, device);
    if (bridge !== null) ports.set(device, bridge);
  }
  const where = nfqueue.backend === 'auto' ? 'without the nft queue statement, run will refuse this: ' : '';
  return portObstacles(ports, links, 'iptables', calls).map(
    ({ message, hint }) => `${where}${message}; ${hint}`,
  );
}
