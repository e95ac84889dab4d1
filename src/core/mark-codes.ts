/**
 * What the eight bits of our mark say. Before the verdict: queue index + 1. In the verdict: what a later rule of our table is to do
 * with the packet; that rule clears the bits.
 */

/** Set the ECN field to CE. Queue indexes stay below. */
export const MARK_CE = 0x80;

/** `code` moved to where the mask's eight bits are. */
export function markBits(markMask: number, code: number): number {
  const lowest = markMask & -markMask;
  return (code * (lowest >>> 0)) >>> 0;
}
