/**
 * Links whose device is a port of a bridge: what keeps its packets from us, and what passes by.
 *
 *     rules of nft        queue in the hooks of the bridge, where all that is IP shows the port
 *     rules of iptables   queue in the hooks of IP, where br_netfilter has to show what the bridge switches
 */
import { type BridgePorts, hasPacing, letsSuperpacketsPass } from './queue-plan.ts';
import type { ClassSpec, LinkSpec } from './spec.ts';

/** What br_netfilter shows of bridged packets. */
export interface BridgeCalls {
  /** Packets of IPv4, and of IPv6. */
  readonly ip: boolean;
  readonly ip6: boolean;
  /** Also those with a VLAN tag. */
  readonly tagged: boolean;
}

/** By rules of which tool packets are queued. */
export type PortBackend = 'nft' | 'iptables';

export interface PortAdvice {
  readonly device: string;
  readonly message: string;
  readonly hint: string;
}

const CALLS = [
  { key: 'ip', sysctl: 'net.bridge.bridge-nf-call-iptables' },
  { key: 'ip6', sysctl: 'net.bridge.bridge-nf-call-ip6tables' },
] as const;
const TAGGED = 'net.bridge.bridge-nf-filter-vlan-tagged';

/** Why ports cannot be shaped, one port after the other. `calls` is null without br_netfilter. */
export function portObstacles(
  ports: BridgePorts,
  links: readonly LinkSpec[],
  backend: PortBackend,
  calls: BridgeCalls | null,
): PortAdvice[] {
  if (backend === 'nft') return [];
  return [...ports].flatMap(([device, bridge]) => {
    const advice = (message: string, hint: string): PortAdvice[] => [
      { device, message: `${device} is a port of the bridge ${bridge}: ${message}`, hint },
    ];
    if (links.some((link) => link.device === bridge))
      return advice(
        `rules of iptables cannot tell its packets from those of ${bridge}, which is a device here as well`,
        `name ${device} or ${bridge}, or use a kernel with the nft queue statement`,
      );
    if (calls === null)
      return advice(
        'its packets come to rules of iptables by br_netfilter alone, which is not loaded',
        `modprobe br_netfilter, then sysctl -w ${CALLS.map(({ sysctl }) => `${sysctl}=1`).join(' ')}`,
      );
    const off = CALLS.filter(({ key }) => !calls[key]).map(({ sysctl }) => sysctl);
    if (off.length === 0) return [];
    return advice(
      `the kernel keeps its packets from rules of iptables while ${off.join(' and ')} is 0`,
      `sysctl -w ${off.map((sysctl) => `${sysctl}=1`).join(' ')} (the firewall of this host sees them then as well)`,
    );
  });
}

/** What of a port that is shaped passes unshaped, or otherwise than from a device of its own. */
export function portGaps(
  device: string,
  bridge: string,
  links: readonly LinkSpec[],
  backend: PortBackend,
  calls: BridgeCalls | null,
  takesEdits: boolean,
): string[] {
  const own = links.filter((link) => link.device === device);
  if (backend === 'nft') {
    const gaps: string[] = [];
    if (!takesEdits && own.some(({ up, down }) => hasPacing(up) || hasPacing(down)))
      gaps.push(
        `tcp.pace is off at ${device}, a port of ${bridge}: this kernel drops edited packets in bridges. The class is ` +
          'shaped without it',
      );
    if (own.some(({ up, down }) => isSlowBelow(up) || isSlowBelow(down)))
      gaps.push(
        `superpackets of up to 64 KB come whole through ${device}, a port of ${bridge}, also to slow classes: the ` +
          `kernel cannot cut them in a bridge. ethtool -K DEVICE gro off for the ports avoids them`,
      );
    return gaps;
  }
  const gaps: string[] = [];
  if (own.some(({ up }) => up !== null))
    gaps.push(
      `what this host sends or routes by ${device} shows ${bridge} alone and passes unshaped: up has what ` +
        `${bridge} switches from other ports`,
    );
  if (calls?.tagged === false)
    gaps.push(`packets of ${device} with a VLAN tag pass unshaped while ${TAGGED} is 0`);
  return gaps;
}

function isSlowBelow(node: ClassSpec | null): boolean {
  return node !== null && (!letsSuperpacketsPass(node) || node.children.some(isSlowBelow));
}
