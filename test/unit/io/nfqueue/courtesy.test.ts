import { expect, test } from 'vitest';
import { Courtesy } from '../../../../src/io/nfqueue/courtesy.ts';

const SUPERPACKET = 48_000;

/**
 * Wakes every millisecond; `traffic` gives packets and bytes a
 * millisecond. Returns what was asked for, and when.
 */
function drive(stretches: readonly { ms: number; packets: number; bytes: number }[]): [number, boolean][] {
  const asked: [number, boolean][] = [];
  let ms = 0;
  const courtesy = new Courtesy((first) => asked.push([ms, first]));
  let packets = 0;
  let bytes = 0;
  for (const stretch of stretches) {
    for (let i = 0; i < stretch.ms; i++) {
      ms += 1;
      packets += stretch.packets;
      bytes += stretch.bytes;
      if (stretch.packets > 0) courtesy.look(ms * 1e6, packets, bytes);
    }
  }
  return asked;
}

test('gives the first place back while superpackets press, within a window', () => {
  const heavy = { ms: 1000, packets: 10, bytes: 10 * SUPERPACKET };
  const light = { ms: 1000, packets: 10, bytes: 10 * 1500 };
  expect(drive([heavy, light, heavy])).toEqual([
    [100, false],
    [1100, true],
    [2100, false],
  ]);
});

test('stays first for as many bytes in small packets, and for few superpackets', () => {
  expect(drive([{ ms: 1000, packets: 320, bytes: 320 * 1500 }])).toEqual([]);
  expect(drive([{ ms: 1000, packets: 2, bytes: 2 * SUPERPACKET }])).toEqual([]);
});

test('a burst before a silence does not count for the time of the silence', () => {
  const burst = { ms: 50, packets: 10, bytes: 10 * SUPERPACKET };
  const silence = { ms: 2000, packets: 0, bytes: 0 };
  expect(drive([burst, silence, { ms: 1, packets: 1, bytes: 1500 }])).toEqual([]);
});

test('the first packet after a silence takes the first place again', () => {
  const heavy = { ms: 500, packets: 10, bytes: 10 * SUPERPACKET };
  const silence = { ms: 2000, packets: 0, bytes: 0 };
  expect(drive([heavy, silence, { ms: 1, packets: 1, bytes: 1500 }])).toEqual([
    [100, false],
    [2501, true],
  ]);
});
