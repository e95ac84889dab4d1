import { expect, test } from 'vitest';
import { Connections } from '../../../src/portal/connections.ts';

function world(): { connections: Connections<string>; ended: string[] } {
  const ended: string[] = [];
  return { connections: new Connections<string>((one) => void ended.push(one)), ended };
}

test('an address has four at once', () => {
  const { connections, ended } = world();
  const admitted = ['a', 'b', 'c', 'd', 'e'].map((one) => connections.admit(one, '10.0.0.7'));
  expect(admitted).toEqual([true, true, true, true, false]);
  expect(ended).toEqual(['e']);
  expect(connections.admit('x', '10.0.0.8')).toBe(true);
  connections.left('b', '10.0.0.7');
  expect(connections.admit('f', '10.0.0.7')).toBe(true);
  expect(connections.admit('g', '10.0.0.7')).toBe(false);
});

test('of too many the oldest one goes', () => {
  const { connections, ended } = world();
  for (let i = 0; i < 258; i++) expect(connections.admit(`${i}`, `address-${i}`)).toBe(true);
  expect(ended).toEqual(['0', '1']);
  // Its end is told as that of any other.
  connections.left('0', 'address-0');
  connections.left('5', 'address-5');
  connections.admit('new', 'address-0');
  expect(ended).toEqual(['0', '1']);
  connections.admit('newer', 'address-0');
  expect(ended).toEqual(['0', '1', '2']);
});
