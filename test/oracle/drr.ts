/**
 * Deficit round robin over plain arrays, as the header of src/core/tree/turns.ts words it. Slow twin of its
 * feeds.
 */
export interface Waiting {
  readonly id: number;
  readonly leaf: number;
  readonly lengthBytes: number;
}

/** Order in which packets that all wait, in this order of arrival, are served. */
export function drrOrder(arrivals: readonly Waiting[], quantumBytes: number): number[] {
  const queues = new Map<number, Waiting[]>();
  const deficit = new Map<number, number>();
  const ring: number[] = [];
  for (const packet of arrivals) {
    const queue = queues.get(packet.leaf);
    if (queue) {
      queue.push(packet);
      continue;
    }
    queues.set(packet.leaf, [packet]);
    deficit.set(packet.leaf, quantumBytes);
    ring.push(packet.leaf);
  }
  const served: number[] = [];
  while (ring.length > 0) {
    const leaf = ring[0];
    const left = deficit.get(leaf)!;
    if (left <= 0) {
      deficit.set(leaf, left + quantumBytes);
      ring.push(ring.shift()!);
      continue;
    }
    const packet = queues.get(leaf)!.shift()!;
    served.push(packet.id);
    deficit.set(leaf, left - packet.lengthBytes);
    if (queues.get(leaf)!.length === 0) ring.shift();
  }
  return served;
}
