/**
 * Our nft table as commands, one per line: the same lines can be printed, checked by `nft -c -f`, and joined
 * by semicolons into one transaction for `nft -i`, which reads line by line.
 */

import { CONNECTION_PACED, markBits } from '../../spec/mark-codes.ts';
import {
  type DirectionPlan,
  marksConnections,
  planFetches,
  planSteers,
  type QueuePlan,
} from '../../spec/queue-plan.ts';
import type { NfqueueSpec } from '../../spec/spec.ts';
import type { LoopbackFlow } from '../nfqueue/loopback.ts';
import { RulesError } from './errors.ts';
import { kernelTracks } from './kernel-rules.ts';
import { foreignBits, hex, markShift, nfqueueMark } from './mark.ts';
import { askedLines, CONNECTION_DIRECTIONS } from './render-asked.ts';
import {
  comesUpRules,
  kernelJumps,
  kernelLines,
  moduleChainLines,
  stopModuleLines,
} from './render-modules.ts';
import { hasPageHooks, type PageRules, pageLines } from './render-page.ts';
import {
  bridgeTableLines,
  hasBridgeTable,
  portMarkLines,
  raisedPortRules,
  stopPortLines,
  switchedPortRules,
} from './render-ports.ts';
import { switchedRule } from './render-switched.ts';

export interface RulesRequest {
  readonly plan: QueuePlan;
  readonly nfqueue: NfqueueSpec;
  /** Packets that a bridge only switches may pass the rules, and shall not be shaped. */
  readonly sparesSwitched?: boolean;
  /** Chains of ours have queued packets in the hooks of bridges since the start, so they stay. */
  readonly keepsPortHooks?: boolean;
  /** Rules of others track connections. */
  readonly isTracked?: boolean;
  /** Rules of ours have tracked connections since the start, so some rule must go on to do so. */
  readonly keepsTracking?: boolean;
  /** Stopped hosts are shown a page. */
  readonly page?: PageRules;
  /** Chains of the page have been in their hooks since the start, so they stay. */
  readonly keepsPageHooks?: boolean;
}

export type Backend = 'nft' | 'iptables';

/** After all common filters (0), before the NFQUEUE rules in the `security` table of iptables-nft (150). */
export const MARK_PRIORITY = 140;
/** Forwarded and local packets first meet here, behind NFQUEUE. Mangle chains (-150) never see our bits. */
export const POSTROUTING_ASKED_PRIORITY = -160;
/** Behind the queueing rules of either back end. */
export const INPUT_ASKED_PRIORITY = 160;
/** Named set with the devices that an instance shapes. Other instances read it. */
export const DEVICES_SET = 'shaped_devices';
/** Named set with the mark mask of an instance. Other instances read it. */
export const MASK_SET = 'mark_mask';
/** Named set with the process id of an instance, for people and for the messages of others. */
export const PROCESS_SET = 'process_id';

/** A flood of pings with ever new identifiers passes no faster than this. */
const FIRST_PINGS_LIMIT = '2 kbytes/second burst 4 kbytes';

const TABLE = /^shaper_(\d+)$/;

export function tableName(firstQueue: number): string {
  if (!Number.isInteger(firstQueue) || firstQueue < 0 || firstQueue > 65535) {
    throw new RulesError('request', `${firstQueue} is not a queue number`);
  }
  return `shaper_${firstQueue}`;
}

/** nfqueue.first of the instance whose table has this name, or null. */
export function firstQueueOfTable(table: string): number | null {
  const match = TABLE.exec(table);
  return match ? Number(match[1]) : null;
}

/**
 * A device name between quotes. nft takes a trailing `*` for a wildcard and has no escape for a quote.
 * `nft -i` reads through a line editor, which wants printable ASCII.
 * @throws RulesError for a name that cannot be written
 */
export function quoteDevice(device: string): string {
  if (!/^[\x21-\x7e]{1,15}$/.test(device) || /["*\\/]/.test(device)) {
    throw new RulesError('request', `device name ${JSON.stringify(device)} cannot be written as an nft rule`);
  }
  return `"${device}"`;
}

/** Devices of the plan, each once, in its order. */
export function plannedDevices(plan: QueuePlan): string[] {
  return [...new Set(plan.directions.map((direction) => direction.device))];
}

/** Every nfqueue that a direction or modules use, ascending. */
export function plannedNfqueues(plan: QueuePlan): number[] {
  const queues = plan.directions.flatMap(({ nfqueue, fastNfqueue }) => [nfqueue, fastNfqueue ?? nfqueue]);
  const modules = plan.moduleNfqueue === null ? [] : [plan.moduleNfqueue];
  return [...new Set([...queues, ...modules])].sort((a, b) => a - b);
}

/**
 * The first transaction takes the name. `create` fails if the table exists, so two instances cannot share
 * one. The kernel removes an owned table when the process that created it ends (since Linux 5.12).
 */
export function claimLines({ plan, nfqueue }: RulesRequest): string[] {
  const table = tableName(nfqueue.first);
  markShift(nfqueue.markMask);
  const lines = [
    '# Owned: the kernel removes the table when the process that made it ends.',
    `create table inet ${table} { flags owner; }`,
    '# For people and for other instances.',
    `add set inet ${table} ${MASK_SET} { type mark; }`,
    `add element inet ${table} ${MASK_SET} { ${hex(nfqueue.markMask)} }`,
    `add set inet ${table} ${DEVICES_SET} { type ifname; }`,
  ];
  const devices = plannedDevices(plan).map(quoteDevice);
  if (devices.length > 0) lines.push(`add element inet ${table} ${DEVICES_SET} { ${devices.join(', ')} }`);
  return lines;
}

/** Says in the table whose it is. */
export function processLines(firstQueue: number, pid: number): string[] {
  const set = `inet ${tableName(firstQueue)} ${PROCESS_SET}`;
  return [`add set ${set} { type mark; }`, `add element ${set} { ${pid} }`];
}

/**
 * Whoever knows the ports of DHCP could pass every limit otherwise. Packets beyond this bound are queued and
 * shaped like any other. It is some 25 messages a second.
 */
const DHCP_BOUND = 'limit rate 8 kbytes/second burst 32 kbytes';

/**
 * `accept` ends our base chain only: the packet goes on to the next one without a mark of ours. The hop limit
 * says that a neighbour has sent the message (RFC 4861): a forwarded packet never has 255.
 */
export function neverQueuedLines(table: string): string[] {
  const rule = `add rule ${table} never_queued`;
  const isBridge = table.startsWith('bridge ');
  return [
    '# Never queued: multicast, broadcast, neighbour discovery, DHCP, DHCPv6.',
    `add chain ${table} never_queued`,
    // The core knows IP alone: no ARP, no PPPoE.
    ...(isBridge ? [`${rule} meta protocol != { ip, ip6 } accept`] : []),
    `${rule} meta pkttype { broadcast, multicast } accept`,
    `${rule} ip daddr 224.0.0.0/4 accept`,
    `${rule} ip6 daddr ff00::/8 accept`,
    `${rule} meta l4proto tcp return`,
    // In a bridge broadcasts have the Ethernet address of all.
    ...(isBridge ? [] : [`${rule} meta nfproto ipv4 fib daddr type broadcast accept`]),
    `${rule} ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136, 137 } accept`,
    `${rule} ip protocol udp udp sport { 67, 68 } udp dport { 67, 68 } ${DHCP_BOUND} accept`,
    `${rule} ${isBridge ? 'meta protocol ip6' : 'meta nfproto ipv6'} udp sport { 546, 547 } udp dport { 546, 547 } ${DHCP_BOUND} accept`,
  ];
}

/**
 * Where connections are tracked, every packet of a new connection that waits has an entry of its own, and
 * conntrack takes only the first one's in the end: it drops the other packets (its clash resolution knows UDP
 * only). So the first echo request of a ping is not queued. The next ones find its entry.
 */
export function firstPingLines(firstQueue: number): string[] {
  return ['icmp', 'icmpv6'].map(
    (protocol) =>
      `add rule inet ${tableName(firstQueue)} never_queued ${protocol} type echo-request ` +
      `ct status & confirmed == 0 limit rate ${FIRST_PINGS_LIMIT} accept`,
  );
}

export function queueStatement({ first, bypass }: NfqueueSpec, index: number): string {
  return `queue${bypass ? ' flags bypass' : ''} to ${first + index}`;
}

function queueLines({ plan, nfqueue }: RulesRequest, backend: Backend): string[] {
  const table = tableName(nfqueue.first);
  const lines: string[] = [];
  for (const index of plannedNfqueues(plan)) {
    const chain = `inet ${table} queue_${index}`;
    lines.push(
      `add chain ${chain}`,
      `add rule ${chain} jump never_queued`,
      `add rule ${chain} meta mark set meta mark | ${hex(nfqueueMark(nfqueue.markMask, index))}`,
    );
    if (backend === 'nft') lines.push(`add rule ${chain} ${queueStatement(nfqueue, index)}`);
  }
  return lines;
}

function steeringChain({ nfqueue, fastNfqueue }: DirectionPlan): string {
  return fastNfqueue === null ? `queue_${nfqueue}` : `fast_${fastNfqueue}_or_${nfqueue}`;
}

/**
 * With its last rule about connections the kernel would take out its own hooks for them, and with those drop
 * every held packet. So a chain that no packet passes keeps one for as long as the table stands.
 */
function trackingLines(request: RulesRequest): string[] {
  const { plan, nfqueue, keepsTracking = false } = request;
  const isNeeded = marksConnections(plan) || hasPageHooks(request) || kernelTracks(plan);
  if (!isNeeded && !keepsTracking) return [];
  const chain = `inet ${tableName(nfqueue.first)} keeps_tracking`;
  return [
    '# No packet comes here: the rule keeps connection tracking on while others change.',
    `add chain ${chain}`,
    `add rule ${chain} ct mark 0 return`,
  ];
}

/** The connection mark chooses between the two NFQUEUEs of a direction. Packets without one are slow. */
function steeringLines({ plan, nfqueue }: RulesRequest): string[] {
  if (!planSteers(plan)) return [];
  const lines = [
    '# Packets of connections marked as fast use the queue with superpackets, all others the one without. This turns',
    '# connection tracking on; a kernel without it gets no such rules. Whoever restores connection marks to packets must',
    '# leave our bits out.',
  ];
  const done = new Set<string>();
  for (const direction of plan.directions) {
    const name = steeringChain(direction);
    if (direction.fastNfqueue === null || done.has(name)) continue;
    done.add(name);
    const chain = `inet ${tableName(nfqueue.first)} ${name}`;
    lines.push(`add chain ${chain}`);
    for (const { name: way, bit } of CONNECTION_DIRECTIONS) {
      const isFast = `ct mark & ${hex(markBits(nfqueue.markMask, bit))} != 0`;
      lines.push(`add rule ${chain} ct direction ${way} ${isFast} goto queue_${direction.fastNfqueue}`);
    }
    lines.push(`add rule ${chain} goto queue_${direction.nfqueue}`);
  }
  return lines;
}

const BY_MARK =
  'Where nothing is shaped: SYNs, and what carries the connection mark of paced ones. This turns connection tracking on.';

const HOOKS = [
  { name: 'forward', up: true, down: true, loopback: '' },
  { name: 'input', up: false, down: true, loopback: 'iifname "lo" accept' },
  { name: 'output', up: true, down: false, loopback: 'oifname "lo" accept' },
] as const;

type HookName = (typeof HOOKS)[number]['name'];

/** Makes the marking chain of a hook, unless it is there. */
function markingChainLine(table: string, hook: HookName): string {
  const type = `type filter hook ${hook} priority ${MARK_PRIORITY}; policy accept;`;
  return `add chain inet ${table} ${hook} { ${type} }`;
}

/** What packets of a direction match beside their device. Where marks choose those of a half: one of two. */
function matchesOf({ isHalf, isByMark }: DirectionPlan, { markMask }: NfqueueSpec): string[] {
  if (!isHalf) return [''];
  if (!isByMark) return [' meta l4proto tcp'];
  const paced = hex(markBits(markMask, CONNECTION_PACED));
  return [' tcp flags & syn != 0', ` meta l4proto tcp ct mark & ${paced} != 0`];
}

/** The second transaction: all chains that touch packets. */
export function chainLines(request: RulesRequest, backend: Backend): string[] {
  const { plan, nfqueue } = request;
  const table = tableName(nfqueue.first);
  const foreign = hex(foreignBits(nfqueue.markMask));
  const clear = `meta mark set meta mark & ${foreign}`;
  const lines = [
    ...bridgeTableLines(request),
    ...pageLines(request),
    // The chains behind the NFQUEUEs come first, so that they are there for the first packet.
    ...askedLines(request, `inet ${table}`),
    ...neverQueuedLines(`inet ${table}`),
    backend === 'nft'
      ? '# Mark for queue index + 1, then queue.'
      : '# Mark for queue index + 1; the iptables rules queue by that value.',
    ...queueLines(request, backend),
    ...trackingLines(request),
    ...steeringLines(request),
    ...portMarkLines(request),
    ...kernelLines(request),
    ...moduleChainLines(request),
    ...(planFetches(plan) ? [`# ${BY_MARK}`] : []),
    '# Our bits start at 0, foreign bits stay. The first direction that fits decides.',
  ];
  for (const hook of HOOKS) {
    const chain = `inet ${table} ${hook.name}`;
    lines.push(
      markingChainLine(table, hook.name),
      ...(hook.name === 'forward' ? [...switchedPortRules(request), ...switchedRule(request)] : []),
      ...kernelJumps(request, hook.name),
      `add rule ${chain} ${clear}`,
    );
    if (hook.loopback !== '') lines.push(`add rule ${chain} ${hook.loopback}`);
    lines.push(...comesUpRules(request, hook.name));
    for (const direction of plan.directions) {
      if (!hook[direction.direction]) continue;
      const side = direction.direction === 'up' ? 'oifname' : 'iifname';
      const device = quoteDevice(direction.device);
      for (const match of matchesOf(direction, nfqueue))
        lines.push(`add rule ${chain} ${side} ${device}${match} goto ${steeringChain(direction)}`);
    }
    lines.push(...raisedPortRules(request, hook.name));
  }
  return lines;
}

/** A rule by which the packets of one flow are queued, before all others are there. */
export interface TrialRule {
  readonly flow: LoopbackFlow;
  /** The number of the NFQUEUE, which names our table as well. */
  readonly first: number;
  /** A hook on the way of these packets. */
  readonly hook: Exclude<HookName, 'forward'>;
}

/** The chain stays, and chainLines() fills it. */
export function trialLines({ flow, first, hook }: TrialRule): string[] {
  const table = tableName(first);
  const { address, sourcePort, targetPort } = flow;
  const match = `ip saddr ${address} ip daddr ${address} tcp sport ${sourcePort} tcp dport ${targetPort}`;
  return [
    markingChainLine(table, hook),
    `add rule inet ${table} ${hook} ${match} queue flags bypass to ${first}`,
  ];
}

export function endTrialLines({ first, hook }: TrialRule): string[] {
  return [`flush chain inet ${tableName(first)} ${hook}`];
}

/** Ends marking and queueing. Base chains stay: if one went, nf_tables would drop every held packet. */
export function stopLines(request: RulesRequest): string[] {
  const table = tableName(request.nfqueue.first);
  const marking = HOOKS.map((hook) => `flush chain inet ${table} ${hook.name}`);
  return [...marking, ...stopModuleLines(request), ...stopPortLines(request)];
}

export function removeLines(request: RulesRequest): string[] {
  const table = tableName(request.nfqueue.first);
  return [...(hasBridgeTable(request) ? [`delete table bridge ${table}`] : []), `delete table inet ${table}`];
}
