import { expect, test } from 'vitest';
import { Prng } from '../../../../src/base/prng.ts';
import {
  FrameReader,
  HELLO,
  ReceiptReader,
  SESSION_BYTES,
} from '../../../../src/built-in/elastic-tunnel/frames.ts';

function packet(length: number, version = 4): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === 0 ? version << 4 : i & 255));
}

function stream(packets: readonly Uint8Array[]): Buffer {
  const frames = packets.map((one, n) => {
    const header = Buffer.alloc(6);
    header.writeUInt16BE(one.length, 0);
    header.writeUInt16BE(1000 + n, 2);
    header.writeUInt16BE(60_000 + n, 4);
    return Buffer.concat([header, one]);
  });
  return Buffer.concat([HELLO, Buffer.from([0xf0, 1, 2, 3]), ...frames]);
}

const PACKETS = [20, 1500, 40, 65_535, 21, 576].map((length) => packet(length));

function read(bytes: Buffer, cuts: readonly number[]): Uint8Array[] {
  const reader = new FrameReader();
  const found: Uint8Array[] = [];
  const ends = [...cuts, bytes.length];
  let at = 0;
  for (const end of ends) {
    reader.read(bytes.subarray(at, end), (one, flow, number) => {
      expect([flow, number]).toEqual([1000 + found.length, 60_000 + found.length]);
      found.push(new Uint8Array(one));
    });
    at = end;
  }
  expect(reader.frameBytes).toBe(bytes.length - HELLO.length - SESSION_BYTES);
  expect(reader.session).toBe(0xf0010203);
  return found;
}

test('packets come out as they were, wherever the stream is cut', () => {
  const bytes = stream(PACKETS);
  expect(read(bytes, [])).toEqual(PACKETS);
  const prng = new Prng(1);
  for (let run = 0; run < 50; run++) {
    const cuts = Array.from({ length: 30 }, () => Math.floor(prng.nextUnit() * bytes.length)).sort(
      (a, b) => a - b,
    );
    // Comparing a hundred thousand numbers fifty times would take long.
    const found = read(bytes, cuts);
    expect(found.map(({ length }) => length)).toEqual(PACKETS.map(({ length }) => length));
    expect(Buffer.concat(found).equals(Buffer.concat(PACKETS))).toBe(true);
  }
});

test('one byte at a time', () => {
  const few = PACKETS.filter(({ length }) => length < 100);
  const bytes = stream(few);
  expect(
    read(
      bytes,
      Array.from({ length: bytes.length }, (_, n) => n),
    ),
  ).toEqual(few);
});

test('what is no tunnel is told', () => {
  const nothing = (): void => undefined;
  expect(() => new FrameReader().read(Buffer.from('GET / HTTP/1.1\r\n'), nothing)).toThrow('does not begin');
  expect(() => new FrameReader().read(Buffer.from('G'), nothing)).toThrow('does not begin');
  expect(() => read(stream([packet(19)]), [])).toThrow('a frame has 19 bytes');
  expect(() => read(stream([packet(60, 5)]), [])).toThrow('a frame holds no IP packet');
  expect(() => read(stream([packet(39, 6)]), [])).toThrow('a frame holds no IP packet');
});

test('the last whole receipt counts', () => {
  const receipts = new ReceiptReader();
  expect(receipts.read(Buffer.from([0, 0, 1]))).toBe(-1);
  expect(receipts.read(Buffer.from([2, 0xff, 0xff, 0xff, 0xff, 7]))).toBe(0xffffffff);
  expect(receipts.read(Buffer.from([0, 0, 1]))).toBe(0x07000001);
});
