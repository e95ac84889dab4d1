import { expect, test } from 'vitest';
import {
  COBALT_DROP,
  COBALT_MARK,
  COBALT_PASS,
  cobaltDecide,
  cobaltFoundEmpty,
  cobaltOverflowed,
  createCobaltQueues,
} from '../../reference/cobalt.ts';

const MS = 1e6;
const P = { targetNs: 5 * MS, intervalNs: 100 * MS, mtuNs: MS, ecn: true };

test('the worked example of the header', () => {
  const q = createCobaltQueues(1);
  const signalsMs: number[] = [];
  const counts: number[] = [];
  for (let n = 0; n <= 3000; n++) {
    const ms = n / 10;
    const sojournNs = ms >= 10 && ms < 210 ? 20 * MS : MS;
    const code = cobaltDecide(q, 0, P, ms * MS, sojournNs, 0, false, 0.5);
    if (code === COBALT_DROP) signalsMs.push(ms);
    if (counts.at(-1) !== q.count[0]) counts.push(q.count[0]);
  }
  expect(signalsMs).toEqual([110, 180.8]);
  expect(counts.slice(0, 5)).toEqual([0, 1, 2, 3, 2]);
});

test('what can be marked is marked, unless it is BLUE that signals', () => {
  const q = createCobaltQueues(1);
  cobaltDecide(q, 0, P, 0, 0, 0, true, 0.5);
  cobaltDecide(q, 0, P, 10 * MS, 20 * MS, 0, true, 0.5);
  expect(cobaltDecide(q, 0, P, 110 * MS, 20 * MS, 0, true, 0.5)).toBe(COBALT_MARK);
  cobaltOverflowed(q, 0, P, 111 * MS);
  expect(q.probability[0]).toBe(1 / 256);
  expect(cobaltDecide(q, 0, P, 111.1 * MS, 0, 0, true, 0.5)).toBe(COBALT_PASS);
  expect(cobaltDecide(q, 0, P, 111.2 * MS, 0, 0, true, 0.001)).toBe(COBALT_DROP);
});

test('four MTU times are in time on a slow link, and two for each bulk flow', () => {
  const q = createCobaltQueues(1);
  const slow = { ...P, mtuNs: 10 * MS };
  cobaltDecide(q, 0, slow, 0, 40 * MS, 0, false, 0.5);
  expect(q.dropping[0]).toBe(0);
  cobaltDecide(q, 0, slow, 1, 80 * MS, 4, false, 0.5);
  expect(q.dropping[0]).toBe(0);
  cobaltDecide(q, 0, slow, 2, 81 * MS, 4, false, 0.5);
  expect(q.dropping[0]).toBe(1);
});

test('BLUE steps once per target, up at overflows and down when empty', () => {
  const q = createCobaltQueues(1);
  for (const ms of [6, 7, 8, 12]) cobaltOverflowed(q, 0, P, ms * MS);
  expect(q.probability[0]).toBe(2 / 256);
  for (const ms of [18, 19, 24]) cobaltFoundEmpty(q, 0, P, ms * MS);
  expect(q.probability[0]).toBe(2 / 256 - 2 / 4096);
});
