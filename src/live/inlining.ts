/**
 * Lets V8 inline more of the decision loop.
 *
 * Its budget for one optimised function, 920 bytes of bytecode, is used up half way down from runBatch(): some thirty calls a packet
 * stay calls. With more room the full tree of `npm run bench -- scale` costs 570 -> 470 ns a packet that passes at once and 920 -> 850
 * with 16,384 waiting, one flow 465 -> 355 ns (Node 20). More than this brings nothing more.
 */
import { setFlagsFromString } from 'node:v8';

/** Node takes it as an option too, so a version that has lost it says so (test/unit/live/inlining.test.ts). */
export const INLINING_FLAG = '--max-inlined-bytecode-size-cumulative=6000';

/** For the whole process; call before packets come. */
export function widenInlining(): void {
  setFlagsFromString(INLINING_FLAG);
}
