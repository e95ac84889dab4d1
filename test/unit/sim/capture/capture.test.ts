/** Captures of any format: what is told of files that cannot be read, and any bytes at all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaptureError } from '../../../../src/sim/capture/capture-error.ts';
import { behind, captureFile } from './capture-file.ts';
import { readAll } from './read-all.ts';

describe('files that cannot be read are refused by name', () => {
  test.each<[string, RegExp, readonly number[]]>([
    ['nothing', /too short/, []],
    ['text', /not a capture file/, [...new TextEncoder().encode('just some text that is long enough')]],
    ['zstd', /zstd -dc/, [0x28, 0xb5, 0x2f, 0xfd, 0, 0]],
    ['xz', /xz -dc/, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]],
    [
      'a link layer without IP',
      /link type 147 .*Ethernet/,
      [...captureFile([{ ns: 0, bytes: new Uint8Array(9) }], { linkType: 147 })],
    ],
  ])('%s', (_, message, bytes) => {
    expect(() => readAll(Uint8Array.from(bytes))).toThrow(message);
    expect(() => readAll(Uint8Array.from(bytes))).toThrow(CaptureError);
  });
});

const LINKS = [0, 1, 9, 12, 50, 51, 101, 104, 105, 107, 108, 113, 127, 228, 229, 276];

test('any bytes behind a good header: packets within bounds', () => {
  const file = fc.record({
    body: fc.uint8Array({ maxLength: 300 }),
    linkType: fc.constantFrom(...LINKS),
    isLittle: fc.boolean(),
  });
  fc.assert(
    fc.property(file, ({ body, linkType, isLittle }) => {
      const frames = [{ ns: 0, bytes: body }];
      const whole = readAll(captureFile(frames, { linkType, isLittle }));
      const torn = readAll(behind([...captureFile([], { linkType, isLittle })], body));
      expect(whole.packets).toHaveLength(1);
      for (const { lengthBytes, bytes } of [...whole.packets, ...torn.packets]) {
        expect(bytes.length).toBeLessThanOrEqual(body.length);
        expect(lengthBytes).toBeGreaterThanOrEqual(1);
        expect(lengthBytes).toBeLessThanOrEqual(0xffff);
      }
    }),
  );
});

test('any bytes, also behind the first words of pcapng: packets or a CaptureError', () => {
  const section = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, isSection) => {
      try {
        readAll(isSection ? behind(section, bytes) : bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CaptureError);
      }
    }),
  );
});
