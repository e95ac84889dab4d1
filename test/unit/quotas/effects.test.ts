import { describe, expect, test } from 'vitest';
import { QuotaBook } from '../../../src/quotas/book.ts';
import type { QuotaSpec } from '../../../src/spec/hosts.ts';
import { HOUR_NS, NO_RATES, quotaSpec, windowSpec } from '../../oracle/quota-spec.ts';

const NONE = Number.POSITIVE_INFINITY;
const THROTTLE = { upBytesPerSec: 100, downBytesPerSec: 200 };
const MINUTE_NS = 60e9;

function bookOf(
  quotas: readonly QuotaSpec[],
  rates = NO_RATES as { upBytesPerSec: number; downBytesPerSec: number },
): QuotaBook {
  const book = new QuotaBook({ quotas, rates, holdsFor: () => true }, 0);
  book.rowOf('host');
  book.advance(0);
  return book;
}

function use(book: QuotaBook, upBytes: number, downBytes: number, atNs: number): void {
  book.count(0, upBytes, downBytes, atNs);
  book.advance(atNs);
}

describe('slope', () => {
  const sloping = quotaSpec(
    'q',
    [windowSpec(4 * HOUR_NS, { upBytes: 1000 }), windowSpec(8 * HOUR_NS, { totalBytes: 10_000 })],
    { slopeShare: 0.75, throttle: THROTTLE },
  );

  test('the rate falls from the direction’s own to that of the throttle', () => {
    const book = bookOf([sloping], { upBytesPerSec: 1100, downBytesPerSec: 2000 });
    const found: [number, string, number, number][] = [];
    for (const used of [750, 800, 875, 1000, 1001]) {
      const before = book.standingsOf(0)[0].usedBytes;
      use(book, used - before, 0, MINUTE_NS);
      const { kind, upBytesPerSec, downBytesPerSec } = book.limitOf(0);
      found.push([used, kind, Math.round(upBytesPerSec), downBytesPerSec]);
    }
    expect(found).toEqual([
      [750, 'none', NONE, NONE],
      [800, 'throttle', 900, NONE],
      [875, 'throttle', 600, NONE],
      [1000, 'throttle', 100, NONE],
      [1001, 'throttle', 100, 200],
    ]);
  });

  test('a direction that nothing shapes has the rate of the throttle', () => {
    const book = bookOf([sloping]);
    use(book, 875, 0, MINUTE_NS);
    expect(book.limitOf(0).upBytesPerSec).toBe(100);
  });

  test('a limit of both directions slows both, and the steeper window counts', () => {
    const book = bookOf([sloping], { upBytesPerSec: 1100, downBytesPerSec: 2200 });
    use(book, 875, 7875, MINUTE_NS);
    // 8750 of 10,000: half way, as is 875 of 1000.
    expect(book.limitOf(0)).toMatchObject({ upBytesPerSec: 600, downBytesPerSec: 1200 });
    use(book, 0, 625, MINUTE_NS);
    expect(book.limitOf(0)).toMatchObject({ upBytesPerSec: 350, downBytesPerSec: 700 });
  });

  test('other rates of the directions hold from the next tick on', () => {
    const book = bookOf([sloping], { upBytesPerSec: 1100, downBytesPerSec: 2200 });
    use(book, 875, 0, MINUTE_NS);
    book.rates = { upBytesPerSec: 500, downBytesPerSec: 500 };
    book.advance(MINUTE_NS);
    expect(book.limitOf(0).upBytesPerSec).toBe(300);
  });

  test('a throttle that is no slower than the direction is what it says', () => {
    const book = bookOf([sloping], { upBytesPerSec: 50, downBytesPerSec: 50 });
    use(book, 800, 0, MINUTE_NS);
    expect(book.limitOf(0).upBytesPerSec).toBe(100);
  });
});

describe('what is left until the next limit', () => {
  const throttling = quotaSpec(
    'throttling',
    [windowSpec(HOUR_NS, { upBytes: 1000, downBytes: 2000, totalBytes: 2500 })],
    { throttle: THROTTLE },
  );
  const blocking = quotaSpec('blocking', [windowSpec(HOUR_NS, { downBytes: 2200 })], { isBlocking: true });

  test('is told by direction, with what then holds', () => {
    const book = bookOf([throttling]);
    use(book, 300, 700, MINUTE_NS);
    expect(book.limitOf(0)).toEqual({
      kind: 'none',
      upBytesPerSec: NONE,
      downBytesPerSec: NONE,
      pageOf: null,
      upBytesLeft: 700,
      downBytesLeft: 1300,
      totalBytesLeft: 1500,
      next: { kind: 'throttle', ...THROTTLE, pageOf: null },
    });
  });

  test('a milder limit has no part while a stricter one is nearer', () => {
    const tight = quotaSpec('tight', [windowSpec(HOUR_NS, { downBytes: 500 })], { isBlocking: true });
    const book = bookOf([throttling, tight]);
    expect(book.limitOf(0)).toMatchObject({
      upBytesLeft: NONE,
      downBytesLeft: 500,
      totalBytesLeft: NONE,
      next: { kind: 'block' },
    });
  });

  test('a stricter limit further away holds as the nearer one does, until it is the nearest', () => {
    const book = bookOf([throttling, blocking]);
    expect(book.limitOf(0)).toMatchObject({ downBytesLeft: 2000, next: { kind: 'throttle' } });
    use(book, 0, 2001, MINUTE_NS);
    expect(book.limitOf(0)).toMatchObject({
      kind: 'throttle',
      upBytesLeft: NONE,
      downBytesLeft: 199,
      totalBytesLeft: NONE,
      next: { kind: 'block', ...THROTTLE },
    });
    use(book, 0, 200, MINUTE_NS);
    expect(book.limitOf(0)).toMatchObject({ kind: 'block', downBytesLeft: NONE, totalBytesLeft: NONE });
  });

  test('a quota that does nothing to packets leaves no trace in limits', () => {
    const telling = quotaSpec('telling', [windowSpec(HOUR_NS, { upBytes: 10 })], { warnShare: 0.5 });
    const book = bookOf([telling]);
    use(book, 11, 0, 0);
    expect(book.takeNews().violations).toHaveLength(1);
    expect(book.limitOf(0)).toMatchObject({ kind: 'none', upBytesLeft: NONE });
  });
});

describe('changed limits', () => {
  const quota = quotaSpec('q', [windowSpec(HOUR_NS, { upBytes: 1000 })], { throttle: THROTTLE });

  test('traffic alone changes none: what is left goes with it', () => {
    const book = bookOf([quota]);
    expect(book.takeChangedLimits()).toEqual([0]);
    use(book, 400, 0, 0);
    expect(book.takeChangedLimits()).toEqual([]);
    use(book, 601, 0, MINUTE_NS);
    expect(book.takeChangedLimits()).toEqual([0]);
    expect(book.takeChangedLimits()).toEqual([]);
  });

  test('a window that slides does', () => {
    const book = bookOf([quota]);
    use(book, 400, 0, 0);
    book.takeChangedLimits();
    book.advance(HOUR_NS - 1);
    expect(book.takeChangedLimits()).toEqual([]);
    book.advance(HOUR_NS);
    expect(book.takeChangedLimits()).toEqual([0]);
    expect(book.limitOf(0).upBytesLeft).toBe(1000);
  });
});
