/** The invariants of test/reference/drr.ts, and the ring against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../src/base/none.ts';
import { runs } from '../effort.ts';
import { SlowDrr } from '../oracle/drr-figure.ts';
import {
  createDrrQueues,
  createDrrRing,
  drrHeadChanged,
  drrJoin,
  drrLeave,
  drrPick,
  drrSent,
} from '../reference/drr.ts';

const SEED = Number(process.env.SEED ?? 82);

const quanta = fc.array(fc.constantFrom(1, 40, 400, 1500, 6000), { minLength: 1, maxLength: 6 });
const operation = fc.record({
  queue: fc.nat(5),
  sizeBytes: fc.oneof(fc.constant(0), fc.constantFrom(40, 576, 1500, 9000)),
});

/** Queues of sizes over one ring. */
class Queues {
  readonly q = createDrrQueues(6);
  readonly ring = createDrrRing();
  readonly lists: number[][] = Array.from({ length: 6 }, () => []);
  private readonly quanta: readonly number[];

  constructor(list: readonly number[]) {
    this.quanta = list;
  }

  enqueue(i: number, sizeBytes: number): void {
    const list = this.lists[i] as number[];
    list.push(sizeBytes);
    if (list.length === 1) drrJoin(this.q, this.ring, i, sizeBytes);
  }

  dequeue(): [number, number] | null {
    const i = drrPick(this.q, this.ring, this.quanta);
    if (i === NONE) return null;
    const list = this.lists[i] as number[];
    const sizeBytes = list.shift() as number;
    drrSent(this.q, this.ring, i, list[0] ?? 0);
    return [i, sizeBytes];
  }
}

test('invariants 1 and 3: what the figure does, also with quanta far below a packet', () => {
  fc.assert(
    fc.property(quanta, fc.array(operation, { maxLength: 150, size: 'max' }), (list, operations) => {
      const queues = new Queues(list);
      const twin = new SlowDrr(list);
      const both = (): [number, number] | null => {
        const found = queues.dequeue();
        expect(found).toEqual(twin.dequeue());
        return found;
      };
      for (const { queue, sizeBytes } of operations) {
        const i = queue % list.length;
        if (sizeBytes > 0) {
          queues.enqueue(i, sizeBytes);
          twin.enqueue(i, sizeBytes);
        } else both();
      }
      while (both() !== null);
      expect(queues.ring.size).toBe(0);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

test('invariant 2: a queue outside the ring has no deficit, whoever leaves', () => {
  const moves = fc.array(fc.tuple(fc.nat(5), fc.nat(2)), { maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(moves, (list) => {
      const all = [1500, 1500, 3000, 400, 40, 6000];
      const queues = new Queues(all);
      const { q, ring, lists } = queues;
      for (const [i, what] of list) {
        if (what === 0) queues.enqueue(i, 1000 + i);
        else if (what === 1) queues.dequeue();
        else if ((lists[i] as number[]).length > 0) {
          (lists[i] as number[]).length = 0;
          drrLeave(q, ring, i);
        }
        const inRing = lists.map((packets) => packets.length > 0);
        expect(ring.size).toBe(inRing.filter(Boolean).length);
        inRing.forEach((isIn, row) => {
          if (!isIn) expect([q.deficitBytes[row], q.headBytes[row]]).toEqual([0, 0]);
        });
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('fairness: two full queues send as their quanta, within a quantum and two packets', () => {
  const sizes = fc.array(fc.constantFrom(40, 576, 1500), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(sizes, sizes, fc.integer({ min: 1, max: 5 }), (first, second, weight) => {
      const queues = new Queues([1500, 1500 * weight]);
      const sent = [0, 0];
      const sizesOf = [first, second];
      for (const i of [0, 1]) for (let n = 0; n < 2; n++) queues.enqueue(i, sizesOf[i]?.[n] as number);
      for (let n = 2; n < 500; n++) {
        const [i, sizeBytes] = queues.dequeue() as [number, number];
        sent[i] += sizeBytes;
        queues.enqueue(i, sizesOf[i]?.[n % 20] as number);
        const gap = Math.abs((sent[0] as number) / 1500 - (sent[1] as number) / (1500 * weight));
        expect(gap * 1500).toBeLessThanOrEqual(1500 + 2 * 1500);
      }
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});

test('a head that an AQM dropped is replaced without a visit being lost', () => {
  const queues = new Queues([1500, 1500]);
  for (const i of [0, 0, 1]) queues.enqueue(i, 1500);
  expect(drrPick(queues.q, queues.ring, [1500, 1500])).toBe(0);
  (queues.lists[0] as number[])[0] = 40;
  drrHeadChanged(queues.q, 0, 40);
  expect(queues.dequeue()).toEqual([0, 40]);
  expect(queues.dequeue()).toEqual([1, 1500]);
  expect(queues.dequeue()).toEqual([0, 1500]);
});

test('tiny quanta do not make a pick long: a billion rounds are one', () => {
  const queues = new Queues([1e-6, 2e-6]);
  queues.enqueue(0, 9000);
  queues.enqueue(1, 9000);
  expect(queues.dequeue()).toEqual([1, 9000]);
});
