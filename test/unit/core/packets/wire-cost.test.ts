import { expect, test } from 'vitest';
import { LINK_LAYERS } from '../../../../src/algo/buckets/link-layer.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { chargeBytesOf } from '../../../../src/core/packets/wire-cost.ts';

const SUPERPACKET_BYTES = 60_000;

/** What a superpacket whose headers are so long costs on a wire without overhead. */
function chargeBytes(headerBytes: number): number {
  const held = new HeldTable(1);
  const h = held.take();
  held.leaf[h] = 0;
  held.lengthBytes[h] = SUPERPACKET_BYTES;
  held.setWay(h, 0, 0, headerBytes);
  return chargeBytesOf([LINK_LAYERS.raw], held, h);
}

test('a superpacket costs what its segments will, each with its own headers', () => {
  expect(chargeBytes(0)).toBe(SUPERPACKET_BYTES);
  // 59,948 bytes of payload, 1448 in a segment: 42, of which the first brings the headers that we see.
  expect(chargeBytes(52)).toBe(SUPERPACKET_BYTES + 41 * 52);
});

test.each([1000, 1499, 1500, 1501, 20_000, 59_999, 65_535])(
  'headers that claim %i bytes neither make a superpacket free nor block its class for long',
  (headerBytes) => {
    const segments = Math.max(1, Math.ceil((SUPERPACKET_BYTES - headerBytes) / 536));
    expect(chargeBytes(headerBytes)).toBe(SUPERPACKET_BYTES + (segments - 1) * headerBytes);
  },
);
