/**
 * What our eight bits of a packet's mark, and the same bits of its connection's mark, say. Rules write and read them on one
 * side of the queue, the core on the other.
 *
 *   packet, on its way to us   0x01 .. 0x7f     queue index + 1
 *   packet, in the verdict     0                nothing more to do
 *                              1 s f c n n n n  later rules of our table are to do something, and clear all bits then:
 *                                               s, f: remember that the flow is slow, fast; c: set CE; n: write code point number n
 *                                               of the plan, 0: leave the DSCP alone
 *   connection                 bits 0 and 1     packets of the original, of the reply direction go to a queue with superpackets
 *
 * Two bits for a connection, as its directions pass different classes: an upload may be slow whose download is fast. Code points
 * have numbers, because six bits would leave no room for the rest; a plan has at most MARK_DSCPS_MAX of them.
 */

/** Set in a verdict that asks for something. */
export const MARK_ASKS = 0x80;
/** Set the ECN field to CE. */
export const MARK_CE = MARK_ASKS | 0x10;
/** Remember that the class of this direction of the connection is fast. */
export const MARK_FAST = MARK_ASKS | 0x20;
/** Forget it. */
export const MARK_SLOW = MARK_ASKS | 0x40;
/** The bits with the number of the code point to write. */
export const MARK_DSCP_BITS = 0x0f;
export const MARK_DSCPS_MAX = MARK_DSCP_BITS;

export const CONNECTION_FAST_ORIGINAL = 0x01;
export const CONNECTION_FAST_REPLY = 0x02;

/** `code` moved to where the mask's eight bits are; unsigned. */
export function markBits(markMask: number, code: number): number {
  const lowest = (markMask & -markMask) >>> 0;
  return (code * lowest) >>> 0;
}

/** Whether a verdict's mark asks for what `code` (one of MARK_CE, MARK_FAST, MARK_SLOW) stands for. */
export function markAsks(markMask: number, mark: number, code: number): boolean {
  const bits = markBits(markMask, code);
  return (mark & bits) >>> 0 === bits;
}

/** Number of the code point that a verdict's mark asks to write, from 1; 0: none. */
export function markDscp(markMask: number, mark: number): number {
  if (!markAsks(markMask, mark, MARK_ASKS)) return 0;
  return Math.floor(((mark & markMask) >>> 0) / markBits(markMask, 1)) & MARK_DSCP_BITS;
}
