import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  foreignBits,
  hex,
  MARK_NFQUEUES_MAX,
  markShift,
  nfqueueMark,
} from '../../../../src/io/rules/mark.ts';

const MASKS = Array.from({ length: 25 }, (_, shift) => (0xff << shift) >>> 0);
const anyMask = fc.constantFrom(...MASKS);
const anyMark = fc.integer({ min: 0, max: 0xffffffff });

describe('our bits of the mark', () => {
  it('finds eight neighbouring bits at every position', () => {
    expect(MASKS.map(markShift)).toEqual(Array.from({ length: 25 }, (_, shift) => shift));
  });

  it('refuses every other mask', () => {
    fc.assert(
      fc.property(anyMark, (mask) => {
        fc.pre(!MASKS.includes(mask));
        expect(() => markShift(mask)).toThrow(/eight neighbouring bits/);
      }),
    );
    for (const mask of [0, -1, 1.5, 2 ** 32, 0xff * 2 ** 25, Number.NaN])
      expect(() => markShift(mask)).toThrow();
  });

  it('writes every index so that foreign bits survive and the value is found again', () => {
    fc.assert(
      fc.property(
        anyMask,
        anyMark,
        fc.integer({ min: 0, max: MARK_NFQUEUES_MAX - 1 }),
        (mask, before, index) => {
          const mark = nfqueueMark(mask, index);
          // As the rules do it: clear, then write.
          const after = (BigInt(before) & BigInt(foreignBits(mask))) | BigInt(mark);
          expect(after & BigInt(foreignBits(mask))).toBe(BigInt(before) & BigInt(foreignBits(mask)));
          expect(after & BigInt(mask)).toBe(BigInt(mark));
          expect(Number(after & BigInt(mask)) / 2 ** markShift(mask)).toBe(index + 1);
        },
      ),
    );
  });

  it('refuses an index that would not fit', () => {
    for (const index of [-1, MARK_NFQUEUES_MAX, 0.5])
      expect(() => nfqueueMark(0xff, index)).toThrow(/does not fit/);
  });

  it('prints all 32 bits', () => {
    expect([hex(0), hex(0xff000000), hex(-1)]).toEqual(['0x00000000', '0xff000000', '0xffffffff']);
  });
});
