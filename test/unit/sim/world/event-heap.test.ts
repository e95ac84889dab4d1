import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventHeap } from '../../../../src/sim/world/event-heap.ts';

function drain(heap: EventHeap): number[] {
  const rows: number[] = [];
  while (heap.size > 0) {
    rows.push(heap.top());
    heap.delete(heap.top());
  }
  return rows;
}

test('rows of one instant come in the order in which they were set', () => {
  const heap = new EventHeap(6);
  for (const row of [3, 1, 4, 0, 5]) heap.set(row, 100);
  heap.set(2, 50);
  heap.set(1, 100); // again: now behind 5
  expect(drain(heap)).toEqual([2, 3, 4, 0, 5, 1]);
  expect(heap.topNs()).toBe(Number.POSITIVE_INFINITY);
});

test('like a list that is sorted by instant and turn, whatever is set, moved and deleted', () => {
  const step = fc.record({
    row: fc.nat(15),
    ns: fc.nat(8),
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'take'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new EventHeap(16);
      let list: { row: number; ns: number }[] = [];
      for (const { row, ns, kind } of steps) {
        if (kind === 'take') {
          const first = list.reduce((a, b) => (b.ns < a.ns ? b : a), list[0]);
          expect(heap.topNs()).toBe(first?.ns ?? Number.POSITIVE_INFINITY);
          if (!first) continue;
          expect(heap.top()).toBe(first.row);
          heap.delete(first.row);
          list = list.filter((entry) => entry !== first);
          continue;
        }
        list = list.filter((entry) => entry.row !== row);
        if (kind === 'set') {
          heap.set(row, ns);
          list.push({ row, ns });
        } else {
          heap.delete(row);
        }
        expect(heap.has(row)).toBe(kind === 'set');
        expect(heap.size).toBe(list.length);
      }
    }),
  );
});
