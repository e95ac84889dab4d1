import { expect, test } from 'vitest';
import { ECN_CE, ECN_DROP, ECN_ECT_0, ECN_ECT_1, ECN_NOT_ECT } from '../../../src/algo/overlay/ecn-tunnel.ts';
import { ecnSignalled, isEcnCapable, withDscp } from '../../reference/ecn.ts';

const ALL = [ECN_NOT_ECT, ECN_ECT_1, ECN_ECT_0, ECN_CE];

test('a signal marks what can be marked and drops the rest', () => {
  expect(ALL.map(ecnSignalled)).toEqual([ECN_DROP, ECN_CE, ECN_CE, ECN_CE]);
  expect(ALL.map(isEcnCapable)).toEqual([false, true, true, true]);
});

test('invariant 1: a signal erases neither ECT nor CE', () => {
  for (const code of ALL) expect(ecnSignalled(code)).toBe(code === ECN_NOT_ECT ? ECN_DROP : ECN_CE);
});

test('the worked example of the header, and invariant 2 for every value', () => {
  expect(withDscp(0xb9, 8)).toBe(0x21);
  for (let trafficClass = 0; trafficClass < 256; trafficClass++) {
    for (let dscp = 0; dscp < 64; dscp++) {
      const found = withDscp(trafficClass, dscp);
      expect([found >> 2, found & 3]).toEqual([dscp, trafficClass & 3]);
    }
  }
});
