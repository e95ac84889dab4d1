import { expect, test } from 'vitest';
import {
  createPieQueues,
  type PieParameters,
  pieAdvance,
  pieArrive,
  pieDeparted,
  pieMayMark,
  pieReset,
  pieUpdate,
} from '../../../../src/algo/aqm/pie.ts';

const MS = 1e6;
const P: PieParameters = {
  targetNs: 15 * MS,
  updateNs: 15 * MS,
  burstNs: 150 * MS,
  alpha: 0.125,
  beta: 1.25,
  meanPacketBytes: 1000,
  markBelow: 0.1,
};

function fresh() {
  const q = createPieQueues(1);
  pieReset(q, 0, P, 0);
  return q;
}

test('the worked example of the header', () => {
  const q = fresh();
  q.delayNs[0] = 20 * MS;
  pieUpdate(q, 0, P);
  expect(q.probability[0]).toBeCloseTo(1.25122e-5, 10);
});

test('updates come by the timer, whether or not packets do', () => {
  const q = fresh();
  pieDeparted(q, 0, P, 20 * MS, false, 1 * MS);
  pieAdvance(q, 0, P, 14.999 * MS);
  expect(q.probability[0]).toBe(0);
  pieAdvance(q, 0, P, 15 * MS);
  const once = q.probability[0];
  expect(once).toBeGreaterThan(0);
  pieAdvance(q, 0, P, 60 * MS);
  expect(q.probability[0]).toBeGreaterThan(once);
  expect(q.nextUpdateNs[0]).toBe(75 * MS);
});

test('an empty queue has no delay: p does not stay where the last packet put it', () => {
  const q = fresh();
  q.probability[0] = 0.5;
  pieDeparted(q, 0, P, 80 * MS, true, 1 * MS);
  pieAdvance(q, 0, P, 60_000 * MS);
  expect([q.probability[0], q.allowanceNs[0], q.delayOldNs[0]]).toEqual([0, 150 * MS, 0]);
});

test('a quiet month costs no more than a minute', () => {
  const q = fresh();
  pieAdvance(q, 0, P, 30 * 86_400_000 * MS);
  expect(q.nextUpdateNs[0]).toBe((30 * 86_400_000 + 15) * MS);
});

test('the allowance passes a burst, two mean packets pass always, a young queue passes below p 0.2', () => {
  const q = fresh();
  q.probability[0] = 0.9;
  q.delayOldNs[0] = 20 * MS;
  expect(pieArrive(q, 0, P, 5000, 0, 0)).toBe(false);
  q.allowanceNs[0] = 0;
  expect(pieArrive(q, 0, P, 5000, 0, 0)).toBe(true);
  expect(pieArrive(q, 0, P, 2000, 0, 0)).toBe(false);
  q.delayOldNs[0] = 7 * MS;
  expect(pieArrive(q, 0, P, 5000, 0, 0)).toBe(true);
  q.probability[0] = 0.19;
  expect(pieArrive(q, 0, P, 5000, 0, 0)).toBe(false);
});

test('a mark may take the place of a drop where p is small', () => {
  const q = fresh();
  const may = [0, 0.09, 0.1, 1].map((probability) => {
    q.probability[0] = probability;
    return pieMayMark(q, 0, P);
  });
  expect(may).toEqual([true, true, false, false]);
});

test('queues do not touch each other', () => {
  const q = createPieQueues(2);
  pieReset(q, 0, P, 0);
  pieDeparted(q, 1, P, 80 * MS, false, 0);
  pieAdvance(q, 1, P, 300 * MS);
  expect([q.probability[0], q.delayNs[0], q.nextUpdateNs[0]]).toEqual([0, 0, 15 * MS]);
});
