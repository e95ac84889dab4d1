/** Which address of a flow its `each` bucket goes by, and how much of it. */
import type { Isolation } from '../../algo/queues/host-isolation.ts';
import { IPV6_BITS } from '../../base/prefix.ts';
import type { ClassInfo } from '../classes/classes.ts';
import { SIDE_DST, SIDE_SRC } from '../flows/flow-hosts.ts';

/** Of a bucket that goes by the whole flow; else SIDE_SRC or SIDE_DST. */
export const SIDE_FLOW = 0;

/** `host` is the inside end of a packet. */
export function sideOf(info: ClassInfo): number {
  const by = info.spec.each?.by;
  if (by === 'src' || (by === 'host' && info.isSourceInside)) return SIDE_SRC;
  if (by === 'dst' || (by === 'host' && !info.isSourceInside)) return SIDE_DST;
  return SIDE_FLOW;
}

/** The bits of an IPv6 address that name a bucket. */
export function prefixBitsOf({ spec }: ClassInfo): number {
  return spec.each?.prefix6Bits ?? IPV6_BITS;
}

/**
 * The isolation with which flows share a bucket of one address. All its flows have that address, so nothing
 * is shared out between hosts of that side.
 */
export function isolationWithin(isolation: Isolation, side: number): Isolation {
  const sharesSources = side === SIDE_DST && (isolation === 'dual-src' || isolation === 'triple');
  const sharesDestinations = side === SIDE_SRC && (isolation === 'dual-dst' || isolation === 'triple');
  if (sharesSources) return 'dual-src';
  if (sharesDestinations) return 'dual-dst';
  return isolation === 'dual-src' || isolation === 'dual-dst' || isolation === 'triple' ? 'flow' : isolation;
}
