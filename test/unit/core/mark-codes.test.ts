import { expect, test } from 'vitest';
import {
  CONNECTION_FAST_ORIGINAL,
  CONNECTION_FAST_REPLY,
  MARK_CE,
  MARK_FAST,
  MARK_SLOW,
  markAsks,
  markBits,
} from '../../../src/core/mark-codes.ts';
import { QUEUES_MAX } from '../../../src/limits.ts';

const MASKS = [0xff000000, 0x00ff0000, 0x00000ff0, 0xff];
const CODES = [MARK_CE, MARK_FAST, MARK_SLOW];

test.each(MASKS)('codes stay inside mask %i, wherever it is, and are read back one by one', (mask) => {
  for (let asked = 1; asked < 8; asked++) {
    const wanted = CODES.filter((_, i) => (asked & (1 << i)) !== 0);
    const mark = wanted.reduce((all, code) => (all | markBits(mask, code)) >>> 0, ~mask >>> 0);
    expect((mark & ~mask) >>> 0).toBe(~mask >>> 0);
    expect(CODES.filter((code) => markAsks(mask, mark, code))).toEqual(wanted);
  }
});

test.each(MASKS)('no queue’s mark inside mask %i asks for anything, nor does a mark of others', (mask) => {
  for (const foreign of [0, ~mask]) {
    for (let queue = 0; queue < QUEUES_MAX; queue++) {
      const mark = (foreign | markBits(mask, queue + 1)) >>> 0;
      expect(CODES.filter((code) => markAsks(mask, mark, code))).toEqual([]);
    }
    expect(CODES.filter((code) => markAsks(mask, foreign >>> 0, code))).toEqual([]);
  }
});

test('room for a DSCP beside CE is left above the requests', () => {
  expect(MARK_CE | MARK_FAST | MARK_SLOW).toBeLessThan(0x80);
  expect(CONNECTION_FAST_ORIGINAL & CONNECTION_FAST_REPLY).toBe(0);
});
