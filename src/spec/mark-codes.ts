/**
 * Meaning of our eight bits in the packet mark and in the connection mark. The rules
 * write and read them on the kernel's side of the NFQUEUE, the core on the other side.
 *
 *   packet, on its way to us   0x01 .. 0x7d     index of the NFQUEUE + 1
 *                              0x7e             of a bridge; rules of iptables know its port
 *   packet inside a bridge     0x7f             switched from port to port, never on its way to us
 *   packet, in the verdict     0                no later rule has work to do
 *                              1 s f c n n n n  later rules of our table do this, then clear all bits:
 *                                               s   remember that the flow is slow
 *                                               f   remember that the flow is fast
 *                                               sf  remember that the connection is paced
 *                                               c   set CE
 *                                               n   write the plan's code point number n; 0 writes none
 *   connection                 bit 0            its original direction goes to an NFQUEUE with superpackets
 *                              bit 1            its reply direction does
 *                              bit 2            it is paced: packets that answer it come by its mark
 *
 * A connection has two bits because its directions pass different classes: the upload
 * may be slow and the download fast. Code points have numbers because the six bits of a
 * DSCP would leave no room for the rest. A plan numbers at most MARK_DSCPS_MAX of them.
 */

/** The packet crosses a bridge with a shaped port. */
export const MARK_PORT = 0x7e;
/** A bridge switches the packet from port to port. */
export const MARK_SWITCHED = 0x7f;
/** Set in every verdict that asks later rules for something. */
export const MARK_ASKS = 0x80;
/** Set the ECN field to CE. */
export const MARK_CE = MARK_ASKS | 0x10;
/** Remember that the class of this direction of the connection is fast. */
export const MARK_FAST = MARK_ASKS | 0x20;
/** Remember that the class of this direction of the connection is slow. */
export const MARK_SLOW = MARK_ASKS | 0x40;
/** Remember that a class paces the connection. */
export const MARK_PACED = MARK_FAST | MARK_SLOW;
/** The bits that hold the number of the code point to write. */
export const MARK_DSCP_BITS = 0x0f;
export const MARK_DSCPS_MAX = MARK_DSCP_BITS;

export const CONNECTION_FAST_ORIGINAL = 0x01;
export const CONNECTION_FAST_REPLY = 0x02;
export const CONNECTION_PACED = 0x04;

/** These bits together say what to remember. */
const MARK_CONNECTION_BITS = MARK_PACED & ~MARK_ASKS;

/** `code` shifted to the mask's eight bits, as an unsigned number. */
export function markBits(markMask: number, code: number): number {
  const lowest = (markMask & -markMask) >>> 0;
  return (code * lowest) >>> 0;
}

/** The mark of a verdict asks for `code`, one of those above, if these bits of it equal the code. */
export function decidingBits(code: number): number {
  return (code & MARK_CONNECTION_BITS) === 0 ? code : code | MARK_CONNECTION_BITS;
}

/** Whether the mark of a verdict asks for `code`, one of those above. */
export function markAsks(markMask: number, mark: number, code: number): boolean {
  return (mark & markBits(markMask, decidingBits(code))) >>> 0 === markBits(markMask, code);
}

/** Number, from 1, of the code point that the mark of a verdict asks to write. 0 asks for none. */
export function markDscp(markMask: number, mark: number): number {
  if (!markAsks(markMask, mark, MARK_ASKS)) return 0;
  return Math.floor(((mark & markMask) >>> 0) / markBits(markMask, 1)) & MARK_DSCP_BITS;
}
