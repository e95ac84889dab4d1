import { expect, test } from 'vitest';
import { Places } from '../../../../src/core/packets/places.ts';

const SIZES = [
  { bytes: 4, packets: 2 },
  { bytes: 500, packets: 1 },
];

test('a copy is as it was put, in a place of the least size that fits', () => {
  const places = new Places(SIZES);
  const slab = Uint8Array.from({ length: 600 }, (_, n) => n & 255);
  const [a, b, c] = [places.put(slab, 10, 4), places.put(slab, 20, 3), places.put(slab, 30, 500)];
  const out = new Uint8Array(600);
  places.copyTo(b, out, 0, 3);
  expect([...out.subarray(0, 4)]).toEqual([20, 21, 22, 0]);
  places.copyTo(c, out, 50, 500);
  expect(out.subarray(50, 550)).toEqual(slab.subarray(30, 530));
  places.copyTo(a, out, 0, 4);
  expect([...out.subarray(0, 4)]).toEqual([10, 11, 12, 13]);
});

test('hasRoom() says for how many more packets of a length there are places', () => {
  const places = new Places(SIZES);
  const slab = new Uint8Array(600);
  expect([places.hasRoom(4, 2), places.hasRoom(4, 3), places.hasRoom(501, 1)]).toEqual([true, false, false]);
  const place = places.put(slab, 0, 4);
  expect([places.hasRoom(1, 1), places.hasRoom(1, 2)]).toEqual([true, false]);
  places.give(place);
  expect(places.hasRoom(4, 2)).toBe(true);
});
