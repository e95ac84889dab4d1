/** The parts of the book that stories do not tell: rows, what is stored, pasts of new windows. */
import { describe, expect, test } from 'vitest';
import { QuotaBook } from '../../../src/quotas/book.ts';
import type { StoredQuotas } from '../../../src/quotas/stored.ts';
import { DAY_NS, HOUR_NS, NO_RATES, quotaSpec, windowSpec } from '../../oracle/quota-spec.ts';

const CLOCK = { quotaMs: 1, wallMs: 2, bootMs: 3, bootId: 'boot' };
const MINUTE_NS = 60e9;
const QUOTA = quotaSpec('q', [windowSpec(4 * HOUR_NS, { upBytes: 1000, downBytes: 1000 })], {
  warnShare: 0.5,
  isBlocking: true,
});

function bookAt(nowNs: number): QuotaBook {
  return new QuotaBook({ quotas: [QUOTA], rates: NO_RATES, holdsFor: () => true }, nowNs);
}

const usedOf = (book: QuotaBook, host: string): number[] =>
  book.standingsOf(book.rowOf(host)).map(({ usedBytes }) => usedBytes);

describe('what the store is told', () => {
  test('buckets that have changed, whole and by host, and standings that are not ok', () => {
    const book = bookAt(0);
    const [a, b] = [book.rowOf('a'), book.rowOf('b')];
    book.count(a, 400, 5, 0);
    book.count(a, 101, 5, MINUTE_NS);
    book.count(b, 1, 2, MINUTE_NS);
    book.advance(MINUTE_NS);
    const changes = book.takeChanges(CLOCK);
    expect(changes).toMatchObject({
      clock: CLOCK,
      cleared: [],
      hosts: ['a', 'b'],
      standings: [{ host: 'a', quota: 'q', overMs: 14_400_000, direction: 'up', state: 'warned' }],
      violations: [],
      endedViolations: [],
    });
    expect(changes.windows).toEqual([
      {
        overMs: 14_400_000,
        widthMs: 60_000,
        goneBucket: -239,
        host: Int32Array.of(0, 0, 1),
        bucket: Float64Array.of(0, 1, 1),
        upBytes: Float64Array.of(400, 101, 1),
        downBytes: Float64Array.of(5, 5, 2),
      },
    ]);
    book.count(a, 1, 0, MINUTE_NS);
    const [window] = book.takeChanges(CLOCK).windows;
    expect([...window.bucket, ...window.upBytes]).toEqual([1, 102]);
    expect(book.takeChanges(CLOCK).windows[0].bucket).toHaveLength(0);
  });

  test('a violation that begins and ends, and a grant', () => {
    const book = bookAt(0);
    book.count(book.rowOf('a'), 1001, 0, 0);
    book.advance(2e6);
    const { id } = book.grant('a', 5, 'q', 7e6);
    const first = book.takeChanges(CLOCK);
    expect(first.violations).toEqual([{ host: 'a', quota: 'q', beganQuotaMs: 2 }]);
    expect(first.grants).toEqual([{ id, host: 'a', quota: 'q', bytes: 5, fromQuotaMs: 2, untilQuotaMs: 7 }]);
    book.advance(4 * HOUR_NS);
    const second = book.takeChanges(CLOCK);
    expect(second.endedViolations).toEqual([{ host: 'a', quota: 'q' }]);
    expect(second.standings).toMatchObject([{ host: 'a', direction: 'up', state: 'ok' }]);
    expect(second.endedGrants).toEqual([id]);
  });

  test('nothing that was before a reset', () => {
    const book = bookAt(0);
    book.count(book.rowOf('a'), 1001, 7, 0);
    book.advance(0);
    book.reset('a');
    book.count(book.rowOf('a'), 3, 0, 0);
    const changes = book.takeChanges(CLOCK);
    expect(changes).toMatchObject({ cleared: ['a'], standings: [], violations: [] });
    expect([...changes.windows[0].upBytes, ...changes.windows[0].downBytes]).toEqual([3, 0]);
  });
});

describe('what the store gives back', () => {
  const stored = (rest: Partial<StoredQuotas>): StoredQuotas => ({
    clock: null,
    hosts: [],
    windows: [],
    standings: [],
    violations: [],
    grants: [],
    ...rest,
  });

  test('buckets of another width are spread, and no byte is lost', () => {
    const book = bookAt(2 * HOUR_NS);
    const window = {
      overMs: 14_400_000,
      widthMs: 300_000,
      goneBucket: -50,
      host: Int32Array.of(0),
      bucket: Float64Array.of(2),
      upBytes: Float64Array.of(103),
      downBytes: Float64Array.of(7),
    };
    book.load(stored({ hosts: ['a'], windows: [window] }));
    expect(usedOf(book, 'a')).toEqual([103, 7]);
    const ends: number[] = [];
    for (let minute = 9; minute <= 15; minute++) {
      book.advance(4 * HOUR_NS + minute * MINUTE_NS);
      ends.push(usedOf(book, 'a')[0]);
    }
    // Minutes 10 to 14, 21 or 20 bytes each.
    expect(ends).toEqual([103, 82, 62, 41, 21, 0, 0]);
    expect(book.takeUnseeded()).toEqual([]);
  });

  test('what belongs to other quotas is left out', () => {
    const book = bookAt(0);
    const old = { host: 'a', quota: 'gone' };
    book.load(
      stored({
        standings: [
          { ...old, overMs: 14_400_000, direction: 'up', state: 'exceeded' },
          { host: 'a', quota: 'q', overMs: 1000, direction: 'up', state: 'exceeded' },
        ],
        violations: [{ ...old, beganQuotaMs: 1 }],
      }),
    );
    book.advance(1);
    expect(book.takeNews()).toEqual({ standings: [], violations: [] });
    expect(book.takeUnseeded()).toEqual([4 * HOUR_NS]);
  });
});

describe('rows', () => {
  test('a forgotten host leaves its row to another, and nothing else', () => {
    const book = bookAt(0);
    const row = book.rowOf('a');
    book.count(row, 1001, 0, 0);
    book.advance(0);
    expect(book.forgetIdle()).toEqual([]);
    book.advance(DAY_NS);
    expect(book.forgetIdle()).toEqual(['a']);
    expect(book.rowOf('b')).toBe(row);
    book.advance(DAY_NS);
    expect([...book.hosts()]).toEqual([['b', row]]);
    expect(usedOf(book, 'b')).toEqual([0, 0]);
    expect(book.limitOf(row)).toMatchObject({ kind: 'none', upBytesLeft: 1000 });
  });

  test('many hosts', () => {
    const book = bookAt(0);
    for (let n = 0; n < 1000; n++) book.count(book.rowOf(`h${n}`), n, 2 * n, 0);
    book.advance(0);
    expect(usedOf(book, 'h999')).toEqual([999, 1998]);
    expect(usedOf(book, 'h1')).toEqual([1, 2]);
    expect(book.violationsOf(book.rowOf('h999')).map(({ quota }) => quota)).toEqual(['q']);
    expect(book.violationsOf(book.rowOf('h500'))).toEqual([]);
  });

  test('a host with a grant is not forgotten', () => {
    const book = bookAt(0);
    book.grant('a', 5, null, DAY_NS);
    book.advance(1);
    expect(book.forgetIdle()).toEqual([]);
    book.advance(DAY_NS);
    expect(book.forgetIdle()).toEqual(['a']);
  });
});

test('a past reaches no further than now, and only as far back as the window', () => {
  const book = bookAt(DAY_NS);
  const row = book.rowOf('a');
  // A byte a minute: a third is older than four hours, and the minute that begins now has none yet.
  book.seed(row, 4 * HOUR_NS, DAY_NS - 6 * HOUR_NS, DAY_NS, 360, 720);
  expect(usedOf(book, 'a')).toEqual([239, 478]);
  book.seed(row, 7 * DAY_NS, 0, DAY_NS, 1, 1);
  expect(usedOf(book, 'a')).toEqual([239, 478]);
});
