/** The invariants of src/algo/queues/ack-filter.ts, and the filter against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../effort.ts';
import { redundantIndex, type Segment } from '../oracle/ack-filter.ts';
import { findInQueue } from '../vectors/ack-rows.ts';

const SEED = Number(process.env.SEED ?? 81);

const sack = fc
  .array(fc.tuple(fc.integer({ min: 5, max: 40 }), fc.integer({ min: 1, max: 4 })), { maxLength: 3 })
  .map((blocks) => blocks.map(([left, length]): [number, number] => [left, left + length]));
const segment: fc.Arbitrary<Segment> = fc.record({
  flow: fc.oneof({ weight: 4, arbitrary: fc.constant('a') }, { weight: 1, arbitrary: fc.constant('b') }),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0x10) },
    { weight: 1, arbitrary: fc.constantFrom(0x50, 0x90, 0x18, 0x11, 0x12, 0x02) },
  ),
  ack: fc.integer({ min: 1, max: 12 }),
  payload: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(5) }),
  sack: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: sack }),
  ts: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constant(1)),
  unknown_option: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});
const queues = fc.array(segment, { minLength: 1, maxLength: 12, size: 'max' });

test('invariants 1 and 2: drops what the rules say, whatever the numbers begin with', () => {
  let dropped = 0;
  const offsets = fc.constantFrom(0, 0xffff_fff0, 0xffff_ffff, 0x7fff_fffa);
  fc.assert(
    fc.property(queues, fc.boolean(), offsets, (queue, aggressive, offset) => {
      const index = redundantIndex(queue, aggressive);
      expect(findInQueue(queue, aggressive, { offset })).toBe(index);
      if (index === null) return;
      dropped++;
      const gone = queue[index] as Segment;
      expect([gone.payload, gone.unknown_option, gone.flags & 0x3f]).toEqual([0, false, 0x10]);
    }),
    { seed: SEED, numRuns: runs(3000) },
  );
  expect(dropped, 'the runs reach the interesting part').toBeGreaterThan(runs(3000) / 10);
});

test('invariant 3: however many are dropped, the highest number of a connection stays', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 30 }), fc.boolean(), (arrivals, aggressive) => {
      const queue: Segment[] = [];
      for (const arrival of arrivals) {
        queue.push(arrival);
        const index = findInQueue(queue, aggressive);
        if (index !== null) queue.splice(index, 1);
      }
      for (const flow of ['a', 'b']) {
        const highest = (list: readonly Segment[]): number =>
          Math.max(0, ...list.filter((s) => s.flow === flow).map((s) => s.ack));
        expect(highest(queue)).toBe(highest(arrivals));
      }
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('duplicate ACKs without news stay, all of them', () => {
  const duplicates = Array.from({ length: 20 }, (): Segment => ({ flow: 'a', flags: 0x10, ack: 7 }));
  for (const aggressive of [false, true]) expect(findInQueue(duplicates, aggressive)).toBeNull();
});

test('the walk is bounded: behind as many packets as it looks at, nothing is dropped', () => {
  const other = Array.from({ length: 10 }, (): Segment => ({ flow: 'b', flags: 0x18, ack: 1, payload: 1 }));
  const acks = [1, 2, 3].map((ack): Segment => ({ flow: 'a', flags: 0x10, ack }));
  expect(findInQueue([...other, ...acks], false, { looksMax: 12 })).toBe(10);
  expect(findInQueue([...other, ...acks], false, { looksMax: 11 })).toBeNull();
});
