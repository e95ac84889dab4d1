/** Links, directions and classes: a written file says what was chosen, and nothing else. */
import { expect, it } from 'vitest';
import { writeClass } from '../../../../src/config/write/links.ts';
import { load } from '../helpers.ts';
import { type Said, writtenClass, writtenLink } from './written.ts';

it.each<Said>([
  {},
  { rate: '1mbit', ceil: '5mbit', priority: '0', weight: '2.5' },
  { rate: '2mbit', classes: { x: { rate: '1mbit' }, default: { priority: '5' } } },
  { classes: {} },
])('a class %j is written as it was said', (said) => {
  expect(writtenClass(said)).toEqual(said);
});

it.each<[string, Said, Said]>([
  ['the ceil of the parent', { ceil: '20mbit', priority: 3 }, {}],
  ['a share, which is a rate', { ceil: '80%' }, { ceil: '16mbit' }],
  [
    'the ceil of an inner class',
    { ceil: '5mbit', classes: { x: { ceil: '100%' } } },
    { ceil: '5mbit', classes: { x: {} } },
  ],
])('%s', (_, said, written) => {
  expect(writtenClass(said)).toEqual(written);
});

it('a direction that has defaults only is a rate alone', () => {
  expect(writtenLink({ down: { rate: '1gbit', burst: '125kB', classes: { default: {} } } })).toEqual({
    device: 'e',
    down: '1gbit',
  });
});

it.each<[unknown, unknown]>([
  ['docsis', 'docsis'],
  [44, '44'],
  [{ bytes: 44 }, '44'],
  [{ bytes: 38, mpu: 84 }, 'ethernet'],
  [
    { mpu: 64, framing: 'ptm' },
    { bytes: '0', mpu: '64', framing: 'ptm' },
  ],
  [0, undefined],
])('overhead %j is written as %j', (said, written) => {
  expect(writtenLink({ overhead: said, up: '1mbit' }).overhead).toEqual(written);
});

const PLACE = {
  direction: 'up',
  parentCeilBytesPerSec: 2_500_000,
  parentPriority: 3,
  isPaced: false,
} as const;

it('all values are there on demand, each under its own key', () => {
  const { up } = load('links: { w: { device: e, up: 20mbit } }').spec.links[0]!;
  expect(writeClass(up!.children[0]!, PLACE, 'all')).toEqual({
    ceil: '20mbit',
    priority: '3',
    weight: '1',
    burst: '3028B',
    queue: {
      discipline: 'fair',
      isolation: 'dual-src',
      limit: '250kB',
      aqm: { codel: { target: '5ms', interval: '100ms', ecn: 'true' } },
      ackFilter: 'false',
    },
  });
});
