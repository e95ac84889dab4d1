import { expect, test } from 'vitest';
import { callWithin, LateError } from '../../../../src/io/modules/call-within.ts';

test('gives what the call returns or throws', () => {
  const made = { a: 1 };
  expect(callWithin(1000, () => made)).toBe(made);
  expect(() => callWithin(1000, () => Number('x').toFixed(-1))).toThrow(RangeError);
});

test('ends a call that does not return, and goes on', () => {
  let isFinal = false;
  const forever = (): void => {
    try {
      for (;;);
    } finally {
      isFinal = true;
    }
  };
  expect(() => callWithin(20, forever)).toThrow(LateError);
  expect(isFinal).toBe(false);
  expect(callWithin(1000, () => 5)).toBe(5);
  expect(Object.getOwnPropertySymbols(globalThis)).not.toContain(Symbol.for('nfqueue-shaper.call-within'));
});
