/**
 * The queue plan: which NFQUEUE carries which direction, which NFQUEUEs ask the kernel for superpackets, and
 * what the rules behind the NFQUEUEs do for the core. The plan is a pure function of the specification and of
 * the kernel's abilities. The rules, the sockets, the engine and `shaper rules` all read the same plan.
 *
 * A superpacket (up to 64 KiB) makes fast traffic several times cheaper, but takes 0.26 s of a link of 2
 * Mbit/s. So a direction with fast and slow classes has two NFQUEUEs. Packets of a connection go to the one
 * without superpackets until the core has seen that their class is fast and has had the connection marked.
 *
 * One more NFQUEUE, behind these, brings packets to modules. Modules edit packets, so they get them whole and
 * with complete checksums, which superpackets do not have.
 */
import { leastBytesPerSec } from '../algo/pacing/reservation.ts';
import { COPY_BYTES, COPY_BYTES_MAX } from '../limits.ts';
import { MARK_DSCPS_MAX } from './mark-codes.ts';
import { type ModuleHookPlan, needsModuleNfqueue, planHooks } from './module-hooks.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from './spec.ts';

/** The longest time for which a 64 KiB superpacket may occupy the slowest bucket on its way. */
const SUPERPACKET_NS_MAX = 2e6;
const SUPERPACKET_BYTES = 65535;
const NFQUEUE_MAX = 65535;
/**
 * Upper bound of the cost of a superpacket on any wire: headers and overhead of all its segments, in cells.
 */
const SUPERPACKET_WIRE_BYTES_MAX = 2 * SUPERPACKET_BYTES;
/** A leaf that holds fewer superpackets would be full with every one of them. */
const QUEUED_SUPERPACKETS_MIN = 2;

export interface DirectionPlan {
  readonly device: string;
  readonly direction: 'up' | 'down';
  /** Index of the NFQUEUE; its number is first + index. */
  readonly nfqueue: number;
  /**
   * Index of the NFQUEUE for connections marked as fast, greater than `nfqueue`. null if there is none.
   */
  readonly fastNfqueue: number | null;
  /**
   * Nothing shapes this direction. Its TCP packets come to us because they answer what a paced class of the
   * other direction sends.
   */
  readonly isHalf?: boolean;
  /**
   * Of a half: SYNs come, and packets of connections that carry the mark of paced ones. The core has that
   * mark set by packets of the other direction.
   */
  readonly isByMark?: boolean;
  /** The bridge of which the device is a port. */
  readonly bridge?: string;
}

export interface QueuePlan {
  /**
   * One entry per direction, in the order of the rules: NFQUEUEs without superpackets come first, directions
   * that nothing shapes last.
   */
  readonly directions: readonly DirectionPlan[];
  /** By nfqueue: whether it asks for superpackets (NFQA_CFG_F_GSO). */
  readonly gso: readonly boolean[];
  /** By nfqueue: bytes of each packet that the kernel copies to us. */
  readonly copyBytes: readonly number[];
  /**
   * Index of the NFQUEUE by which packets come to user-run modules: behind all others, without superpackets,
   * copied whole. null: no such module is on.
   */
  readonly moduleNfqueue: number | null;
  /** Hooks at which modules have rules do something; without it there is none. */
  readonly moduleHooks?: readonly ModuleHookPlan[];
  /** The rules set CE on packets whose verdict asks for it. */
  readonly ecn: boolean;
  /**
   * Code points that the rules can write. A verdict names one by its place, from 1. At most MARK_DSCPS_MAX.
   */
  readonly dscps: readonly number[];
  /** Number of an NFQUEUE that nobody reads, for acceptUnrouted (packet/batch.ts). */
  readonly unreadNfqueue: number;
  /**
   * The queueing rules stand in chains that other programs use too. An accepted packet would skip all other
   * rules of the chain, so the chain runs again for it (NF_REPEAT).
   */
  readonly sharesChains: boolean;
  /** NFQUEUEs whose packets the kernel drops if they are edited. */
  readonly unedited?: readonly number[];
}

/** What else there is on the machine. */
export interface Surroundings {
  /** Numbers of the NFQUEUEs that other programs read. */
  readonly readByOthers: ReadonlySet<number>;
  readonly sharesChains: boolean;
  /** The devices of links that are ports of a bridge. */
  readonly ports?: BridgePorts;
  /** false: the kernel drops packets that are edited in hooks of bridges. */
  readonly editsInBridges?: boolean;
}

/** The bridge of each port, by name. */
export type BridgePorts = ReadonlyMap<string, string>;

export const NO_PORTS: BridgePorts = new Map();
const NO_OTHERS: Surroundings = { readByOthers: new Set(), sharesChains: false };

/** Abilities of the kernel's rules. */
export interface RuleAbilities {
  /** Write the ECN field. */
  readonly ecn: boolean;
  /** Read and write connection marks. */
  readonly connectionMarks: boolean;
  /** Write the DSCP. */
  readonly dscp: boolean;
}

export const ALL_ABILITIES: RuleAbilities = { ecn: true, connectionMarks: true, dscp: true };

/** Every code point that the remark of some class asks for, once each, ascending. */
export function remarkedDscps(links: readonly LinkSpec[]): number[] {
  const points = (node: ClassSpec | null): (number | null)[] =>
    node ? [...(node.remark ?? []), ...node.children.flatMap(points)] : [];
  const all = links.flatMap(({ up, down }) => [...points(up), ...points(down)]);
  return [...new Set(all.filter((point) => point !== null))].sort((a, b) => a - b);
}

/**
 * Whether the class's own limits let a superpacket through
 * at once. The limits of the classes above are not asked.
 */
export function letsSuperpacketsPass(node: ClassSpec): boolean {
  const passes = (bytesPerSec: number): boolean =>
    (SUPERPACKET_BYTES * 1e9) / bytesPerSec <= SUPERPACKET_NS_MAX;
  const { police, each, queue } = node;
  // A packet larger than the burst of a bucket that drops never conforms.
  if (police && !(passes(police.rateBytesPerSec) && police.burstBytes >= SUPERPACKET_WIRE_BYTES_MAX))
    return false;
  if (each && !passes(each.rateBytesPerSec)) return false;
  if (each?.exceed === 'drop' && each.burstBytes < SUPERPACKET_WIRE_BYTES_MAX) return false;
  if (queue && queue.limitBytes < QUEUED_SUPERPACKETS_MIN * SUPERPACKET_BYTES) return false;
  const { ceilBytesPerSec, rateBytesPerSec } = node;
  return passes(node.adjust ? leastBytesPerSec(ceilBytesPerSec, rateBytesPerSec) : ceilBytesPerSec);
}

/** Which kinds of leaves are below a class, if all its ancestors let superpackets pass. */
function leafKinds(node: ClassSpec): { fast: boolean; slow: boolean } {
  if (!letsSuperpacketsPass(node)) return { fast: false, slow: true };
  if (node.children.length === 0) return { fast: true, slow: false };
  const kinds = node.children.map(leafKinds);
  return { fast: kinds.some((kind) => kind.fast), slow: kinds.some((kind) => kind.slow) };
}

interface Direction {
  readonly device: string;
  readonly direction: 'up' | 'down';
  /** The direction has leaves that let superpackets pass. */
  readonly fast: boolean;
  /** The direction has leaves that do not. */
  readonly slow: boolean;
  readonly isHalf?: boolean;
  readonly isByMark?: boolean;
  readonly bridge?: string;
  /** The kernel cannot cut superpackets there. */
  readonly isWhole?: boolean;
}

const OTHER = { up: 'down', down: 'up' } as const;

/** Whether the class, or one in it, is paced. */
export function hasPacing(node: ClassSpec | null): boolean {
  return node !== null && (node.pace !== null || node.children.some(hasPacing));
}

/** Whether all leaves of the class are paced. */
function isAllPaced(node: ClassSpec): boolean {
  return node.pace !== null || (node.children.length > 0 && node.children.every(isAllPaced));
}

function listDirections(spec: ShaperSpec): Direction[] {
  const { gso } = spec.nfqueue;
  return spec.links.flatMap((link) =>
    (['up', 'down'] as const).flatMap((direction) => {
      const root = link[direction];
      if (!root) {
        const other = link[OTHER[direction]];
        if (!other || !hasPacing(other)) return [];
        const kinds = { fast: gso !== false, slow: gso === false };
        // Where all is paced a mark would spare nothing.
        return [{ device: link.device, direction, ...kinds, isHalf: true, isByMark: !isAllPaced(other) }];
      }
      const kinds = gso === 'auto' ? leafKinds(root) : { fast: gso, slow: !gso };
      return [{ device: link.device, direction, ...kinds }];
    }),
  );
}

/** A packet that crosses two links belongs to the one that shapes it. */
function halfRank({ isHalf }: { readonly isHalf?: boolean }): number {
  return isHalf ? 1 : 0;
}

/**
 * Whole packets come where segments with data may answer a paced class: whoever edits them needs all their
 * bytes. Copying costs about an eighth of a packet of 1428 bytes that passes, so no other NFQUEUE does.
 */
function copyLengths(
  { links }: ShaperSpec,
  { directions, gso }: Pick<QueuePlan, 'directions' | 'gso'>,
): number[] {
  const whole = new Set<number>();
  for (const { device, direction, nfqueue, fastNfqueue } of directions) {
    const link = links.find((other) => other.device === device);
    if (link === undefined || !hasPacing(link[OTHER[direction]])) continue;
    whole.add(nfqueue).add(fastNfqueue ?? nfqueue);
  }
  return gso.map((_, nfqueue) => (whole.has(nfqueue) ? COPY_BYTES_MAX : COPY_BYTES));
}

/**
 * Directions share the NFQUEUEs. An NFQUEUE asks for superpackets if all leaves of its directions are fast,
 * or if the kernel cannot cut them for one.
 */
function planShared(directions: readonly Direction[], count: number): Pick<QueuePlan, 'directions' | 'gso'> {
  const dealt = directions.map((direction, i) => ({ ...direction, nfqueue: i % count, fastNfqueue: null }));
  const gso = Array.from({ length: count }, (_, nfqueue) => {
    const onNfqueue = dealt.filter((direction) => direction.nfqueue === nfqueue);
    if (onNfqueue.some(({ isWhole }) => isWhole)) return true;
    return onNfqueue.length > 0 && onNfqueue.every(({ slow }) => !slow);
  });
  dealt.sort((a, b) => halfRank(a) - halfRank(b) || Number(gso[a.nfqueue]) - Number(gso[b.nfqueue]));
  return { directions: dealt.map(({ fast, slow, isWhole, ...rest }) => rest), gso };
}

/**
 * The first half of the NFQUEUEs comes without superpackets, the second half
 * with them. A direction with fast and slow leaves has an NFQUEUE of each half.
 */
function planHalves(directions: readonly Direction[], count: number): Pick<QueuePlan, 'directions' | 'gso'> {
  const slowNfqueues = Math.ceil(count / 2);
  const fastNfqueues = count - slowNfqueues;
  let slows = 0;
  let fasts = 0;
  const dealt = directions.map(({ fast, slow, isWhole, ...rest }) => {
    const fastNfqueue = fast ? slowNfqueues + (fasts++ % fastNfqueues) : null;
    if (fastNfqueue !== null && !slow) return { ...rest, nfqueue: fastNfqueue, fastNfqueue: null };
    return { ...rest, nfqueue: slows++ % slowNfqueues, fastNfqueue };
  });
  // A packet that crosses two links follows the rule of the direction that is stricter about superpackets.
  const rank = ({ nfqueue, fastNfqueue }: DirectionPlan): number => {
    if (nfqueue >= slowNfqueues) return 2;
    return fastNfqueue === null ? 0 : 1;
  };
  dealt.sort((a, b) => halfRank(a) - halfRank(b) || rank(a) - rank(b));
  return { directions: dealt, gso: Array.from({ length: count }, (_, nfqueue) => nfqueue >= slowNfqueues) };
}

/**
 * The direction of a port of a bridge. Rules in the hooks of a bridge read no connection marks, which would
 * turn connection tracking on for all that is switched. And there the kernel cannot cut superpackets: the
 * pieces lose their Ethernet header, and so their way (seen on Linux 6.1; skb_gso_segment takes the header
 * of the network for the first). In the hooks of IP, where the chains of iptables are, it cuts them.
 */
function atPort(direction: Direction, bridge: string, sharesChains: boolean): Direction {
  const port = { ...withoutMarks(direction), bridge };
  return sharesChains ? port : { ...port, fast: true, slow: false, isWhole: true };
}

/** The direction where there are no connection marks: superpackets need them for one with slow leaves. */
function withoutMarks(direction: Direction): Direction {
  const { isByMark, ...rest } = direction;
  return { ...rest, fast: direction.fast && !direction.slow };
}

/** The highest number that is neither ours nor read by others. */
function unreadNfqueue(first: number, count: number, readByOthers: ReadonlySet<number>): number {
  for (let number = NFQUEUE_MAX; ; number--) {
    if (!(number >= first && number < first + count) && !readByOthers.has(number)) return number;
  }
}

/**
 * Deals the directions to the NFQUEUEs in turn. With `gso: auto` and at least
 * two NFQUEUEs, fast and slow classes have NFQUEUEs of their own. A direction with
 * both kinds needs connection marks for that; without them it counts as slow,
 * and all TCP packets of a half come.
 */
export function planQueues(
  spec: ShaperSpec,
  abilities: RuleAbilities = ALL_ABILITIES,
  { readByOthers, sharesChains, ports = NO_PORTS, editsInBridges = true }: Surroundings = NO_OTHERS,
): QueuePlan {
  const { count } = spec.nfqueue;
  const directions = listDirections(spec).map((direction) => {
    const bridge = ports.get(direction.device);
    if (bridge !== undefined) return atPort(direction, bridge, sharesChains);
    return abilities.connectionMarks ? direction : withoutMarks(direction);
  });
  const apart = count >= 2 && directions.some(({ fast }) => fast) && directions.some(({ slow }) => slow);
  const plan = apart ? planHalves(directions, count) : planShared(directions, count);
  const modules = needsModuleNfqueue(spec.modules);
  const moduleHooks = planHooks(spec.modules);
  const dscps = abilities.dscp ? remarkedDscps(spec.links).slice(0, MARK_DSCPS_MAX) : [];
  const gso = [...plan.gso, ...(modules ? [false] : [])];
  return {
    ...{ directions: plan.directions, gso },
    copyBytes: [...copyLengths(spec, plan), ...(modules ? [COPY_BYTES_MAX] : [])],
    moduleNfqueue: modules ? count : null,
    ...(moduleHooks.length > 0 ? { moduleHooks } : {}),
    ecn: abilities.ecn,
    dscps,
    unreadNfqueue: unreadNfqueue(spec.nfqueue.first, gso.length, readByOthers),
    sharesChains,
    ...(editsInBridges ? {} : { unedited: nfqueuesInBridges({ ...plan, sharesChains }) }),
  };
}

/**
 * Whether packets show ports of bridges beside their devices: rules in the hooks of IP queue them for a port.
 */
export function showsPorts({ directions, sharesChains }: QueuePlan): boolean {
  return sharesChains && directions.some(({ bridge }) => bridge !== undefined);
}

/** Whether rules in the hooks of bridges queue packets for a port. */
export function queuesInBridges(plan: QueuePlan): boolean {
  return nfqueuesInBridges(plan).length > 0;
}

/** The NFQUEUEs of these rules. */
export function nfqueuesInBridges(plan: Pick<QueuePlan, 'directions' | 'sharesChains'>): number[] {
  if (plan.sharesChains) return [];
  return plan.directions.filter(({ bridge }) => bridge !== undefined).map(({ nfqueue }) => nfqueue);
}

/** Whether rules read and write connection marks. They turn connection tracking on. */
export function marksConnections(plan: QueuePlan): boolean {
  return planSteers(plan) || planFetches(plan);
}

/** Whether packets of some half come by the mark of paced connections. */
export function planFetches(plan: QueuePlan): boolean {
  return plan.directions.some(({ isByMark }) => isByMark === true);
}

/** Whether the packets of some direction choose their NFQUEUE by connection mark. */
export function planSteers(plan: QueuePlan): boolean {
  return plan.directions.some(({ fastNfqueue }) => fastNfqueue !== null);
}
