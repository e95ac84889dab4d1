import { expect, test } from 'vitest';
import { NFQUEUES_MAX } from '../../../src/limits.ts';
import {
  CONNECTION_FAST_ORIGINAL,
  CONNECTION_FAST_REPLY,
  CONNECTION_PACED,
  MARK_ASKS,
  MARK_CE,
  MARK_DSCPS_MAX,
  MARK_FAST,
  MARK_PACED,
  MARK_SLOW,
  markAsks,
  markBits,
  markDscp,
} from '../../../src/spec/mark-codes.ts';

const MASKS = [0xff000000, 0x00ff0000, 0x00000ff0, 0xff];
const REMEMBERED = [MARK_FAST, MARK_SLOW, MARK_PACED];
const CODES = [MARK_CE, ...REMEMBERED];

test.each(MASKS)('codes stay inside mask %i, wherever it is, and are read back one by one', (mask) => {
  const wishes = [[MARK_CE], ...REMEMBERED.flatMap((code) => [[code], [MARK_CE, code]])];
  for (const wanted of wishes) {
    const mark = wanted.reduce((all, code) => (all | markBits(mask, code)) >>> 0, ~mask >>> 0);
    expect((mark & ~mask) >>> 0).toBe(~mask >>> 0);
    expect(CODES.filter((code) => markAsks(mask, mark, code))).toEqual(wanted);
  }
});

test.each(MASKS)('no NFQUEUE’s mark inside mask %i asks for anything, nor does a mark of others', (mask) => {
  for (const foreign of [0, ~mask]) {
    for (let nfqueue = 0; nfqueue < NFQUEUES_MAX; nfqueue++) {
      const mark = (foreign | markBits(mask, nfqueue + 1)) >>> 0;
      expect(CODES.filter((code) => markAsks(mask, mark, code))).toEqual([]);
    }
    expect(CODES.filter((code) => markAsks(mask, foreign >>> 0, code))).toEqual([]);
  }
});

test.each(MASKS)('a code point is asked for beside all the rest inside mask %i', (mask) => {
  for (let number = 0; number <= MARK_DSCPS_MAX; number++) {
    for (const wanted of [[], ...CODES.map((code) => [code]), [MARK_CE, MARK_SLOW], [MARK_CE, MARK_PACED]]) {
      const code = wanted.reduce((all, one) => all | one, MARK_ASKS);
      const mark = (~mask | markBits(mask, code | number)) >>> 0;
      expect(markDscp(mask, mark)).toBe(number);
      expect(CODES.filter((one) => markAsks(mask, mark, one))).toEqual(wanted);
    }
  }
  for (let nfqueue = 0; nfqueue < NFQUEUES_MAX; nfqueue++)
    expect(markDscp(mask, markBits(mask, nfqueue + 1))).toBe(0);
});

test('codes fit eight bits', () => {
  expect(MARK_CE | MARK_FAST | MARK_SLOW | MARK_DSCPS_MAX).toBe(0xff);
  const connection = [CONNECTION_FAST_ORIGINAL, CONNECTION_FAST_REPLY, CONNECTION_PACED];
  expect(connection.reduce((sum, bit) => sum + bit)).toBe(connection.reduce((all, bit) => all | bit));
});
