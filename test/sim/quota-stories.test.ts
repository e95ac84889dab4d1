/** Whole stories of hosts with quotas, in virtual time and to the byte. */
import { describe, expect, test } from 'vitest';
import { type BookOptions, QuotaBook } from '../../src/quotas/book.ts';
import type { QuotaNews } from '../../src/quotas/news.ts';
import type { QuotaSpec } from '../../src/spec/hosts.ts';
import { DAY_NS, FLATS, GB, HOUR_NS, NO_RATES, PAGE, quotaSpec, windowSpec } from '../oracle/quota-spec.ts';
import { FakeQuotaStore } from '../oracle/quota-store.ts';

const CLOCK = { quotaMs: 0, wallMs: 0, bootMs: 0, bootId: '' };
const FLAT = 'aa:00:00:00:00:01';
const NAS = 'aa:00:00:00:00:02';

const everybody: BookOptions['holdsFor'] = () => true;

function bookOf(quotas: readonly QuotaSpec[], holdsFor = everybody, nowNs = 0): QuotaBook {
  return new QuotaBook({ quotas, rates: NO_RATES, holdsFor }, nowNs);
}

/** Counts and judges at one instant. */
function use(book: QuotaBook, host: string, upBytes: number, downBytes: number, atNs: number): QuotaNews {
  book.count(book.rowOf(host), upBytes, downBytes, atNs);
  book.advance(atNs);
  return book.takeNews();
}

const wordsOf = (news: QuotaNews): string[] => [
  ...news.standings.map(
    ({ overNs, direction, from, to }) => `${overNs / HOUR_NS}h ${direction}: ${from} ${to}`,
  ),
  ...news.violations.map(({ quota, hasBegun }) => `${quota} ${hasBegun ? 'begins' : 'ends'}`),
];

const kindOf = (book: QuotaBook, host: string): string => book.limitOf(book.rowOf(host)).kind;

describe('the rules of the flats', () => {
  test('5 GB up in four hours: warned, exceeded by one byte, released when the window has slid', () => {
    const book = bookOf([FLATS]);
    expect(wordsOf(use(book, FLAT, 4 * GB - 1, 0, 10e9))).toEqual([]);
    expect(wordsOf(use(book, FLAT, 1, 0, 20e9))).toEqual(['4h up: ok warned']);
    expect(wordsOf(use(book, FLAT, GB, 0, 3600e9))).toEqual([]);
    expect(kindOf(book, FLAT)).toBe('none');
    expect(wordsOf(use(book, FLAT, 1, 0, 3600e9))).toEqual(['4h up: warned exceeded', 'fair-use begins']);
    expect(kindOf(book, FLAT)).toBe('throttle');
    const [fourHours] = book.standingsOf(book.rowOf(FLAT));
    expect(fourHours).toEqual({
      quota: 'fair-use',
      overNs: 4 * HOUR_NS,
      direction: 'up',
      usedBytes: 5 * GB + 1,
      limitBytes: 5 * GB,
      state: 'exceeded',
      // All of the first minute is 4 GB, in bucket 0.
      endsAtNs: 4 * HOUR_NS,
    });
    book.advance(4 * HOUR_NS - 1);
    expect(wordsOf(book.takeNews())).toEqual([]);
    book.advance(4 * HOUR_NS);
    expect(wordsOf(book.takeNews())).toEqual(['4h up: exceeded ok', 'fair-use ends']);
    expect(kindOf(book, FLAT)).toBe('none');
    expect(book.standingsOf(book.rowOf(FLAT))[0]).toMatchObject({ usedBytes: GB + 1, endsAtNs: null });
  });

  test('seven days catch whom four hours do not', () => {
    const book = bookOf([FLATS]);
    const news: [number, string[]][] = [];
    for (let day = 0; day < 20; day++) {
      // Twice 4.5 GB down a day, never more than 10 GB in four hours: 63 GB in seven days.
      for (const hour of [9, 21]) {
        const words = wordsOf(use(book, FLAT, 0, 4.5 * GB, day * DAY_NS + hour * HOUR_NS));
        if (words.length > 0) news.push([day * 24 + hour, words]);
      }
    }
    expect(news).toEqual([
      // The eleventh time: 49.5 GB. The fourteenth: 63 GB.
      [5 * 24 + 9, ['168h down: ok warned']],
      [6 * 24 + 21, ['168h down: warned exceeded', 'fair-use begins']],
    ]);
    // A bucket of seven days is 42 minutes. That of the first of the last fourteen has to go.
    expect(book.standingsOf(book.rowOf(FLAT))[3]).toMatchObject({
      usedBytes: 63 * GB,
      endsAtNs: Math.floor((13 * 1440 + 9 * 60) / 42) * 42 * 60e9 + 7 * DAY_NS,
    });
  });

  test('another host is untouched', () => {
    const book = bookOf([FLATS]);
    use(book, NAS, GB, GB, 1e9);
    use(book, FLAT, 6 * GB, 0, 2e9);
    expect([kindOf(book, FLAT), kindOf(book, NAS)]).toEqual(['throttle', 'none']);
    expect(book.standingsOf(book.rowOf(NAS)).every(({ state }) => state === 'ok')).toBe(true);
  });
});

test('with a release mark the violation goes on until the sum has fallen to it', () => {
  const quota = quotaSpec('q', [windowSpec(4 * HOUR_NS, { totalBytes: 1000 })], {
    releaseShare: 0.9,
    isBlocking: true,
  });
  const book = bookOf([quota]);
  use(book, FLAT, 100, 0, 0);
  use(book, FLAT, 1, 0, HOUR_NS);
  expect(wordsOf(use(book, FLAT, 400, 500, 2 * HOUR_NS))).toEqual(['4h total: ok exceeded', 'q begins']);
  expect(book.standingsOf(book.rowOf(FLAT))[0].endsAtNs).toBe(5 * HOUR_NS);
  book.advance(4 * HOUR_NS);
  // 901 bytes: below the limit, above 900.
  expect(wordsOf(book.takeNews())).toEqual([]);
  expect(kindOf(book, FLAT)).toBe('block');
  book.advance(5 * HOUR_NS);
  expect(wordsOf(book.takeNews())).toEqual(['4h total: exceeded ok', 'q ends']);
});

test('of several quotas the strictest holds, and the milder one after it', () => {
  const slow = { upBytesPerSec: 1000, downBytesPerSec: 4000 };
  const slower = { upBytesPerSec: 2000, downBytesPerSec: 500 };
  const quotas = [
    quotaSpec('slow', [windowSpec(4 * HOUR_NS, { upBytes: 100 })], { throttle: slow }),
    quotaSpec('slower', [windowSpec(4 * HOUR_NS, { upBytes: 200 })], { throttle: slower }),
    quotaSpec('page', [windowSpec(3 * HOUR_NS, { upBytes: 300 })], { page: PAGE, isBlocking: true }),
    quotaSpec('block', [windowSpec(2 * HOUR_NS, { upBytes: 400 })], { isBlocking: true }),
  ];
  const book = bookOf(quotas);
  const row = book.rowOf(FLAT);
  const held: unknown[] = [];
  for (const atNs of [0, 1, 2, 3, 4].map((n) => n * 60e9)) {
    use(book, FLAT, atNs === 60e9 ? 1 : 100, 0, atNs);
    const { kind, upBytesPerSec, downBytesPerSec, pageOf } = book.limitOf(row);
    held.push([kind, upBytesPerSec, downBytesPerSec, pageOf]);
  }
  const none = Number.POSITIVE_INFINITY;
  expect(held).toEqual([
    ['none', none, none, null],
    ['throttle', 1000, 4000, null],
    ['throttle', 1000, 500, null],
    ['page', 1000, 500, 'page'],
    ['block', 1000, 500, null],
  ]);
  book.advance(2 * HOUR_NS + 5 * 60e9);
  expect(book.limitOf(row)).toMatchObject({ kind: 'page', pageOf: 'page' });
  book.advance(3 * HOUR_NS + 5 * 60e9);
  expect(book.limitOf(row)).toMatchObject({ kind: 'throttle', upBytesPerSec: 1000, downBytesPerSec: 500 });
  book.advance(4 * HOUR_NS + 5 * 60e9);
  expect(book.limitOf(row)).toMatchObject({ kind: 'none', upBytesPerSec: none });
});

describe('grants', () => {
  const quota = quotaSpec(
    'q',
    [windowSpec(4 * HOUR_NS, { downBytes: 1000 }), windowSpec(7 * DAY_NS, { downBytes: 5000 })],
    { isBlocking: true },
  );

  test('a grant lifts the violation, and slides out of each window as traffic does', () => {
    const book = bookOf([quota]);
    use(book, FLAT, 0, 1001, 0);
    expect(kindOf(book, FLAT)).toBe('block');
    book.grant(FLAT, 500, null, null);
    book.advance(1e9);
    expect(kindOf(book, FLAT)).toBe('none');
    expect(book.standingsOf(book.rowOf(FLAT)).map(({ limitBytes }) => limitBytes)).toEqual([1500, 5500]);
    expect(book.limitOf(book.rowOf(FLAT)).downBytesLeft).toBe(499);
    expect(wordsOf(use(book, FLAT, 0, 500, HOUR_NS))).toContain('q begins');
    book.advance(4 * HOUR_NS);
    expect(book.standingsOf(book.rowOf(FLAT)).map(({ limitBytes }) => limitBytes)).toEqual([1000, 5500]);
    expect(kindOf(book, FLAT)).toBe('none');
    book.advance(7 * DAY_NS);
    expect(book.standingsOf(book.rowOf(FLAT)).map(({ limitBytes }) => limitBytes)).toEqual([1000, 5000]);
    expect(book.grantsOf(FLAT)).toEqual([]);
  });

  test('a grant with an end holds in all windows until then, and for its quota only', () => {
    const other = quotaSpec('other', [windowSpec(4 * HOUR_NS, { downBytes: 800 })], { isBlocking: true });
    const book = bookOf([quota, other]);
    use(book, FLAT, 0, 900, 0);
    book.grant(FLAT, 500, 'other', HOUR_NS);
    book.advance(1);
    expect(kindOf(book, FLAT)).toBe('none');
    expect(book.standingsOf(book.rowOf(FLAT)).map(({ limitBytes }) => limitBytes)).toEqual([
      1000, 5000, 1300,
    ]);
    book.advance(HOUR_NS - 1);
    expect(kindOf(book, FLAT)).toBe('none');
    book.advance(HOUR_NS);
    expect(kindOf(book, FLAT)).toBe('block');
  });
});

test('a reset forgets what was used', () => {
  const book = bookOf([FLATS]);
  use(book, FLAT, 6 * GB, 0, 0);
  book.reset(FLAT);
  book.advance(1);
  expect(wordsOf(book.takeNews())).toEqual(['4h up: exceeded ok', 'fair-use ends']);
  expect(book.standingsOf(book.rowOf(FLAT)).map(({ usedBytes }) => usedBytes)).toEqual([0, 0, 0, 0]);
});

describe('a restart', () => {
  function restarted(store: FakeQuotaStore, atNs: number): QuotaBook {
    const book = bookOf([FLATS], everybody, atNs);
    book.load(store.stored());
    return book;
  }

  test('goes on where the windows stood, and ends the violation when it would have ended', () => {
    const store = new FakeQuotaStore();
    const before = bookOf([FLATS]);
    use(before, FLAT, 4 * GB, 7, 0);
    const [violation] = use(before, FLAT, 2 * GB, 0, HOUR_NS).violations;
    before.grant(NAS, 77, null, null);
    store.write(before.takeChanges(CLOCK));
    const book = restarted(store, 2 * HOUR_NS);
    book.advance(2 * HOUR_NS);
    expect(wordsOf(book.takeNews())).toEqual([]);
    expect(kindOf(book, FLAT)).toBe('throttle');
    expect(book.violationsOf(book.rowOf(FLAT)).map(({ id }) => id)).toEqual([violation.id]);
    expect(book.standingsOf(book.rowOf(FLAT)).map(({ usedBytes }) => usedBytes)).toEqual([
      6 * GB,
      7,
      6 * GB,
      7,
    ]);
    expect(book.standingsOf(book.rowOf(NAS))[0].limitBytes).toBe(5 * GB + 77);
    expect(book.takeUnseeded()).toEqual([]);
    book.advance(4 * HOUR_NS);
    expect(wordsOf(book.takeNews())).toEqual(['4h up: exceeded ok', 'fair-use ends']);
  });

  test('after a week nothing is left, and the violation has ended', () => {
    const store = new FakeQuotaStore();
    const before = bookOf([FLATS]);
    use(before, FLAT, 40 * GB, 0, 0);
    store.write(before.takeChanges(CLOCK));
    const book = restarted(store, 8 * DAY_NS);
    book.advance(8 * DAY_NS);
    expect(wordsOf(book.takeNews())).toEqual(['4h up: exceeded ok', '168h up: exceeded ok', 'fair-use ends']);
    expect(book.forgetIdle()).toEqual([FLAT]);
    store.write(book.takeChanges(CLOCK));
    expect(store.stored()).toMatchObject({ hosts: [], standings: [], violations: [] });
  });
});

describe('other quotas at a reload', () => {
  test('a window of the same length keeps its sums and the violation goes on', () => {
    const book = bookOf([FLATS]);
    expect(book.takeUnseeded()).toEqual([4 * HOUR_NS, 7 * DAY_NS]);
    use(book, FLAT, 6 * GB, 0, 0);
    const tighter = { ...FLATS, windows: [windowSpec(4 * HOUR_NS, { upBytes: 3 * GB })] };
    book.replace([tighter]);
    book.advance(1);
    expect(wordsOf(book.takeNews())).toEqual([]);
    expect(book.standingsOf(book.rowOf(FLAT))).toMatchObject([{ usedBytes: 6 * GB, limitBytes: 3 * GB }]);
    expect(book.takeUnseeded()).toEqual([]);
  });

  test('a limit that goes is exceeded no more', () => {
    const book = bookOf([FLATS]);
    use(book, FLAT, 6 * GB, 0, 0);
    book.replace([]);
    expect(wordsOf(book.takeNews())).toEqual(['4h up: exceeded ok', 'fair-use ends']);
    book.advance(1);
    expect(kindOf(book, FLAT)).toBe('none');
    expect(book.standingsOf(book.rowOf(FLAT))).toEqual([]);
  });

  test('a new window has the past that history gives it', () => {
    const book = bookOf([FLATS], everybody, 10 * DAY_NS);
    use(book, FLAT, 5, 5, 10 * DAY_NS);
    book.takeUnseeded();
    const monthly = quotaSpec('monthly', [windowSpec(30 * DAY_NS, { totalBytes: 500 })], {
      isBlocking: true,
    });
    book.replace([FLATS, monthly]);
    expect(book.takeUnseeded()).toEqual([30 * DAY_NS]);
    book.seed(book.rowOf(FLAT), 30 * DAY_NS, 0, DAY_NS, 301, 200);
    book.advance(10 * DAY_NS);
    expect(wordsOf(book.takeNews())).toEqual(['720h total: ok exceeded', 'monthly begins']);
    // Spread over the day in buckets of three hours: the first of them has to go.
    expect(book.standingsOf(book.rowOf(FLAT))[4]).toMatchObject({
      usedBytes: 501,
      endsAtNs: 30 * DAY_NS,
    });
  });
});

test('a quota holds for its hosts only, also when they come to belong to it later', () => {
  const members = new Set([FLAT]);
  const book = bookOf([FLATS], (_, host) => members.has(host));
  use(book, FLAT, 6 * GB, 0, 0);
  use(book, NAS, 6 * GB, 0, 0);
  expect([kindOf(book, FLAT), kindOf(book, NAS)]).toEqual(['throttle', 'none']);
  members.delete(FLAT);
  members.add(NAS);
  book.refresh(book.rowOf(FLAT));
  book.refresh(book.rowOf(NAS));
  book.advance(1);
  expect([kindOf(book, FLAT), kindOf(book, NAS)]).toEqual(['none', 'throttle']);
  expect(book.standingsOf(book.rowOf(FLAT))).toEqual([]);
});

test('an address that turns out to be a device brings along what it has used', () => {
  const store = new FakeQuotaStore();
  const book = bookOf([FLATS]);
  use(book, '10.0.0.7', 3 * GB, 0, 0);
  use(book, FLAT, 3 * GB, 0, HOUR_NS);
  store.write(book.takeChanges(CLOCK));
  book.grant('10.0.0.7', 5, null, null);
  book.merge('10.0.0.7', FLAT);
  book.advance(HOUR_NS);
  expect(wordsOf(book.takeNews())).toEqual(['4h up: ok exceeded', 'fair-use begins']);
  expect(book.find('10.0.0.7')).toBe(-1);
  expect(book.standingsOf(book.rowOf(FLAT))[0]).toMatchObject({
    usedBytes: 6 * GB,
    limitBytes: 5 * GB + 5,
    endsAtNs: 4 * HOUR_NS,
  });
  store.write(book.takeChanges(CLOCK));
  expect(store.stored().hosts).toEqual([FLAT]);
  const again = bookOf([FLATS], everybody, HOUR_NS);
  again.load(store.stored());
  again.advance(HOUR_NS);
  expect(again.standingsOf(again.rowOf(FLAT))).toEqual(book.standingsOf(book.rowOf(FLAT)));
});
