import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWindow, readAtOf } from '../../../../src/sim/capture/window.ts';

test('every byte of a file larger than the window is where it should be, forwards and backwards', () => {
  const file = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) ^ (i >> 8));
  const window = new ByteWindow(readAtOf(file));
  const place = fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 1, max: 300_000 }));
  fc.assert(
    fc.property(place, ([position, count]) => {
      const at = window.at(position, count);
      expect(at >= 0).toBe(position + count <= file.length);
      if (at < 0) return;
      expect(window.bytes[at]).toBe(file[position]);
      expect(window.bytes[at + count - 1]).toBe(file[position + count - 1]);
    }),
  );
});

test('a source that gives a few bytes at a time is asked again', () => {
  const file = Uint8Array.from({ length: 100 }, (_, i) => i);
  const whole = readAtOf(file);
  const window = new ByteWindow((into, position) => whole(into.subarray(0, 7), position));
  expect(window.bytes[window.at(50, 50)]).toBe(50);
  expect(window.at(51, 50)).toBe(-1);
});
