import { describe, expect, test } from 'vitest';
import { DIRECTION_OUT } from '../../../../src/sim/capture/records.ts';
import { IPPROTO_UDP, ipv4 } from '../../../../src/sim/packets/packets.ts';
import { behind, ethernet, packetBytes } from './capture-file.ts';
import { readAll } from './read-all.ts';

const UDP = packetBytes({ src: ipv4(10, 0, 0, 1), dst: ipv4(8, 8, 8, 8), protocol: IPPROTO_UDP }, 100);

type Word = readonly [value: number, bytes: 1 | 2 | 4];

/** Blocks of one byte order. */
function blocks(isLittle: boolean) {
  const pack = (words: readonly Word[]): number[] =>
    words.flatMap(([value, bytes]) => {
      const view = new DataView(new ArrayBuffer(bytes));
      if (bytes === 4) view.setUint32(0, value, isLittle);
      else if (bytes === 2) view.setUint16(0, value, isLittle);
      else view.setUint8(0, value);
      return [...new Uint8Array(view.buffer)];
    });
  const padded = (bytes: ArrayLike<number>): number[] => {
    const all = Array.from(bytes);
    return [...all, ...Array<number>((4 - (all.length % 4)) % 4).fill(0)];
  };
  const block = (type: number, body: readonly number[]): number[] => {
    const total = body.length + 12;
    return [
      ...pack([
        [type, 4],
        [total, 4],
      ]),
      ...body,
      ...pack([[total, 4]]),
    ];
  };
  const option = (code: number, value: readonly number[]): number[] => [
    ...pack([
      [code, 2],
      [value.length, 2],
    ]),
    ...padded(value),
  ];
  return {
    section: () =>
      block(
        0x0a0d0d0a,
        pack([
          [0x1a2b3c4d, 4],
          [1, 2],
          [0, 2],
          [0xffffffff, 4],
          [0xffffffff, 4],
        ]),
      ),
    device: (linkType: number, options: readonly number[] = [], snapBytes = 0) =>
      block(1, [
        ...pack([
          [linkType, 2],
          [0, 2],
          [snapBytes, 4],
        ]),
        ...options,
      ]),
    enhanced: (id: number, high: number, low: number, data: Uint8Array, options: readonly number[] = []) =>
      block(6, [
        ...pack([
          [id, 4],
          [high, 4],
          [low, 4],
          [data.length, 4],
          [data.length, 4],
        ]),
        ...padded(data),
        ...options,
      ]),
    simple: (data: Uint8Array, wireBytes: number) => block(3, [...pack([[wireBytes, 4]]), ...padded(data)]),
    other: () => block(0x0bad, [1, 2, 3, 4]),
    option,
    pack,
  };
}

/** Upper and lower word of a count of units since 1970. */
const halves = (units: bigint): [number, number] => [Number(units >> 32n), Number(units & 0xffffffffn)];
const START = 1_700_000_000n;

describe.each([true, false])('little endian: %s', (isLittle) => {
  const b = blocks(isLittle);

  test('interfaces of their own link layer and clock, and blocks of no interest', () => {
    const nano = b.option(9, [9]);
    const file = [
      ...b.section(),
      ...b.device(1),
      ...b.device(101, nano),
      ...b.enhanced(0, ...halves(START * 1_000_000n), behind(ethernet(0x0800), UDP)),
      ...b.other(),
      ...b.enhanced(1, ...halves(START * 1_000_000_000n + 123_456_789n), UDP),
    ];
    const { packets, trouble } = readAll(Uint8Array.from(file));
    expect(trouble).toBe(null);
    expect(packets.map(({ atNs, lengthBytes }) => [atNs, lengthBytes])).toEqual([
      [0, 100],
      [123_456_789, 100],
    ]);
    expect(packets[0]!.bytes).toEqual([...UDP]);
  });

  test('units of powers of two, an offset, a direction', () => {
    const options = [
      ...b.option(9, [0x80 | 10]),
      ...b.option(14, isLittle ? [5, 0, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 5]),
    ];
    const flags = [...b.option(2, b.pack([[2, 4]])), ...b.option(0, [])];
    const file = [
      ...b.section(),
      ...b.device(101, options),
      ...b.enhanced(0, ...halves(START * 1024n), UDP, flags),
      ...b.enhanced(0, ...halves(START * 1024n + 512n), UDP),
    ];
    const { packets } = readAll(Uint8Array.from(file));
    expect(packets.map(({ atNs }) => atNs)).toEqual([0, 0.5e9]);
    expect(packets.map(({ direction }) => direction)).toEqual([DIRECTION_OUT, 0]);
  });

  test('simple packets have no stamp and are cut at the snap length', () => {
    const file = [...b.section(), ...b.device(101, [], 60), ...b.simple(UDP.slice(0, 60), 100)];
    const { packets } = readAll(Uint8Array.from(file));
    expect(packets.map(({ bytes, lengthBytes }) => [bytes.length, lengthBytes])).toEqual([[60, 100]]);
  });

  test('a new section has interfaces of its own', () => {
    const file = [
      ...b.section(),
      ...b.device(1),
      ...b.section(),
      ...b.device(101),
      ...b.enhanced(0, 0, 0, UDP),
    ];
    expect(readAll(Uint8Array.from(file)).packets[0]!.lengthBytes).toBe(100);
  });

  test('an unfinished block is cut, a packet of no interface is damage', () => {
    const good = [...b.section(), ...b.device(101), ...b.enhanced(0, 0, 0, UDP)];
    expect(readAll(Uint8Array.from(good.slice(0, -5))).trouble).toEqual({ kind: 'cut', atByte: 28 + 20 });
    const wrong = [...b.section(), ...b.enhanced(3, 0, 0, UDP)];
    expect(readAll(Uint8Array.from(wrong)).trouble).toEqual({ kind: 'damaged', atByte: 28 });
  });
});
