/**
 * Which queue carries which direction, which queues ask the kernel for superpackets, and what rules behind the queues
 * can do for the core. A pure function of the specification and of what the kernel can: the rules, the sockets,
 * the engine and `shaper rules` all read the same plan.
 *
 * A superpacket (up to 64 KiB) makes fast traffic several times cheaper, and is 0.26 s of a link of 2 Mbit/s. So each
 * direction with classes of both kinds has two queues: packets go to the one without superpackets until the core has seen that
 * their class is fast and had the connection marked.
 */
import { MARK_DSCPS_MAX } from './mark-codes.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from './spec.ts';

/** A 64 KiB superpacket must not occupy the slowest bucket on its way for longer than this. */
const SUPERPACKET_NS_MAX = 2e6;
const SUPERPACKET_BYTES = 65535;
/** With the headers and the overhead of all its segments, in cells, it costs less than this on every wire. */
const SUPERPACKET_WIRE_BYTES_MAX = 2 * SUPERPACKET_BYTES;
/** A queue that holds fewer would be full with every superpacket. */
const QUEUED_SUPERPACKETS_MIN = 2;

export interface DirectionPlan {
  readonly device: string;
  readonly direction: 'up' | 'down';
  /** Index of the queue: its number is first + index. */
  readonly nfqueue: number;
  /** Index of the queue for packets of connections marked as fast; null: there is no other. Greater than `queue`. */
  readonly fastNfqueue: number | null;
}

export interface QueuePlan {
  /** One entry per direction, in the order the rules try them: queues without superpackets first. */
  readonly directions: readonly DirectionPlan[];
  /** One entry per queue index: ask for superpackets (NFQA_CFG_F_GSO). */
  readonly gso: readonly boolean[];
  /** Rules set CE on what the verdict asks it for. */
  readonly ecn: boolean;
  /** Code points that rules write on what the verdict asks it for; the mark names them by place, from 1. At most MARK_DSCPS_MAX. */
  readonly dscps: readonly number[];
}

/** What the kernel's rules can do. */
export interface RuleAbilities {
  /** Write the ECN field. */
  readonly ecn: boolean;
  /** Read and write connection marks. */
  readonly connectionMarks: boolean;
  /** Write the DSCP. */
  readonly dscp: boolean;
}

export const ALL_ABILITIES: RuleAbilities = { ecn: true, connectionMarks: true, dscp: true };

/** Every code point that some class asks for, each once, ascending. */
export function remarkedDscps(links: readonly LinkSpec[]): number[] {
  const points = (node: ClassSpec | null): (number | null)[] =>
    node ? [...(node.remark ?? []), ...node.children.flatMap(points)] : [];
  const all = links.flatMap(({ up, down }) => [...points(up), ...points(down)]);
  return [...new Set(all.filter((point) => point !== null))].sort((a, b) => a - b);
}

/** Whether this class's own bounds let superpackets through at once; those of the classes above count too. */
export function letsSuperpacketsPass(node: ClassSpec): boolean {
  const passes = (bytesPerSec: number): boolean =>
    (SUPERPACKET_BYTES * 1e9) / bytesPerSec <= SUPERPACKET_NS_MAX;
  const { police, each, queue } = node;
  // What is larger than the burst of a bucket that drops never conforms.
  if (police && !(passes(police.rateBytesPerSec) && police.burstBytes >= SUPERPACKET_WIRE_BYTES_MAX))
    return false;
  if (each && !passes(each.rateBytesPerSec)) return false;
  if (each?.exceed === 'drop' && each.burstBytes < SUPERPACKET_WIRE_BYTES_MAX) return false;
  if (queue && queue.limitBytes < QUEUED_SUPERPACKETS_MIN * SUPERPACKET_BYTES) return false;
  return passes(node.ceilBytesPerSec);
}

/** Kinds of leaves below a class whose ancestors all let superpackets pass. */
function leafKinds(node: ClassSpec): { fast: boolean; slow: boolean } {
  if (!letsSuperpacketsPass(node)) return { fast: false, slow: true };
  if (node.children.length === 0) return { fast: true, slow: false };
  const kinds = node.children.map(leafKinds);
  return { fast: kinds.some((kind) => kind.fast), slow: kinds.some((kind) => kind.slow) };
}

interface Direction {
  readonly device: string;
  readonly direction: 'up' | 'down';
  /** Has leaves of this kind. */
  readonly fast: boolean;
  readonly slow: boolean;
}

function listDirections(spec: ShaperSpec): Direction[] {
  const { gso } = spec.nfqueue;
  return spec.links.flatMap((link) =>
    (['up', 'down'] as const).flatMap((direction) => {
      const root = link[direction];
      if (!root) return [];
      const kinds = gso === 'auto' ? leafKinds(root) : { fast: gso, slow: !gso };
      return [{ device: link.device, direction, ...kinds }];
    }),
  );
}

/** All queues are alike, or the few there are must do for all: a queue asks when everything on it is fast. */
function planShared(directions: readonly Direction[], count: number): Omit<QueuePlan, 'ecn' | 'dscps'> {
  const dealt = directions.map((direction, i) => ({ ...direction, nfqueue: i % count, fastNfqueue: null }));
  const gso = Array.from({ length: count }, (_, nfqueue) => {
    const onQueue = dealt.filter((direction) => direction.nfqueue === nfqueue);
    return onQueue.length > 0 && onQueue.every(({ slow }) => !slow);
  });
  dealt.sort((a, b) => Number(gso[a.nfqueue]) - Number(gso[b.nfqueue]));
  return { directions: dealt.map(({ fast, slow, ...rest }) => rest), gso };
}

/** The first half of the queues without superpackets, the others with them; mixed directions have one of each. */
function planHalves(directions: readonly Direction[], count: number): Omit<QueuePlan, 'ecn' | 'dscps'> {
  const slowQueues = Math.ceil(count / 2);
  const fastQueues = count - slowQueues;
  let slows = 0;
  let fasts = 0;
  const dealt = directions.map(({ fast, slow, ...rest }) => {
    const fastNfqueue = fast ? slowQueues + (fasts++ % fastQueues) : null;
    if (fastNfqueue !== null && !slow) return { ...rest, nfqueue: fastNfqueue, fastNfqueue: null };
    return { ...rest, nfqueue: slows++ % slowQueues, fastNfqueue };
  });
  // A packet of two links goes by the rule of the one that has more to say against superpackets.
  const rank = ({ nfqueue, fastNfqueue }: DirectionPlan): number => {
    if (nfqueue >= slowQueues) return 2;
    return fastNfqueue === null ? 0 : 1;
  };
  dealt.sort((a, b) => rank(a) - rank(b));
  return { directions: dealt, gso: Array.from({ length: count }, (_, nfqueue) => nfqueue >= slowQueues) };
}

/**
 * Directions are dealt to the queues in turn. With `gso: auto` and at least two queues, fast and slow classes
 * have queues of their own. A direction with both kinds needs connection marks for that, without them it is slow.
 */
export function planQueues(spec: ShaperSpec, abilities: RuleAbilities = ALL_ABILITIES): QueuePlan {
  const { count } = spec.nfqueue;
  const directions = listDirections(spec).map((direction) => ({
    ...direction,
    fast: direction.fast && !(direction.slow && !abilities.connectionMarks),
  }));
  const apart = count >= 2 && directions.some(({ fast }) => fast) && directions.some(({ slow }) => slow);
  const plan = apart ? planHalves(directions, count) : planShared(directions, count);
  const dscps = abilities.dscp ? remarkedDscps(spec.links).slice(0, MARK_DSCPS_MAX) : [];
  return { ...plan, ecn: abilities.ecn, dscps };
}

/** Whether some direction's packets are steered by connection mark. */
export function planSteers(plan: QueuePlan): boolean {
  return plan.directions.some(({ fastNfqueue }) => fastNfqueue !== null);
}
