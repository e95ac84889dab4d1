import { expect, it } from 'vitest';
import { comparedBits, freeMarkMask, matchedMarkBits } from '../../../src/spec/mark-choice.ts';
import type { ModuleSpec } from '../../../src/spec/modules.ts';
import { shaper } from '../../sim/world.ts';

it.each([
  [0, 0xff000000],
  [0x01000000, 0x00ff0000],
  [0x40000000, 0x3fc00000],
  [0x00ff0000, 0xff000000],
  [0xff0f00ff, 0xff00],
  [0xfffffe00, 0x1fe],
  [0xffffff00, 0xff],
  [0xffffffff, null],
])('where %i is used, %s is free', (used, mask) => {
  expect(freeMarkMask(used)).toBe(mask);
});

it('the mask chosen has eight neighbouring bits, none of them used, and no higher one has', () => {
  for (let n = 0; n < 32; n++) {
    for (let m = 0; m < 32; m++) {
      const used = ((1 << n) | (1 << m)) >>> 0;
      const free = [...Array(25).keys()]
        .map((shift) => (0xff << shift) >>> 0)
        .filter((mask) => (mask & used) === 0);
      expect(freeMarkMask(used)).toBe(free.at(-1));
    }
  }
});

it('matchers use the bits of their mask or, without one, those of their value', () => {
  expect([comparedBits(5, 0xffffffff), comparedBits(0, 0x80000000)]).toEqual([5, 0x80000000]);
  const match = (value: number, mask: number) => [{ mark: [{ value, mask }] }];
  const leaves = [
    { name: 'a', match: match(0x12, 0xffffffff) },
    { name: 'b', match: match(0, 0xf0000000) },
  ];
  expect(matchedMarkBits(shaper({ wan: { up: { rate: 1, burst: 1, leaves } } }).links)).toBe(0xf0000012);
});

it('modules use those by which they choose packets', () => {
  const of = (interest: ModuleSpec['interest']): ModuleSpec => ({
    ...{ name: 'a', run: 'user', priority: 0, hooks: ['input'], interest, payload: false, kernelRules: {} },
  });
  expect(matchedMarkBits([], [of(null), of([{ mark: [{ value: 0x100, mask: 0xf00 }] }, {}])])).toBe(0xf00);
});
