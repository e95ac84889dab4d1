import { expect, test } from 'vitest';
import { createCodelQueues } from '../../../../src/algo/aqm/codel.ts';
import { FLAG_CE, FLAG_ECT, FLAG_NEVER_DROP } from '../../../../src/core/packets/held.ts';
import { codelLetsGo } from '../../../../src/core/queues/codel-gate.ts';
import { LeafParts } from './leaf.ts';

const MS = 1e6;
const PARAMS = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuBytes: 1500, ecn: true };

/**
 * Whether a packet with these flags that waited 20 ms leaves a queue that has been standing for an interval,
 * and its flags.
 */
function atSignal(flags: number): [boolean, number] {
  const parts = new LeafParts({ discipline: 'fifo' });
  const { held } = parts;
  const codel = createCodelQueues(1);
  const leaves = (atNs: number, of: number): [boolean, number] => {
    const h = parts.packet(1, 1500, atNs - 20 * MS);
    held.flags[h] = of;
    return [codelLetsGo(held, codel, 0, h, 9000, PARAMS, atNs), held.flags[h]];
  };
  expect(leaves(1000 * MS, flags)).toEqual([true, flags]);
  return leaves(1100 * MS, flags);
}

test('a signal drops a packet, marks a capable one, and lets one that must not be dropped go', () => {
  expect(atSignal(0)).toEqual([false, 0]);
  expect(atSignal(FLAG_ECT)).toEqual([true, FLAG_ECT | FLAG_CE]);
  expect(atSignal(FLAG_NEVER_DROP)).toEqual([true, FLAG_NEVER_DROP]);
});
