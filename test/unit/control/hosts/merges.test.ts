import { expect, it } from 'vitest';
import { Merges, nameOfRow } from '../../../../src/control/hosts/merges.ts';

it('tells hosts of one row apart', () => {
  const names = [nameOfRow(32, 1), nameOfRow(32, 2), nameOfRow(64, 1), nameOfRow(32, -1)];
  expect(new Set(names).size).toBe(4);
  expect(names.every(Number.isSafeInteger)).toBe(true);
});

it('follows hosts through others to the one that is there', () => {
  const merges = new Merges<string>();
  merges.add(1, 'a', 2, 1);
  merges.add(2, undefined, 3, 1);
  merges.add(4, 'b', 3, 1);
  expect(merges.isAwaited(2)).toBe(false);
  expect(merges.isAwaited(3)).toBe(true);
  expect(merges.take(3)).toEqual(['a', 'b']);
  expect(merges.isWaiting).toBe(false);
  expect(merges.take(3)).toEqual([]);
});

it('waits one look for a host that was not seen', () => {
  const merges = new Merges<string>();
  merges.add(1, 'a', 2, 1);
  merges.forgetBefore(1);
  expect(merges.isAwaited(2)).toBe(true);
  merges.forgetBefore(2);
  expect(merges.isAwaited(2)).toBe(false);
});
