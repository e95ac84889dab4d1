/**
 * What looks into a packet before it comes to any class: pacing, and who watches TCP segments. While nobody
 * does, packets pass by here.
 */
import type { Parsed } from '../packet/parse.ts';
import type { PacketSource } from '../packet/port.ts';
import type { Lasting } from './stages.ts';

/** Whether pacing holds arrival `p`, held as `h` with its flow and leaves, which it may if `mayHold`. */
export function lookInto(
  { pacing, trace }: Lasting,
  { batch: { arrivals }, slab }: PacketSource,
  parsed: Parsed,
  p: number,
  h: number,
  mayHold: boolean,
  nowNs: number,
): boolean {
  if (trace.isOn) trace.arrives(arrivals, slab, parsed, p, h, nowNs);
  const isHeld = mayHold && pacing.isUsed && pacing.take(arrivals, slab, parsed, p, h, nowNs);
  if (trace.isOn) trace.paced(slab, isHeld);
  return isHeld;
}
