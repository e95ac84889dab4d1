/**
 * What our eight bits of a packet's mark, and the same bits of its connection's mark, say. Rules write and read them on one
 * side of the queue, the core on the other.
 *
 *   packet, on its way to us   0x01 .. 0x40   queue index + 1
 *   packet, in the verdict     0              nothing more to do
 *                              0x41 .. 0x47   0x40 and one bit for each thing that later rules of our table are to do; they
 *                                             clear all bits then
 *                              0x80 .. 0xff   free: room for a DSCP (six bits) beside CE
 *   connection                 bits 0 and 1   packets of the original, of the reply direction go to a queue with superpackets
 *
 * Two bits for a connection, as its directions pass different classes: an upload may be slow whose download is fast.
 */

/** Set in a verdict that asks for something; with no further bit it is the mark of the last queue. */
export const MARK_ASKS = 0x40;
/** Set the ECN field to CE. */
export const MARK_CE = MARK_ASKS | 0x01;
/** Remember that the class of this direction of the connection is fast. */
export const MARK_FAST = MARK_ASKS | 0x02;
/** Forget it. */
export const MARK_SLOW = MARK_ASKS | 0x04;
/** Bits that distinguish a verdict's request from a queue's mark. */
export const MARK_KIND = 0xc0;

export const CONNECTION_FAST_ORIGINAL = 0x01;
export const CONNECTION_FAST_REPLY = 0x02;

/** `code` moved to where the mask's eight bits are; unsigned. */
export function markBits(markMask: number, code: number): number {
  const lowest = (markMask & -markMask) >>> 0;
  return (code * lowest) >>> 0;
}

/** Whether a verdict's mark asks for what `code` (one of MARK_CE, MARK_FAST, MARK_SLOW) stands for. */
export function markAsks(markMask: number, mark: number, code: number): boolean {
  const kind = markBits(markMask, MARK_KIND | code);
  return (mark & kind) >>> 0 === markBits(markMask, code);
}
