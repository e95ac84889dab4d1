/**
 * The rules of the ACK filter, one by one, over objects. Slow twin of src/algo/queues/ack-filter.ts. Numbers
 * are unbounded here; tests wrap them.
 */
export interface Segment {
  readonly flow: string;
  readonly flags: number;
  readonly ack: number;
  readonly payload?: number;
  readonly sack?: readonly (readonly [number, number])[];
  readonly ts?: readonly [number, number];
  readonly unknown_option?: boolean;
}

const news = (segment: Segment): number => segment.flags & 0xc0;

export function isRedundantTo(old: Segment, by: Segment): boolean {
  if (old.flow !== by.flow) return false;
  const isPureAck = (old.flags & 0x3f) === 0x10 && (old.payload ?? 0) === 0 && !old.unknown_option;
  if (!isPureAck || old.ack > by.ack) return false;
  const [[stamp, echo], [byStamp, byEcho]] = [old.ts ?? [0, 0], by.ts ?? [0, 0]];
  if (stamp > byStamp || echo > byEcho) return false;
  const [blocks, byBlocks] = [old.sack ?? [], by.sack ?? []];
  const isDuplicate = blocks.some(([left]) => left < old.ack);
  const isNews = blocks.some(([left, right]) => !byBlocks.some(([l, r]) => l <= left && right <= r));
  if (isDuplicate || isNews) return false;
  const sum = (list: readonly (readonly [number, number])[]): number =>
    list.reduce((bytes, [left, right]) => bytes + right - left, 0);
  return old.ack < by.ack || sum(byBlocks) > sum(blocks);
}

/** Index of the segment to drop after the last one has joined; null for none. */
export function redundantIndex(queue: readonly Segment[], aggressive: boolean): number | null {
  const trigger = queue.at(-1) as Segment;
  if ((trigger.flags & 0x12) !== 0x10) return null;
  let first: number | null = null;
  for (let i = 0; i < queue.length - 1; i++) {
    const segment = queue[i] as Segment;
    if (segment.flow !== trigger.flow) continue;
    if (first !== null && news(segment) !== news(queue[first] as Segment)) first = null;
    if (!isRedundantTo(segment, trigger)) continue;
    if (first !== null) return first;
    first = i;
  }
  const isLast = first === queue.length - 2 && first !== null;
  return aggressive && isLast && news(queue[first as number] as Segment) === news(trigger) ? first : null;
}
