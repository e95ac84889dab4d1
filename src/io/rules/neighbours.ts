/**
 * The neighbours: rules of other programs in this network namespace, and what of them collides with ours.
 * They are read by tools that the machine has; a tool that is missing or refuses counts as one without rules.
 */
import { freeMarkMask } from '../../spec/mark-choice.ts';
import { marksConnections, type QueuePlan } from '../../spec/queue-plan.ts';
import { readOrNull } from '../proc/devices.ts';
import { NFQUEUES_FILE, parseNfqueues } from '../proc/nfqueues.ts';
import { toolError } from './errors.ts';
import {
  type ForeignRule,
  readIptablesRules,
  readMarkUsers,
  readNftRules,
  tracksConnections,
} from './foreign-rules.ts';
import { foreignBits, hex } from './mark.ts';
import { instanceMasks } from './others.ts';
import { comingHooks, MODULES_END_PRIORITY, MODULES_PRIORITY, ownHooks } from './render-modules.ts';
import {
  INPUT_ASKED_PRIORITY,
  MARK_PRIORITY,
  POSTROUTING_ASKED_PRIORITY,
  type RulesRequest,
} from './render-nft.ts';
import { runTool } from './tool.ts';

/** A message quotes no more of a rule. */
const QUOTED_MAX = 120;

export interface Neighbours {
  readonly rules: readonly ForeignRule[];
  /** Rules of others track connections. */
  readonly isTracked: boolean;
  /** Mark masks of running instances, by nfqueue.first. */
  readonly masks: ReadonlyMap<number, number>;
  /** Numbers of NFQUEUEs that somebody reads. */
  readonly readNfqueues: ReadonlySet<number>;
}

export const NO_NEIGHBOURS: Neighbours = {
  ...{ rules: [], isTracked: false, masks: new Map<number, number>(), readNfqueues: new Set<number>() },
};

/** Output of a tool. Empty if the tool is missing or refuses. */
async function outputOf(tool: string, args: readonly string[] = []): Promise<string> {
  const result = await runTool(tool, args).catch(() => null);
  return result?.status === 0 ? result.stdout : '';
}

/** The older iptables is asked only if it has rules: the question would load its modules. */
function legacyIptables(): string[] {
  return [
    ['/proc/net/ip_tables_names', 'iptables-legacy-save'],
    ['/proc/net/ip6_tables_names', 'ip6tables-legacy-save'],
  ].flatMap(([file = '', tool = '']) => (readOrNull(file)?.trim() ? [tool] : []));
}

const IPTABLES_SAVES = ['iptables-nft-save', 'ip6tables-nft-save'];

/**
 * Looks at everything once. `devices` are asked for classifiers of tc.
 * @throws RulesError if nft may not list rules
 */
export async function readNeighbours(devices: readonly string[]): Promise<Neighbours> {
  const saves = [...IPTABLES_SAVES, ...legacyIptables()];
  const [nft, masks, ip4, ip6, saved, classifiers] = await Promise.all([
    runTool('nft', ['-s', '-t', 'list', 'ruleset']),
    instanceMasks(),
    outputOf('ip', ['-4', '-N', 'rule', 'show']),
    outputOf('ip', ['-6', '-N', 'rule', 'show']),
    Promise.all(saves.map((tool) => outputOf(tool))),
    Promise.all(devices.map((device) => outputOf('tc', ['filter', 'show', 'dev', device]))),
  ]);
  if (nft.status !== 0) throw toolError('listing the rules', nft.stdout + nft.stderr);
  // Both tools list the tables of iptables-nft. Its own words are the ones that its users know.
  const inIptables = (table: string): boolean => {
    const [family, name] = table.split(' ');
    const index = ['ip', 'ip6'].indexOf(family ?? '');
    return index !== -1 && (saved[index] ?? '').includes(`*${name}\n`);
  };
  return {
    rules: [
      ...readNftRules(nft.stdout, inIptables),
      ...saves.flatMap((tool, i) => readIptablesRules(tool.replace(/(-nft)?-save$/, ''), saved[i] ?? '')),
      ...readMarkUsers('ip -4 rule', ip4),
      ...readMarkUsers('ip -6 rule', ip6),
      ...devices.flatMap((device, i) => readMarkUsers(`tc filter show dev ${device}`, classifiers[i] ?? '')),
    ],
    isTracked: [withoutOwnTables(nft.stdout), ...saved].some(tracksConnections),
    masks,
    readNfqueues: new Set(parseNfqueues(readOrNull(NFQUEUES_FILE) ?? '').map(({ number }) => number)),
  };
}

export function withoutOwnTables(listing: string): string {
  return listing.replace(/^table \w+ shaper_\d+ \{\n[\s\S]*?\n\}\n/gm, '');
}

/**
 * The mask of `nfqueue.mark: auto`: eight bits that neither neighbours use nor `matched`, by which the
 * configuration chooses classes. The bits of a running instance with the same `first` are free. null: no
 * eight neighbouring bits are.
 */
export function chooseMarkMask(first: number, matched: number, neighbours: Neighbours): number | null {
  const { rules, masks } = neighbours;
  let used = matched;
  for (const [other, mask] of masks) if (other !== first) used |= mask;
  for (const { packetBits, connectionBits } of rules) used |= packetBits | connectionBits;
  return freeMarkMask(used >>> 0);
}

/**
 * Whether some rule copies one of these bits from connections to packets, before they are routed. Then the
 * bits that we keep in connection marks would send packets elsewhere.
 */
export function restoresBits({ rules }: Neighbours, markMask: number): boolean {
  return rules.some(({ restores }) => (restores & markMask) !== 0);
}

/** Base chains between the marking of a packet and the chain that clears our bits. */
function isBetween({ hook, priority }: ForeignRule, plan: QueuePlan): boolean {
  if (hook === 'forward' || hook === 'output') return priority > MARK_PRIORITY;
  if (hook === 'input') return priority > MARK_PRIORITY && priority < INPUT_ASKED_PRIORITY;
  if (hook === 'postrouting' && priority < POSTROUTING_ASKED_PRIORITY) return true;
  return ownHooks(plan).some((own) => own === hook) && isBetweenModules(priority);
}

/** Where rules of iptables queue packets for modules, in the table `mangle`. */
function isBetweenModules(priority: number): boolean {
  return priority > MODULES_PRIORITY && priority < MODULES_END_PRIORITY;
}

/** A collision and its remedy in one line. Null: this rule and ours do not meet. */
function collisionOf(rule: ForeignRule, request: RulesRequest, free: number | null): string | null {
  const { first, markMask } = request.nfqueue;
  const last = first + request.plan.gso.length - 1;
  const ours = hex(markMask);
  const others = hex(foreignBits(markMask));
  if ((rule.packetBits & markMask) !== 0) {
    const advice = free === null ? 'no eight bits are free' : `nfqueue.mark: ${hex(free)} would be free`;
    return `it uses bits of the packet mark that are ours (${ours}), so each program erases what the other has written; ${advice}`;
  }
  if (isBetween(rule, request.plan) && (rule.erases & markMask) !== 0) {
    return `it erases our bits of the packet mark (${ours}) on their way: such packets pass unshaped; let it keep them`;
  }
  if (marksConnections(request.plan) && (rule.restores & markMask) !== 0) {
    return (
      `it copies our bits of the connection mark to packets, which may then leave by the wrong way: ` +
      `let it leave them out (iptables: --nfmask ${others} --ctmask ${others}; nft: ct mark & ${others})`
    );
  }
  if (marksConnections(request.plan) && ((rule.saves | rule.connectionBits) & markMask) !== 0) {
    return (
      `it overwrites our bits of the connection mark, so fast flows get no superpackets, and answers to paced classes may not come: ` +
      `let it leave them out (iptables: --nfmask ${others} --ctmask ${others}; nft: mark & ${others})`
    );
  }
  const shapesUp =
    comingHooks(request.plan).includes('output') ||
    request.plan.directions.some(({ direction }) => direction === 'up');
  if (rule.endsOutput && request.plan.sharesChains && shapesUp) {
    return (
      'it accepts packets of this host before our last rule, so the kernel routes these once more, ' +
      'without the device that their socket asked for: move it to the table filter, or use nfqueue.backend: nft'
    );
  }
  if (rule.nfqueues && rule.nfqueues[1] >= first && rule.nfqueues[0] <= last) {
    return `it sends packets to our NFQUEUEs ${first} to ${last}: choose another nfqueue.first`;
  }
  return null;
}

/** What of the neighbours collides with these rules, one readable line each. */
export function findCollisions(request: RulesRequest, neighbours: Neighbours): string[] {
  const free = chooseMarkMask(request.nfqueue.first, 0, neighbours);
  const lines = neighbours.rules.flatMap((rule) => {
    const collision = collisionOf(rule, request, free);
    if (collision === null) return [];
    const text = rule.text.length > QUOTED_MAX ? `${rule.text.slice(0, QUOTED_MAX)}…` : rule.text;
    return [`${rule.where}: \`${text}\`: ${collision}`];
  });
  return [...new Set(lines)];
}
