/**
 * RFC 8290 section 4.2 without CoDel, as it is written: two lists of queues, one quantum a visit. All packets
 * wait at the start, and queues begin on the list of new ones in the order of their first packet.
 */
export interface Waiting {
  readonly id: number;
  readonly flow: number;
  readonly lengthBytes: number;
}

interface Queue {
  readonly packets: Waiting[];
  deficitBytes: number;
}

/** Ids in the order of service. */
export function fairOrder(waiting: readonly Waiting[], quantumBytes: number): number[] {
  const queues = new Map<number, Queue>();
  for (const packet of waiting) {
    const queue = queues.get(packet.flow) ?? { packets: [], deficitBytes: quantumBytes };
    queue.packets.push(packet);
    queues.set(packet.flow, queue);
  }
  const fresh = [...queues.values()];
  const old: Queue[] = [];
  const order: number[] = [];
  while (fresh.length + old.length > 0) {
    const list = fresh.length > 0 ? fresh : old;
    const queue = list[0];
    if (queue.deficitBytes <= 0) {
      queue.deficitBytes += quantumBytes;
      list.shift();
      old.push(queue);
    } else if (queue.packets.length === 0) {
      list.shift();
      if (list === fresh && old.length > 0) old.push(queue);
    } else {
      const packet = queue.packets.shift()!;
      queue.deficitBytes -= packet.lengthBytes;
      order.push(packet.id);
    }
  }
  return order;
}
