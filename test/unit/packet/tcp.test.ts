/** Segments read out of bytes; what the filter makes of them is in test/property/ack-leaf. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAckRows } from '../../../src/algo/queues/ack-filter.ts';
import { parseSegment } from '../../../src/packet/tcp.ts';

const ROW = 2;
const NOP = 1;
const STAMPS = [8, 10, 0x80, 0, 0, 1, 0, 0, 0xff, 0xff];
const MD5 = [19, 18, ...Array.from({ length: 16 }, () => 7)];
const sack = (...edges: number[]): number[] => [
  5,
  2 + 4 * edges.length,
  ...edges.flatMap((edge) => [edge >>> 24, (edge >> 16) & 255, (edge >> 8) & 255, edge & 255]),
];

interface Input {
  flags?: number;
  reserved?: number;
  options?: readonly number[];
  payloadBytes?: number;
  copiedBytes?: number;
  headerWords?: number;
}

/** The header stands among bytes of other packets. */
function read({ flags = 0x10, reserved = 0, options = [], payloadBytes = 0, ...more }: Input) {
  const headerBytes = 20 + 4 * Math.ceil(options.length / 4);
  const header = new Uint8Array(headerBytes);
  header.set([0x12, 0x34, 0, 80, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xf0]);
  header[12] = ((more.headerWords ?? headerBytes / 4) << 4) | reserved;
  header[13] = flags;
  header.set(options, 20);
  const at = 5;
  const slab = new Uint8Array(200).fill(0xa5);
  slab.set(header, at);
  const rows = createAckRows(4);
  rows.isPlain.fill(1);
  rows.flags.fill(0xff);
  parseSegment(slab, at, at + (more.copiedBytes ?? headerBytes), headerBytes + payloadBytes, rows, ROW);
  const blocks = Array.from({ length: rows.sackBlocks[ROW] as number }, (_, b) => [
    rows.sackLeft[ROW * 4 + b],
    rows.sackRight[ROW * 4 + b],
  ]);
  return {
    flags: rows.flags[ROW],
    plain: rows.isPlain[ROW] === 1,
    ack: rows.ack[ROW],
    stamps: [rows.stamp[ROW], rows.stampEcho[ROW]],
    blocks,
  };
}

describe('a plain ACK', () => {
  test('says its number and flags', () => {
    expect(read({ flags: 0x50 })).toEqual({
      ...{ flags: 0x50, plain: true, ack: 0xffff_fff0, stamps: [0, 0], blocks: [] },
    });
  });

  test('has time stamps, SACK blocks, padding and a signature', () => {
    expect(read({ options: [NOP, NOP, ...STAMPS, NOP, NOP, ...sack(10, 20, 0xffff_fff0, 5)] })).toMatchObject(
      {
        plain: true,
        stamps: [0x8000_0001, 0xffff],
        blocks: [
          [10, 20],
          [0xffff_fff0, 5],
        ],
      },
    );
    expect(read({ options: [...MD5, NOP, NOP, ...STAMPS] })).toMatchObject({
      plain: true,
      stamps: [0x8000_0001, 0xffff],
    });
    expect(read({ options: sack(1, 2, 3, 4, 5, 6, 7, 8) }).blocks).toHaveLength(4);
  });

  test('may have anything behind the end of its options', () => {
    expect(read({ options: [0, 2, 4, 5] })).toMatchObject({ plain: true });
  });
});

describe('is not plain', () => {
  test.each<[string, Input]>([
    ['with payload', { payloadBytes: 1 }],
    ['with a reserved flag', { reserved: 4 }],
    ['with the flag of accurate ECN', { reserved: 1 }],
    ['with an unknown option', { options: [NOP, NOP, 30, 4, 0, 0, 0, 0] }],
    ['with a maximum segment size', { options: [2, 4, 5, 0xb4] }],
    ['with a window scale', { options: [3, 3, 7, NOP] }],
    ['with an option of length 0', { options: [8, 0, 0, 0] }],
    ['with an option of length 1', { options: [8, 1, 0, 0] }],
    ['with an option that ends behind the header', { options: [NOP, NOP, 8, 10] }],
    ['with an option that begins in the last byte', { options: [NOP, NOP, NOP, 8] }],
    ['with time stamps of another length', { options: [8, 6, 0, 0, 0, 1, NOP, NOP] }],
    ['with half a SACK block', { options: [5, 6, 0, 0, 0, 1, NOP, NOP] }],
    ['with two lists of SACK blocks', { options: [...sack(1, 2), ...sack(3, 4)] }],
  ])('%s', (_, input) => {
    expect(read(input)).toMatchObject({ flags: 0x10, plain: false, ack: 0xffff_fff0 });
  });
});

describe('is no segment', () => {
  test.each<[string, Input]>([
    ['that was copied in part', { copiedBytes: 19 }],
    ['whose options were copied in part', { options: STAMPS, copiedBytes: 30 }],
    ['whose header is too short', { headerWords: 4 }],
  ])('%s', (_, input) => {
    expect(read(input)).toMatchObject({ flags: 0, plain: false });
  });
});

test('reads nothing behind the copy, whatever the bytes are', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 90 }), (copy, segmentBytes) => {
      const results = [0, 0xff].map((poison) => {
        const slab = new Uint8Array(200).fill(poison);
        slab.set(copy, 3);
        const rows = createAckRows(2);
        parseSegment(slab, 3, 3 + copy.length, segmentBytes, rows, 1);
        expect([rows.flags[0], rows.isPlain[0], rows.sackLeft[3]]).toEqual([0, 0, 0]);
        return JSON.stringify(rows);
      });
      expect(results[0]).toBe(results[1]);
    }),
    { seed: 83, numRuns: 2000 },
  );
});
