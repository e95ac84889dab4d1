import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndexedHeap } from '../../../src/base/heap.ts';

const SEED = 40;
const ROWS = 24;

type Step = readonly ['set' | 'delete', number, number];
const row = fc.nat(ROWS - 1);
// Few different keys, so that ties are common; fractions, zero and Infinity are keys like any other.
const key = fc.oneof(
  fc.nat(5),
  fc.constantFrom(0, 0.5, Number.POSITIVE_INFINITY),
  fc.double({ noNaN: true }),
);
const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom('set', 'set', 'set', 'delete'), row, key);

/** The slow twin: a map, asked for its smallest entry by looking at all. */
function check(heap: IndexedHeap, model: Map<number, number>): void {
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...model.values());
  const isIn = Array.from({ length: ROWS }, (_, r) => heap.has(r));
  const expected = Array.from({ length: ROWS }, (_, r) => model.has(r));
  expect([heap.size, heap.topKey(), ...isIn]).toEqual([model.size, smallest, ...expected]);
  if (model.size > 0) expect(model.get(heap.top())).toBe(smallest);
}

test('after any steps the top is the smallest key of the rows that are in', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const heap = new IndexedHeap(ROWS);
      const model = new Map<number, number>();
      for (const [what, r, k] of steps) {
        if (what === 'set') {
          heap.set(r, k);
          model.set(r, k);
        } else {
          heap.delete(r);
          model.delete(r);
        }
        check(heap, model);
      }
    }),
    { seed: SEED, numRuns: 200 },
  );
});

test('taking the top until none is left sorts', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
      const heap = new IndexedHeap(keys.length);
      keys.forEach((k, r) => {
        heap.set(r, k);
      });
      const taken: number[] = [];
      while (heap.size > 0) {
        const top = heap.top();
        expect(heap.topKey()).toBe(keys[top]);
        taken.push(keys[top]);
        heap.delete(top);
        expect(heap.has(top)).toBe(false);
      }
      expect(taken).toEqual([...keys].sort((a, b) => a - b));
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test('an empty heap has no top: its key is Infinity', () => {
  const heap = new IndexedHeap(4);
  expect(heap.topKey()).toBe(Number.POSITIVE_INFINITY);
  heap.set(3, 7);
  heap.delete(3);
  expect(heap.topKey()).toBe(Number.POSITIVE_INFINITY);
  expect(heap.size).toBe(0);
});

test('deleting a row that is not in changes nothing', () => {
  const heap = new IndexedHeap(4);
  heap.set(1, 5);
  heap.delete(2);
  heap.delete(2);
  expect([heap.size, heap.top(), heap.topKey()]).toEqual([1, 1, 5]);
});

test('setting a row again moves it, up or down, and does not add it twice', () => {
  const heap = new IndexedHeap(3);
  for (const r of [0, 1, 2]) heap.set(r, 10 + r);
  heap.set(0, 99);
  expect([heap.size, heap.top()]).toEqual([3, 1]);
  heap.set(2, 1);
  expect([heap.size, heap.top(), heap.topKey()]).toEqual([3, 2, 1]);
});
