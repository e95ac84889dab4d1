import { describe, expect, it } from 'vitest';
import { shortText, thrownText } from '../../../src/base/short-text.ts';

const ring: { self?: unknown } = {};
ring.self = ring;

describe('a value in a message', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [1.5, '1.5'],
    [10n, '10'],
    [true, 'true'],
    ['abc', '"abc"'],
    [{ a: 1 }, '{"a":1}'],
    [[1, 'b'], '[1,"b"]'],
    [() => 1, 'a function'],
    [Promise.resolve(1), 'a promise'],
    [Symbol('s'), 'Symbol(s)'],
    [ring, 'an object'],
    [{ toJSON: () => undefined, toString: () => 'mine' }, 'mine'],
    [{ a: 'x'.repeat(200) }, `{"a":"${'x'.repeat(114)}…`],
  ])('%o', (value, text) => {
    expect(shortText(value)).toBe(text);
  });
});

it('what was thrown is told by its message, or as it is written', () => {
  expect(thrownText(new Error('no luck'))).toBe('no luck');
  expect(thrownText('no luck')).toBe('no luck');
  expect(thrownText({ a: 1 })).toBe('{"a":1}');
  const sly = new Error('x');
  Object.defineProperty(sly, 'message', {
    get() {
      throw new Error('not you');
    },
  });
  expect(thrownText(sly)).toBe('an error without a text');
});
