import { expect, test } from 'vitest';
import {
  CODEL_DROP,
  CODEL_DROPPING,
  CODEL_IDLE,
  CODEL_MARK,
  CODEL_PASS,
  type CodelParameters,
  type CodelQueues,
  codelBecameEmpty,
  codelCountAgain,
  codelDecide,
  codelOverflowed,
  codelReset,
  codelSpacingNs,
  createCodelQueues,
} from '../../../../src/algo/aqm/codel.ts';

const MS = 1e6;
const P: CodelParameters = {
  targetNs: 5 * MS,
  intervalNs: 100 * MS,
  mtuBytes: 1500,
  ecn: true,
};
/** A packet that waited 20 ms with plenty behind it. */
const bad = (q: CodelQueues, nowNs: number, ect = false): number =>
  codelDecide(q, 0, P, 20 * MS, 1e6, ect, nowNs);

test('the worked example of the header: a queue that grows by a packet in six', () => {
  const q = createCodelQueues(1);
  const signalsNs: number[] = [];
  let firstBadNs = 0;
  let dropped = 0;
  // The n-th packet to leave does so 1.2 ms after the one before; packets arrive every 1 ms.
  for (let n = 0; n < 600; n++) {
    const nowNs = n * 1.2 * MS;
    const sojournNs = nowNs - (n + dropped) * MS;
    const behind = Math.floor(nowNs / MS) - n - dropped;
    const code = codelDecide(q, 0, P, sojournNs, behind * 1500, false, nowNs);
    if (q.firstAboveNs[0] !== 0 && firstBadNs === 0) firstBadNs = nowNs;
    if (code !== CODEL_DROP) continue;
    dropped++;
    signalsNs.push(nowNs);
    n--;
  }
  expect(firstBadNs).toBe(30 * MS);
  const spacings = signalsNs.slice(1, 4).map((atNs, i) => (atNs - signalsNs[i]) / MS);
  expect(signalsNs[0]).toBeGreaterThanOrEqual(130 * MS);
  // A signal waits for the next packet to leave: up to 1.2 ms late, without the next ones being later for it.
  [100, 70.7, 57.7].forEach((spacing, i) => {
    expect(Math.abs(spacings[i] - spacing)).toBeLessThan(1.3);
  });
});

test('a dequeue may drop several packets, each due by its own instant', () => {
  const q = createCodelQueues(1);
  bad(q, MS);
  expect(bad(q, 101 * MS)).toBe(CODEL_DROP);
  expect(bad(q, 101 * MS), 'the packet after the first drop is delivered').toBe(CODEL_PASS);
  expect(q.dropNextNs[0]).toBe(201 * MS);
  // Nothing was dequeued for a while: due at 201 and 271.7 ms.
  const codes = Array.from({ length: 4 }, () => bad(q, 280 * MS));
  expect(codes).toEqual([CODEL_DROP, CODEL_DROP, CODEL_PASS, CODEL_PASS]);
  expect(q.count[0]).toBe(3);
  expect(q.dropNextNs[0]).toBeCloseTo((201 + 70.7107 + 57.735) * MS, -2);
});

test('a good packet ends the episode, also in the middle of a dequeue', () => {
  const q = createCodelQueues(1);
  bad(q, MS);
  bad(q, 101 * MS);
  bad(q, 101 * MS);
  expect(bad(q, 301 * MS)).toBe(CODEL_DROP);
  expect(codelDecide(q, 0, P, 4.999 * MS, 1e6, false, 301 * MS)).toBe(CODEL_PASS);
  expect(q.phase[0]).toBe(CODEL_IDLE);
  expect(q.dropNextNs[0], 'the instant of the next signal is not moved').toBe(201 * MS);
});

test('marks instead of drops: one a dequeue, and the packet is delivered', () => {
  const q = createCodelQueues(1);
  bad(q, MS, true);
  expect(bad(q, 101 * MS, true)).toBe(CODEL_MARK);
  expect(q.phase[0]).toBe(CODEL_DROPPING);
  expect(bad(q, 280 * MS, true)).toBe(CODEL_MARK);
  expect(bad(q, 280 * MS, true), 'the one that was due as well').toBe(CODEL_MARK);
  expect(bad(q, 280 * MS, true)).toBe(CODEL_PASS);
});

test('without ecn what could be marked is dropped', () => {
  const q = createCodelQueues(1);
  const plain = { ...P, ecn: false };
  codelDecide(q, 0, plain, 20 * MS, 1e6, true, MS);
  expect(codelDecide(q, 0, plain, 20 * MS, 1e6, true, 101 * MS)).toBe(CODEL_DROP);
});

test('sojourn equal to the target is bad, a backlog equal to the MTU is not', () => {
  const q = createCodelQueues(1);
  codelDecide(q, 0, P, 5 * MS, 1501, false, MS);
  expect(q.firstAboveNs[0]).toBe(101 * MS);
  codelDecide(q, 0, P, 5 * MS, 1500, false, 2 * MS);
  expect(q.firstAboveNs[0]).toBe(0);
});

test('an episode soon after the last goes on where that one was', () => {
  const interval = 100 * MS;
  expect(codelCountAgain(5, 1, 3 * interval, interval)).toBe(4);
  expect(codelCountAgain(5, 1, 16 * interval, interval)).toBe(1);
  expect(codelCountAgain(5, 1, -interval, interval), 'the signal is not due yet').toBe(4);
  expect(codelCountAgain(2, 1, 0, interval)).toBe(1);
});

test('spacing falls with the root of the count', () => {
  expect([1, 4, 100].map((count) => codelSpacingNs(100 * MS, count))).toEqual([100 * MS, 50 * MS, 10 * MS]);
});

test('an evicted packet counts as a signal', () => {
  const q = createCodelQueues(1);
  bad(q, MS);
  bad(q, 101 * MS);
  for (let n = 0; n < 30; n++) codelOverflowed(q, 0);
  expect(q.count[0]).toBe(31);
  codelBecameEmpty(q, 0);
  expect([q.phase[0], q.firstAboveNs[0]]).toEqual([CODEL_IDLE, 0]);
  bad(q, 110 * MS);
  expect(bad(q, 210 * MS)).toBe(CODEL_DROP);
  expect(q.count[0], 'less what the last episode began with').toBe(30);
});

test('a reset row is a fresh one', () => {
  const q = createCodelQueues(1);
  bad(q, MS);
  bad(q, 101 * MS);
  bad(q, 101 * MS);
  codelReset(q, 0);
  expect(q).toEqual(createCodelQueues(1));
});
