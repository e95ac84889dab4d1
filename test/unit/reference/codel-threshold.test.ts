import { expect, test } from 'vitest';
import { CODEL_PASS, createCodelQueues } from '../../../src/algo/aqm/codel.ts';
import { CODEL_MARK_CE, codelDecideByThreshold } from '../../reference/codel-threshold.ts';

const MS = 1e6;
const P = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuBytes: 1500, ecn: true, ceThresholdNs: MS };

test('the threshold marks packets that waited longer, and only those that can be marked', () => {
  const q = createCodelQueues(1);
  const signal = (sojournNs: number, ect: boolean): number =>
    codelDecideByThreshold(q, 0, P, sojournNs, 1e6, ect, 50 * MS);
  expect([signal(MS, true), signal(MS + 1, true), signal(MS + 1, false)]).toEqual([
    CODEL_PASS,
    CODEL_MARK_CE,
    CODEL_PASS,
  ]);
  expect(q.count[0]).toBe(0);
});
