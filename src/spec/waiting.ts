/**
 * How packets wait where nobody says otherwise: in leaves, for buckets of `each`, and for those of hosts that
 * a quota throttles.
 */
import type { CodelParameters } from '../algo/aqm/codel.ts';

/** The burst of a bucket in which packets wait: two full-sized frames, or what passes in a millisecond. */
export const SHAPE_BURST = { minBytes: 3028, ns: 1e6 } as const;

/** The limit of a queue: what passes in so long, but at least so much. */
export const QUEUE_LIMIT = { minBytes: 30_000, ns: 100e6 } as const;

/** CAKE's MTU: an Ethernet frame (sch_cake.c, cake_set_rate). */
export const FRAME_BYTES = 1514;

/** RFC 8289, section 4.3. */
export const CODEL_TIMES: Pick<CodelParameters, 'targetNs' | 'intervalNs'> = {
  targetNs: 5e6,
  intervalNs: 100e6,
};
