import { expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { classValues } from '../../../../src/control/change/class-values.ts';

const valuesOf = (up: string) => {
  const config = loadConfig(`links: { w: { device: e, up: ${up} } }`, 'x.yaml');
  return new Map(classValues(config).map((one) => [one.path, one]));
};

it('values are as in the file, and else the defaults that apply', () => {
  const classes = valuesOf(
    '{ rate: 20mbit, classes: { a: { ceil: 50%, weight: 2, match: { dport: [80, 443] }, queue: { limit: 50ms } } } }',
  );
  expect(classes.get('w/up/a')).toMatchObject({
    isInner: false,
    ceilBitsPerSecond: 10_000_000,
    values: {
      ...{ ceil: '50%', weight: '2', match: '{ dport: [80, 443] }', priority: '3' },
      ...{ 'queue.limit': '50ms', 'queue.discipline': 'fair', 'queue.aqm': expect.stringContaining('codel') },
    },
    written: ['ceil', 'weight', 'match', 'queue.limit'],
    access: {},
  });
  expect(classes.get('w/up/a')!.values).not.toHaveProperty('rate');
  expect(classes.get('w/up')).toMatchObject({ isInner: true, values: { rate: '20mbit' } });
  expect(classes.get('w/up')!.values).not.toHaveProperty('priority');
});

it('the ceil is that of all around, and unlimited has none', () => {
  const classes = valuesOf(
    '{ rate: unlimited, classes: { a: { ceil: 5mbit, classes: { x: { ceil: 9mbit }, y: } } } }',
  );
  const ceils = ['w/up', 'w/up/a', 'w/up/a/x', 'w/up/a/y'].map(
    (path) => classes.get(path)!.ceilBitsPerSecond,
  );
  expect(ceils).toEqual([null, 5e6, 5e6, 5e6]);
});

it('access is told as it is written', () => {
  const access = valuesOf('{ rate: 1mbit, access: { dir: alice:staff 0755 } }').get('w/up')!.access;
  expect(access).toEqual({ dir: 'alice:staff 755' });
});
