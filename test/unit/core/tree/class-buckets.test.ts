import { expect, test } from 'vitest';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { BORROW, ClassBuckets, SEND, WAIT } from '../../../../src/core/tree/class-buckets.ts';
import { type ClassInput, SECOND, shaper } from '../../../sim/world.ts';

const ROOT = 0;
const A = 1;
const classesOf = (a: Partial<ClassInput> = {}) =>
  listClasses(
    shaper({
      wan: {
        up: { rate: 2000, burst: 2000, leaves: [{ name: 'a', rate: 500, ceil: 1000, burst: 1000, ...a }] },
      },
    }),
  );

test('a leaf is in the mode that the tokens of its first packet allow', () => {
  const buckets = new ClassBuckets(classesOf());
  expect(buckets.mode(A, 1000, 0)).toBe(SEND);
  buckets.take(A, A, 600, 0);
  // 400 B of each bucket are left, at 500 and at 1000 B/s.
  expect([buckets.mode(A, 400, 0), buckets.mode(A, 500, 0)]).toEqual([SEND, WAIT]);
  expect(buckets.mode(A, 500, 0.1 * SECOND)).toBe(BORROW);
  expect(buckets.mode(A, 500, 0.2 * SECOND)).toBe(SEND);
});

test('an instant of change is that of the bucket that holds the class back', () => {
  const buckets = new ClassBuckets(classesOf());
  buckets.take(A, A, 600, 0);
  expect(buckets.changeNs(A, 500, WAIT)).toBe(0.1 * SECOND);
  expect(buckets.changeNs(A, 500, BORROW)).toBe(0.2 * SECOND);
  expect(buckets.changeNs(A, 500, SEND)).toBe(Number.POSITIVE_INFINITY);
  const without = new ClassBuckets(classesOf({ rate: 0 }));
  expect([without.mode(A, 500, 0), without.changeNs(A, 500, BORROW)]).toEqual([
    BORROW,
    Number.POSITIVE_INFINITY,
  ]);
});

test('a borrowed packet takes no tokens of the rate below the lender', () => {
  const buckets = new ClassBuckets(classesOf());
  buckets.take(A, ROOT, 800, 0);
  // The ceiling has 200 B; the whole rate is there.
  expect([buckets.mode(A, 200, 0), buckets.mode(A, 201, 0)]).toEqual([SEND, WAIT]);
  expect(buckets.mode(A, 1000, 0.8 * SECOND)).toBe(SEND);
  expect(buckets.conformNs(ROOT, 1300, 0), 'the root has paid too').toBe(0.05 * SECOND);
});

test('after a change tokens stay, new buckets start full, and nothing is booked before the change', () => {
  const before = new ClassBuckets(classesOf());
  before.take(A, A, 1000, 0);
  const classes = classesOf({ ceil: 500 });
  const after = new ClassBuckets(classes);
  const rows = Int32Array.from(classes, (_, row) => row);
  const change = {
    before: classes,
    classes,
    newRow: rows,
    heir: Int16Array.from(rows),
    isReclassified: false,
    isRenumbered: false,
    left: new Set<number>(),
  };
  after.inherit(before, { ...change, oldRow: rows, nowNs: 0.5 * SECOND });
  // 500 B by then, and half the rate from then on.
  expect(after.conformNs(A, 500, 0)).toBe(0.5 * SECOND);
  expect(after.conformNs(A, 600, 0)).toBe(0.7 * SECOND);
  const fresh = new ClassBuckets(classes);
  fresh.inherit(before, { ...change, oldRow: rows.map(() => -1), nowNs: SECOND });
  expect(fresh.conformNs(A, 1000, 0)).toBe(SECOND);
  fresh.take(A, A, 1000, 0);
  expect(fresh.conformNs(A, 500, 0), 'full at the change, not before').toBe(2 * SECOND);
});
