import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { CLASSES_MAX } from '../../../../src/limits.ts';
import { shaper } from '../../../sim/world.ts';

const TREE = { rate: 1, burst: 1 };

test('classes are numbered depth first in file order, up before down, roots before children', () => {
  const spec = shaper({
    wan: { up: { ...TREE, leaves: [{ name: 'a' }, { name: 'b' }] }, down: TREE },
    lan: { down: TREE },
  });
  const classes = listClasses(spec);
  expect(classes.map((info) => info.path)).toEqual([
    'wan/up',
    'wan/up/a',
    'wan/up/b',
    'wan/up/default',
    'wan/down',
    'wan/down/default',
    'lan/down',
    'lan/down/default',
  ]);
  expect(classes.map((info) => info.parent)).toEqual([NONE, 0, 0, 0, NONE, 4, NONE, 6]);
  expect(classes.map((info) => info.root)).toEqual([0, 0, 0, 0, 4, 4, 6, 6]);
  expect(classes[0].children).toEqual([1, 2, 3]);
  expect(classes.map((info) => info.direction)).toEqual(
    [...'uuuudddd'].map((d) => (d === 'u' ? 'up' : 'down')),
  );
  expect(classes.map((info) => info.link.name)).toEqual(
    [...'wwwwwwll'].map((l) => (l === 'w' ? 'wan' : 'lan')),
  );
});

test('more classes than the bound are refused, with both numbers', () => {
  const leaves = Array.from({ length: CLASSES_MAX - 1 }, (_, n) => ({ name: `c${n}` }));
  expect(() => listClasses(shaper({ wan: { up: { ...TREE, leaves } } }))).toThrow(
    `at most ${CLASSES_MAX} classes, ${CLASSES_MAX + 1} configured`,
  );
  expect(listClasses(shaper({ wan: { up: { ...TREE, leaves: leaves.slice(1) } } })).length).toBe(CLASSES_MAX);
});
