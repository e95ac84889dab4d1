/**
 * Rules for links whose device is a port of a bridge. Rules for IP see nothing of it by themselves.
 *
 *     nft        chains in the hooks of the bridge itself, behind those of firewalls. Packets that the bridge
 *                switches, gets from the host and gives to it show their port there. The chains queue them
 *     iptables   br_netfilter shows the `forward` hook what the bridge switches, and remembers the port of
 *                what goes up to IP. Only iptables can read that (match physdev). So our nft chain gives such
 *                packets the mark of ports, and rules of iptables queue those of a shaped port. Which port of
 *                the bridge a packet of IP leaves by is not known yet in any hook of IP
 */
import { MARK_PORT, markBits } from '../../spec/mark-codes.ts';
import { type DirectionPlan, queuesInBridges } from '../../spec/queue-plan.ts';
import { RulesError } from './errors.ts';
import { foreignBits, hex } from './mark.ts';
import { askedLines } from './render-asked.ts';
import {
  MARK_PRIORITY,
  neverQueuedLines,
  queueStatement,
  quoteDevice,
  type RulesRequest,
  tableName,
} from './render-nft.ts';
import { switchedLines } from './render-switched.ts';

type PortPlan = DirectionPlan & { readonly bridge: string };

/** As the other hooks of render-nft.ts, by the device of the hook. */
const BRIDGE_HOOKS = [
  { name: 'forward', up: true, down: true },
  { name: 'input', up: false, down: true },
  { name: 'output', up: true, down: false },
] as const;

function portsOf({ plan }: Pick<RulesRequest, 'plan'>): PortPlan[] {
  return plan.directions.filter((direction): direction is PortPlan => direction.bridge !== undefined);
}

/** Whether there are chains of ours in the hooks of bridges that queue. Once there, they stay. */
export function hasPortHooks({ plan, keepsPortHooks = false }: RulesRequest): boolean {
  return keepsPortHooks || queuesInBridges(plan);
}

/** The chains in the hooks of bridges, in a table of the family `bridge`. */
function portLines(request: RulesRequest): string[] {
  if (!hasPortHooks(request)) return [];
  const { plan, nfqueue } = request;
  const table = `bridge ${tableName(nfqueue.first)}`;
  const ports = plan.sharesChains ? [] : portsOf(request);
  const lines = [
    '# Ports of bridges: packets show them in the hooks of the bridge alone.',
    ...askedLines(request, table),
    ...neverQueuedLines(table),
  ];
  for (const index of [...new Set(ports.map((direction) => direction.nfqueue))].sort((a, b) => a - b)) {
    lines.push(
      `add chain ${table} queue_${index}`,
      `add rule ${table} queue_${index} jump never_queued`,
      `add rule ${table} queue_${index} ${queueStatement(nfqueue, index)}`,
    );
  }
  for (const hook of BRIDGE_HOOKS) {
    const type = `type filter hook ${hook.name} priority ${MARK_PRIORITY}; policy accept;`;
    lines.push(`add chain ${table} ${hook.name} { ${type} }`);
    for (const { device, direction, nfqueue: index, isHalf } of ports) {
      if (!hook[direction]) continue;
      const side = direction === 'up' ? 'oifname' : 'iifname';
      const tcp = isHalf ? ' meta l4proto tcp' : '';
      lines.push(`add rule ${table} ${hook.name} ${side} ${quoteDevice(device)}${tcp} goto queue_${index}`);
    }
  }
  return lines;
}

/** Whether we have a table of the family `bridge`. */
export function hasBridgeTable(request: RulesRequest): boolean {
  return request.sparesSwitched === true || hasPortHooks(request);
}

/** The table of the family `bridge`, for what bridges switch and for their ports. */
export function bridgeTableLines(request: RulesRequest): string[] {
  if (!hasBridgeTable(request)) return [];
  return [
    `create table bridge ${tableName(request.nfqueue.first)} { flags owner; }`,
    ...switchedLines(request),
    ...portLines(request),
  ];
}

/** Ends the queueing in the hooks of bridges. */
export function stopPortLines(request: RulesRequest): string[] {
  if (!hasPortHooks(request)) return [];
  return BRIDGE_HOOKS.map(({ name }) => `flush chain bridge ${tableName(request.nfqueue.first)} ${name}`);
}

/** Bridges of which a port is shaped by rules of iptables. */
function seenBridges(request: RulesRequest): string[] {
  if (!request.plan.sharesChains) return [];
  return [...new Set(portsOf(request).map(({ bridge }) => bridge))];
}

/** The chain that gives packets the mark of ports, for rules of iptables. */
export function portMarkLines(request: RulesRequest): string[] {
  if (seenBridges(request).length === 0) return [];
  const chain = `inet ${tableName(request.nfqueue.first)} ports`;
  return [
    '# Packets of bridges that have a shaped port. The rules of iptables know the port, and queue those of it.',
    `add chain ${chain}`,
    `add rule ${chain} jump never_queued`,
    `add rule ${chain} meta mark set meta mark | ${hex(markBits(request.nfqueue.markMask, MARK_PORT))}`,
  ];
}

/** Of the chain for forwarded packets, before all rules: what a bridge switches crosses ports alone. */
export function switchedPortRules(request: RulesRequest): string[] {
  const { first, markMask } = request.nfqueue;
  const clear = `meta mark set meta mark & ${hex(foreignBits(markMask))}`;
  return seenBridges(request).map((bridge) => {
    const name = quoteDevice(bridge);
    return `add rule inet ${tableName(first)} forward iifname ${name} oifname ${name} ${clear} goto ports`;
  });
}

/** Behind all other rules of a chain: what goes up to IP and is queued by no rule before. */
export function raisedPortRules(request: RulesRequest, hook: string): string[] {
  if (hook === 'output') return [];
  const chain = `inet ${tableName(request.nfqueue.first)} ${hook}`;
  const bridges = new Set(
    portsOf(request)
      .filter(({ direction }) => direction === 'down')
      .map((p) => p.bridge),
  );
  return seenBridges(request)
    .filter((bridge) => bridges.has(bridge))
    .map((bridge) => `add rule ${chain} iifname ${quoteDevice(bridge)} goto ports`);
}

/** Throws RulesError for a name that iptables takes for the beginning of others. */
function quoteForIptables(device: string): string {
  if (!device.endsWith('+')) return quoteDevice(device);
  throw new RulesError(
    'request',
    `device name ${JSON.stringify(device)} cannot be written as a rule of iptables`,
  );
}

/** What rules of iptables match beside the mark of ports, by chain. The first rules match first. */
export function physdevMatches(request: RulesRequest): { chain: string; match: string; nfqueue: number }[] {
  if (!request.plan.sharesChains) return [];
  return portsOf(request).flatMap(({ device, direction, nfqueue, isHalf }) => {
    const tcp = isHalf ? ' -p tcp' : '';
    const match =
      direction === 'up'
        ? `-m physdev --physdev-out ${quoteForIptables(device)} --physdev-is-bridged${tcp}`
        : `-m physdev --physdev-in ${quoteForIptables(device)}${tcp}`;
    const chains = direction === 'up' ? ['FORWARD'] : ['FORWARD', 'INPUT'];
    return chains.map((chain) => ({ chain, match, nfqueue }));
  });
}
