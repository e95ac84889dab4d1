import { expect, it } from 'vitest';
import { Episodes, type Turn } from '../../../../src/control/views/episodes.ts';

/** Looks once a second at a count that grows by `growth[second]`, and returns what happened when. */
function turnsOf(growth: readonly number[], from = 5): [second: number, Turn][] {
  const episodes = new Episodes();
  let count = from;
  episodes.look(new Map([['a', count]]), 0);
  return growth.flatMap((grown, n): [number, Turn][] => {
    count += grown;
    const turn = episodes.look(new Map([['a', count]]), (n + 1) * 1e9).get('a');
    return turn ? [[n + 1, turn]] : [];
  });
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

it('begins at once, with what came, and ends after ten quiet seconds, with all that came', () => {
  expect(turnsOf([0, 3, 0, 4, ...zeros(20)])).toEqual([
    [2, { isBeginning: true, grownBy: 3 }],
    [14, { isBeginning: false, grownBy: 7, seconds: 2 }],
  ]);
});

it('a count that grows now and then is one span', () => {
  const turns = turnsOf(Array.from({ length: 200 }, (_, n) => (n % 9 === 0 ? 1 : 0)));
  expect(turns).toHaveLength(1);
});

it('one that comes back soon needs twice the quiet each time: it does not flap', () => {
  // Once in 15 s for ten minutes.
  const seconds = turnsOf(Array.from({ length: 600 }, (_, n) => (n % 15 === 0 ? 1 : 0))).map(([at]) => at);
  expect(seconds).toEqual([1, 11, 16]);
});

it('after a long pause the quiet is short again', () => {
  const [once, pause] = [[1], zeros(100)];
  const ends = turnsOf([...once, ...zeros(14), ...once, ...pause, ...once, ...zeros(30)]);
  expect(ends.map(([at, { isBeginning }]) => [at, isBeginning])).toEqual([
    [1, true],
    [11, false],
    [16, true],
    [36, false],
    [117, true],
    [127, false],
  ]);
});

it('a name that comes later begins with its count, and one that goes is forgotten', () => {
  const episodes = new Episodes();
  expect(episodes.look(new Map([['a', 9]]), 0).size).toBe(0);
  expect(episodes.look(new Map([['b', 9]]), 1e9).size).toBe(0);
  expect(episodes.look(new Map([['a', 10]]), 2e9).size).toBe(0);
});
