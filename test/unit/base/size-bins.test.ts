import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../../src/base/none.ts';
import { SizeBins } from '../../../src/base/size-bins.ts';

const ROWS = 12;
const GROUPS = 3;

test('the largest of a group is found within an eighth, whatever came before', () => {
  const change = fc.tuple(fc.nat(ROWS - 1), fc.oneof(fc.constant(0), fc.nat(2_000_000)));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const bins = new SizeBins(ROWS, GROUPS);
      const sizes = new Array<number>(ROWS).fill(0);
      for (const [row, size] of changes) {
        bins.set(row % GROUPS, row, size);
        sizes[row] = size;
        for (let group = 0; group < GROUPS; group++) {
          const largest = Math.max(...sizes.filter((_, r) => r % GROUPS === group));
          const found = bins.largest(group);
          if (largest === 0) {
            expect(found).toBe(NONE);
          } else {
            expect(found % GROUPS).toBe(group);
            expect(sizes[found]).toBeGreaterThan((largest * 7) / 8);
          }
          const listed: number[] = [];
          for (let r = found; r !== NONE; r = bins.after(group, r)) {
            const before = sizes[listed.at(-1) ?? r];
            expect(sizes[r]).toBeLessThan((before * 8) / 7 + 1);
            listed.push(r);
          }
          const inGroup = sizes.flatMap((s, r) => (s > 0 && r % GROUPS === group ? [r] : []));
          expect(listed.sort((a, b) => a - b)).toEqual(inGroup);
        }
      }
    }),
  );
});

test('all rows can be taken out at once, for fewer groups or more', () => {
  const bins = new SizeBins(8, 2);
  for (const groups of [2, 5, 1]) {
    for (let row = 0; row < 4; row++) bins.set(row % 2, row, 1000 * (row + 1));
    bins.regroup(4, groups);
    for (let group = 0; group < groups; group++) expect(bins.largest(group)).toBe(NONE);
    bins.set(groups - 1, 3, 500);
    expect(bins.largest(groups - 1)).toBe(3);
    bins.regroup(4, 2);
  }
});
