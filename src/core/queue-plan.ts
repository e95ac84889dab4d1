/**
 * Which queue carries which direction, and which queues ask the kernel for superpackets. A pure function of the
 * specification: the rules, the sockets and `shaper rules` all read the same plan.
 */
import type { ClassSpec, ShaperSpec } from './spec.ts';

/** A 64 KiB superpacket must not occupy the slowest bucket of its direction for longer than this. */
const SUPERPACKET_NS_MAX = 2e6;
const SUPERPACKET_BYTES = 65535;

export interface DirectionPlan {
  readonly device: string;
  readonly direction: 'up' | 'down';
  /** Index of the queue: its number is first + index. */
  readonly queue: number;
}

export interface QueuePlan {
  /** One entry per direction, in the order the rules try them: queues without superpackets first. */
  readonly directions: readonly DirectionPlan[];
  /** One entry per queue index: ask for superpackets (NFQA_CFG_F_GSO). */
  readonly gso: readonly boolean[];
}

/** The slowest rate any packet of the tree may be held to. */
function slowestBytesPerSec(node: ClassSpec): number {
  let slowest = node.ceilBytesPerSec;
  if (node.police) slowest = Math.min(slowest, node.police.rateBytesPerSec);
  if (node.each) slowest = Math.min(slowest, node.each.rateBytesPerSec);
  for (const child of node.children) slowest = Math.min(slowest, slowestBytesPerSec(child));
  return slowest;
}

/**
 * Directions are dealt to the queues in turn. With `gso: auto` a queue asks for superpackets when every class
 * of every direction on it is fast; a packet that crosses two links goes to the slower one's queue.
 */
export function planQueues(spec: ShaperSpec): QueuePlan {
  const { count, gso } = spec.nfqueue;
  const directions: (DirectionPlan & { fast: boolean })[] = [];
  for (const link of spec.links) {
    for (const direction of ['up', 'down'] as const) {
      const root = link[direction];
      if (!root) continue;
      const fast =
        gso === 'auto' ? (SUPERPACKET_BYTES * 1e9) / slowestBytesPerSec(root) <= SUPERPACKET_NS_MAX : gso;
      directions.push({ device: link.device, direction, queue: directions.length % count, fast });
    }
  }
  const gsoOfQueue = Array.from({ length: count }, (_, q) => {
    const onQueue = directions.filter((d) => d.queue === q);
    return onQueue.length > 0 && onQueue.every((d) => d.fast);
  });
  directions.sort((a, b) => Number(gsoOfQueue[a.queue]) - Number(gsoOfQueue[b.queue]));
  return {
    directions: directions.map(({ device, direction, queue }) => ({ device, direction, queue })),
    gso: gsoOfQueue,
  };
}
