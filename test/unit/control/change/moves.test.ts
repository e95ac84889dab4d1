import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { movesBetween, pathAfter, pathBefore } from '../../../../src/control/change/moves.ts';

const spec = (up: string) =>
  loadConfig(`links: { w: { device: d, up: { rate: 1mbit, classes: ${up} }, down: 1mbit } }`, 'f').spec;
const m = (n: number): string => `match: { dport: ${n} }`;
const moves = (before: string, after: string): Record<string, string> =>
  Object.fromEntries(movesBetween(spec(before), spec(after)));

describe('moves of a reload', () => {
  it('a class that vanished and one of its name that appeared', () => {
    expect(
      moves(
        `{ a: { ${m(1)} }, b: { ${m(2)}, classes: { c: { ${m(3)} } } } }`,
        `{ b: { ${m(2)}, classes: { c: { ${m(3)} }, a: { ${m(1)} } } } }`,
      ),
    ).toEqual({
      'w/up/b/a': 'w/up/a',
    });
  });

  it('classes inside one that moved come along without an entry', () => {
    expect(
      moves(
        `{ a: { ${m(1)}, classes: { x: { ${m(2)} } } }, b: { ${m(2)}, classes: { c: { ${m(3)} } } } }`,
        `{ b: { ${m(2)}, classes: { c: { ${m(3)} }, a: { ${m(1)}, classes: { x: { ${m(2)} } } } } } }`,
      ),
    ).toEqual({
      'w/up/b/a': 'w/up/a',
    });
  });

  it('none if the name came or went twice, or did neither', () => {
    expect(
      moves(
        `{ a: { ${m(1)} }, b: { ${m(2)}, classes: { a: { ${m(3)} } } } }`,
        `{ c: { ${m(2)}, classes: { a: { ${m(3)} } } } }`,
      ),
    ).toEqual({});
    expect(moves(`{ a: { ${m(1)} } }`, `{ b: { ${m(1)} } }`)).toEqual({});
    expect(
      moves(`{ a: { ${m(1)} } }`, `{ a: { ${m(1)} }, b: { ${m(2)}, classes: { a: { ${m(3)} } } } }`),
    ).toEqual({});
  });

  it('a class that took the place of the one around it', () => {
    expect(
      moves(
        `{ a: { ${m(1)}, classes: { b: { ${m(2)} } } } }`,
        `{ b: { ${m(1)}, classes: { a: { ${m(2)} } } } }`,
      ),
    ).toEqual({
      'w/up/b': 'w/up/a/b',
      'w/up/b/a': 'w/up/a',
    });
  });
});

describe('paths', () => {
  const renamed = new Map([
    ['w/up/b/a', 'w/up/a'],
    ['w/up/y', 'w/up/a/x'],
  ]);

  it('lead back and forth along the nearest move', () => {
    for (const [before, after] of [
      ['w/up/a', 'w/up/b/a'],
      ['w/up/a/c', 'w/up/b/a/c'],
      ['w/up/a/x/c', 'w/up/y/c'],
      ['w/up/ab', 'w/up/ab'],
    ] as const) {
      expect(pathAfter(before, renamed)).toBe(after);
      expect(pathBefore(after, renamed)).toBe(before);
    }
  });
});
