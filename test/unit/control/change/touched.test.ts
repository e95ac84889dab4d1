import { expect, it } from 'vitest';
import { Touched } from '../../../../src/control/change/touched.ts';
import { CLASS_CHANGES_REMEMBERED } from '../../../../src/limits.ts';

const inClass = (path: string) => ({ kind: 'class', path }) as const;

it('remembers the last change of a class, of what is inside it, and of all', () => {
  const touched = new Touched(3);
  touched.mark(['w/up/a/b'], 4);
  touched.mark(['w/up/ab'], 5);
  expect(touched.lastOf(inClass('w/up/a'))).toBe(3);
  expect(touched.lastOf(inClass('w/up/a/b'))).toBe(4);
  expect(touched.lastOf({ kind: 'subtree', path: 'w/up/a' })).toBe(4);
  expect(touched.lastOf({ kind: 'all' })).toBe(5);
});

it('takes a change for one of every class rather than forget it', () => {
  const touched = new Touched(0);
  touched.mark(['w/up/first'], 1);
  touched.mark(['w/up/second'], 2);
  touched.mark(['w/up/first'], 3);
  for (let n = 0; n < CLASS_CHANGES_REMEMBERED - 1; n++) touched.mark([`w/up/c${n}`], 4);
  expect(touched.lastOf(inClass('w/up/unknown'))).toBe(2);
  expect(touched.lastOf(inClass('w/up/first'))).toBe(3);
});
