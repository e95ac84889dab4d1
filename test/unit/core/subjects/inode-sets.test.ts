import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { InodeSets } from '../../../../src/core/subjects/inode-sets.ts';

test('what was told last of an inode holds, until everything is told anew', () => {
  const sets = new InodeSets();
  sets.begin(3);
  sets.set(71, 0);
  sets.set(2 ** 32 - 1, 5);
  sets.set(71, 2);
  expect([71, 2 ** 32 - 1, 72, 0].map((inode) => sets.get(inode))).toEqual([2, 5, NONE, NONE]);
  expect(sets.size).toBe(2);
  sets.begin(1);
  expect(sets.get(71)).toBe(NONE);
});

test('no process has a socket without an inode', () => {
  const sets = new InodeSets();
  sets.begin(1);
  sets.set(0, 3);
  expect(sets.get(0)).toBe(NONE);
  expect(sets.size).toBe(0);
});

test('a hundred thousand sockets in sequence and at random are found, and none beside them', () => {
  const sets = new InodeSets();
  const inodes = Array.from({ length: 100_000 }, (_, n) =>
    n % 2 === 0 ? 500_000 + n : (n * 2_654_435) >>> 0,
  );
  const known = new Map(inodes.map((inode, n) => [inode, n]));
  sets.begin(inodes.length);
  for (const [n, inode] of inodes.entries()) sets.set(inode, n);
  for (const [inode, n] of known) if (inode !== 0 && sets.get(inode) !== n) expect.fail(`inode ${inode}`);
  for (let inode = 1; inode < 100_000; inode++)
    if (!known.has(inode) && sets.get(inode) !== NONE) expect.fail(`inode ${inode}`);
  sets.begin(0);
  expect(sets.get(500_000)).toBe(NONE);
});
