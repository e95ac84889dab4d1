import { expect, test } from 'vitest';
import {
  ECN_CE,
  ECN_DROP,
  ECN_ECT_0,
  ECN_ECT_1,
  ECN_NOT_ECT,
  ecnDecapsulated,
} from '../../../../src/algo/overlay/ecn-tunnel.ts';

const ALL = [ECN_NOT_ECT, ECN_ECT_1, ECN_ECT_0, ECN_CE];

test('invariants 1 and 2: CE stays, ECT never ends, and only Not-ECT inside CE is dropped', () => {
  for (const inner of ALL) {
    for (const outer of ALL) {
      const result = ecnDecapsulated(inner, outer);
      if (inner === ECN_CE) expect(result).toBe(ECN_CE);
      else if (inner !== ECN_NOT_ECT) expect(result).toBeGreaterThan(ECN_NOT_ECT);
      else expect(result).toBe(outer === ECN_CE ? ECN_DROP : ECN_NOT_ECT);
    }
  }
});
