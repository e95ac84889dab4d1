/** The parts that read and write packets: cut, mss, probe. */
import { expect, test } from 'vitest';
import { cut } from '../../../../src/built-in/itm-route/cut.ts';
import { lowerMss } from '../../../../src/built-in/itm-route/mss.ts';
import {
  PROBE_ANSWER,
  PROBE_BYTES,
  type Probe,
  readProbe,
  writeProbe,
} from '../../../../src/built-in/itm-route/probe.ts';
import { ipPacket, isHeaderSound, isTcpSound, syn } from './packets.ts';

const ENDS = { src: '10.0.0.1', dst: '10.9.0.1' };

/** The load of the pieces, each at its offset. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const out: number[] = [];
  for (const piece of pieces) {
    const at = (((piece[6]! & 0x1f) << 8) | piece[7]!) * 8;
    piece.subarray((piece[0]! & 15) * 4).forEach((byte, n) => {
      out[at + n] = byte;
    });
  }
  return Uint8Array.from(out);
}

test('pieces of a packet have its bytes, fit, and all but the last say that more follow', () => {
  for (const [length, mtu] of [
    [1500, 1480],
    [1481, 1480],
    [4000, 576],
    [100, 68],
  ] as const) {
    const packet = ipPacket({ ...ENDS, length, df: false });
    const pieces = cut(packet, mtu);
    expect(joined(pieces)).toEqual(packet.subarray(20));
    expect(pieces.every((piece) => piece.length <= mtu && isHeaderSound(piece))).toBe(true);
    expect(pieces.map((piece) => (piece[6]! & 0x20) !== 0)).toEqual(
      pieces.map((_, n) => n < pieces.length - 1),
    );
  }
});

test('a fragment is cut further: offsets go on, and its last piece is not the last of all', () => {
  const packet = ipPacket({ ...ENDS, length: 1500, df: false });
  packet[6] = 0x20;
  packet[7] = 10;
  const pieces = cut(packet, 1000);
  expect(pieces.map((piece) => [piece[6]! & 0x20, piece[7]! | ((piece[6]! & 0x1f) << 8)])).toEqual([
    [0x20, 10],
    [0x20, 10 + 976 / 8],
  ]);
});

test('options that ask for it stand in every piece, others in the first', () => {
  const packet = new Uint8Array(28 + 200);
  packet.set(ipPacket({ ...ENDS, length: 228, df: false }));
  packet.set([0x07, 3, 4, 0x01, 0x94, 4, 0, 0], 20);
  packet[0] = 0x47;
  const [first, second] = cut(packet, 128);
  expect([...first!.subarray(20, 28)]).toEqual([0x07, 3, 4, 0x01, 0x94, 4, 0, 0]);
  expect([second![0], ...second!.subarray(20, 24)]).toEqual([0x46, 0x94, 4, 0, 0]);
});

test('the segment size is lowered where the option stands, at even and odd places', () => {
  for (const [options, at] of [
    [[2, 4, 5, 180], 42],
    [[1, 2, 4, 5, 180, 0, 0, 0], 43],
    [[3, 3, 7, 2, 4, 5, 180, 0], 45],
  ] as const) {
    const bytes = syn(ENDS.src, ENDS.dst, options);
    expect(lowerMss(bytes, 20)).toBe(true);
    expect([(bytes[at]! << 8) | bytes[at + 1]!, isTcpSound(bytes)]).toEqual([1440, true]);
  }
});

test('a SYN without the option, a signed one, a small size, and what is no SYN stay as they are', () => {
  const data = syn(ENDS.src, ENDS.dst, [2, 4, 5, 180]);
  data[33] = 0x10;
  const signed = [2, 4, 5, 180, 19, 18, ...new Array(18).fill(0)];
  const others = [[], [2, 4, 0, 88], signed, [1, 1, 0, 0], [2, 0, 5, 180]].map((o) =>
    syn(ENDS.src, ENDS.dst, o),
  );
  for (const bytes of [data, ...others]) {
    const before = bytes.slice();
    expect(lowerMss(bytes, 20)).toBe(false);
    expect(bytes).toEqual(before);
  }
});

test('a probe is read as it was written; its checksums are right', () => {
  const probe: Probe = {
    ...{ src: 0x0a000001, dst: 0x0a000009, kind: PROBE_ANSWER, path: 3 },
    ...{ sequence: 0xfffffffe, nonceHigh: 0xdeadbeef, nonceLow: 1, via: 0x0a00000b },
  };
  const bytes = new Uint8Array(PROBE_BYTES);
  writeProbe(probe, bytes);
  const found = {
    ...probe,
    kind: 0,
    path: 0,
    sequence: 0,
    nonceHigh: 0,
    nonceLow: 0,
    via: 0,
    src: 0,
    dst: 0,
  };
  expect(readProbe(bytes, found)).toBe(true);
  expect(found).toEqual(probe);
  expect(isHeaderSound(bytes)).toBe(true);
  let sum = 17 + bytes.length - 20;
  for (let n = 12; n < bytes.length; n += 2) sum += (bytes[n]! << 8) | bytes[n + 1]!;
  expect(sum % 0xffff).toBe(0);
});

test('what is no probe is none', () => {
  const probe = { src: 1, dst: 2, kind: 1, path: 0, sequence: 1, nonceHigh: 0, nonceLow: 0, via: 0 };
  const good = new Uint8Array(PROBE_BYTES);
  writeProbe(probe, good);
  for (const [at, value] of [
    [9, 6],
    [6, 0x20],
    [23, 9],
    [28, 0],
    [32, 3],
    [0, 0x65],
    [3, 51],
  ] as const) {
    const bad = good.slice();
    bad[at] = value;
    expect([at, readProbe(bad, { ...probe })]).toEqual([at, false]);
  }
});
