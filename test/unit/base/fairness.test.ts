import { expect, it } from 'vitest';
import { jainIndex } from '../../../src/base/fairness.ts';

it('Jain is 1 for equal shares and 1/n where one has all', () => {
  expect(jainIndex([3, 3, 3])).toBe(1);
  expect(jainIndex([5, 0, 0, 0])).toBe(0.25);
  expect(jainIndex([0, 0])).toBeNaN();
});
