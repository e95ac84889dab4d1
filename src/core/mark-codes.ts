/**
 * What the eight bits of our mark say. Before the verdict: queue index + 1, 1 .. 64. In the verdict: MARK_ANSWERED with what later
 * rules of our table are to do with the packet and its connection; they clear the bits.
 */

export const MARK_ANSWERED = 0x80;
/** Set the ECN field to CE. */
export const MARK_CE = MARK_ANSWERED | 0x01;
/** The connection's class is fast: its packets go to a queue that keeps superpackets whole. */
export const MARK_FAST = MARK_ANSWERED | 0x02;

/** `code` moved to where the mask's eight bits are. */
export function markBits(markMask: number, code: number): number {
  const lowest = (markMask & -markMask) >>> 0;
  return (code * lowest) >>> 0;
}
