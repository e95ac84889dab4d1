import { expect, test } from 'vitest';
import type { RedParameters } from '../../../../src/algo/aqm/red.ts';
import {
  createWredQueues,
  wredByAssuredForwarding,
  wredByPrecedence,
  wredDefaultMinimum,
  wredObserve,
  wredSignal,
} from '../../../../src/algo/aqm/wred.ts';

const NEVER = 1 - 2 ** -32;
const profile = (minBytes: number): RedParameters => ({
  minBytes,
  maxBytes: 40,
  probability: 0.1,
  weight: 1,
  gentle: false,
  byteMode: false,
  meanPacketBytes: 1,
});

test('the worked example of the header: at 30 precedence 0 is in danger and precedence 5 is not', () => {
  const params = { profiles: [0, 1, 2, 3, 4, 5].map((level) => profile(wredDefaultMinimum(40, level))) };
  const w = createWredQueues(1, 6);
  wredObserve(w, 0, params, 30, 1, 0);
  expect(wredSignal(w, 0, params, 0, 1, 0.049)).toBe(true);
  expect(wredSignal(w, 0, params, 0, 1, 0.06), 'pb 0.05, a second packet 1/19').toBe(false);
  expect(wredSignal(w, 0, params, 5, 1, 0)).toBe(false);
});

test('packets of one profile do not bring those of another nearer a signal', () => {
  const params = { profiles: [profile(10), profile(10)] };
  const w = createWredQueues(2, 2);
  wredObserve(w, 1, params, 25, 1, 0);
  for (let n = 0; n < 10; n++) wredSignal(w, 1, params, 0, 1, NEVER);
  expect([...w.count]).toEqual([-1, -1, 9, -1]);
});

test('DSCPs to precedences, and to the drop precedence of assured forwarding', () => {
  const precedence = wredByPrecedence();
  expect([0, 7, 8, 46, 63].map((dscp) => precedence[dscp])).toEqual([0, 0, 1, 5, 7]);
  const colour = wredByAssuredForwarding();
  // AF11 AF12 AF13 AF43, then best effort, EF, CS1, and a code point between AF11 and AF12.
  expect([10, 12, 14, 38, 0, 46, 8, 11].map((dscp) => colour[dscp])).toEqual([0, 1, 2, 2, 0, 0, 0, 0]);
});
