import { describe, expect, test } from 'vitest';
import {
  newlyAcked,
  nextField,
  openWindow,
  passedWhole,
  promisedEdge,
  WINDOW_WORDS,
} from '../../../../src/algo/pacing/window.ts';

const AT = 1;
const MSS = 1460;

function fresh(scale: number, edge: number, mss = MSS): Int32Array {
  const words = new Int32Array(AT + WINDOW_WORDS);
  openWindow(words, AT, scale, mss, edge);
  return words;
}

/** The field that goes out, and the edge that is promised then. */
function answer(words: Int32Array, ack: number, field: number, target: number, isPlain = true) {
  return [nextField(words, AT, ack | 0, field, target, isPlain), promisedEdge(words, AT)];
}

describe('the window of an acknowledgement', () => {
  test('the worked example of the header', () => {
    const words = fresh(7, 30_200);
    expect(answer(words, 1000, 229, 20_000)).toEqual([229, 30_312]);
    expect(answer(words, 6840, 501, 20_000)).toEqual([184, 30_392]);
    expect(answer(words, 12_680, 501, 20_000)).toEqual([156, 32_648]);
  });

  test('two segments fit whole, though units are coarse', () => {
    const words = fresh(7, 1000, 1448);
    expect(answer(words, 1000, 500, 0)).toEqual([23, 1000 + 23 * 128]);
    expect(23 * 128).toBeGreaterThanOrEqual(2 * 1448);
  });

  test('a window update that would have the field of before has one unit more', () => {
    const words = fresh(7, 1000);
    const [first] = answer(words, 1000, 400, 20_000);
    expect(answer(words, 1000, 400, 20_000)[0]).toBe(first);
    expect(answer(words, 1000, 450, 20_000)[0]).toBe((first as number) + 1);
    // A smaller one is none, and neither is one with data.
    expect(answer(words, 1000, 440, 20_000)[0]).toBe((first as number) + 1);
    expect(answer(words, 1000, 460, 20_000, false)[0]).toBe((first as number) + 1);
  });

  test('an update gets no unit that is longer than a segment', () => {
    const words = fresh(14, 0);
    expect(answer(words, 0, 20, 100_000)[0]).toBe(6);
    expect(answer(words, 0, 30, 100_000)[0]).toBe(6);
  });

  test('one that was overtaken promises no more, or one unit that counts from then on', () => {
    const words = fresh(14, 0);
    answer(words, 0, 4, 0);
    expect(answer(words, 16_000, 4, 0)).toEqual([1, 32_384]);
    // 32384 lies within the second unit behind 4000.
    expect(answer(words, 4000, 4, 0)).toEqual([1, 32_384]);
    expect(answer(words, 15_999, 0, 0)).toEqual([0, 32_384]);
    const narrow = fresh(14, 5000);
    passedWhole(narrow, AT, 5000, 0);
    expect(answer(narrow, 3000, 4, 0)).toEqual([1, 19_384]);
  });

  test('one that went on as it came is promised', () => {
    const words = fresh(7, 1000);
    passedWhole(words, AT, 2000, 500);
    expect(promisedEdge(words, AT)).toBe(66_000);
    expect(newlyAcked(words, AT, 3460)).toBe(1460);
    expect(answer(words, 3460, 500, 2920)).toEqual([489, 3460 + 489 * 128]);
  });

  test('numbers wrap, and more than 14 bits of scale count as 14', () => {
    const words = fresh(20, 0xffff_f000 | 0);
    expect(answer(words, 0xffff_f000, 3, 40_000)).toEqual([2, 32_768 - 4096]);
  });
});
