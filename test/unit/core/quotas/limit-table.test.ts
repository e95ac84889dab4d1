/** What holds for a host, and when its counts exceed their maxima. */
import { expect, test } from 'vitest';
import { DOWN_BYTES, HOST_SHIFT, HOST_WORDS, UP_BYTES } from '../../../../src/core/hosts/host-layout.ts';
import { allowList, NOTHING_ALLOWED } from '../../../../src/core/quotas/allowed.ts';
import { HAS_MAX, LimitTable } from '../../../../src/core/quotas/limit-table.ts';
import { columns, type Limit } from '../../../sim/host-limits.ts';

const HOST = 3;
const HOSTS = 8;

function tableWith(one: Omit<Limit, 'of'>): LimitTable {
  const table = new LimitTable(HOSTS);
  const limits = columns([{ of: 0, ...one }], () => [HOST << HOST_SHIFT, 1]);
  table.set(HOST, limits, 0, limits.allow.map(allowList));
  return table;
}

function records(up: number, down: number): Float64Array {
  const floats = new Float64Array((HOSTS * HOST_WORDS) / 2);
  floats[((HOST << HOST_SHIFT) + UP_BYTES) >> 1] = up;
  floats[((HOST << HOST_SHIFT) + DOWN_BYTES) >> 1] = down;
  return floats;
}

test('a maximum is exceeded by more than itself, each by its own count', () => {
  const isOver = (one: Omit<Limit, 'of'>, up: number, down: number): boolean =>
    tableWith(one).isOver(HOST, records(up, down), 0);
  expect([isOver({ upMax: 10 }, 10, 99), isOver({ upMax: 10 }, 11, 0)]).toEqual([false, true]);
  expect([isOver({ downMax: 10 }, 99, 10), isOver({ downMax: 10 }, 0, 11)]).toEqual([false, true]);
  expect([isOver({ totalMax: 10 }, 5, 5), isOver({ totalMax: 10 }, 5, 6)]).toEqual([false, true]);
  expect(isOver({}, 1e18, 1e18)).toBe(false);
  const near = tableWith({ upMax: 10 });
  expect([9, 10, 11].map((more) => near.isOver(HOST, records(0, 0), more))).toEqual([false, false, true]);
});

test('a host is clear until counts have grown by what its nearest maximum leaves, and not after an update', () => {
  const clearUntil = (one: Omit<Limit, 'of'>): number => {
    const table = tableWith(one);
    table.foundClear(HOST, records(100, 200), 5000);
    return table.clearUntilBytes[HOST]!;
  };
  expect([clearUntil({ upMax: 110 }), clearUntil({ downMax: 207 })]).toEqual([5010, 5007]);
  expect(clearUntil({ upMax: 110, downMax: 207 })).toBe(5007);
  // What a host sends to itself counts up and down.
  expect(clearUntil({ totalMax: 320 })).toBe(5010);
  const table = tableWith({ upMax: 110 });
  expect(table.clearUntilBytes[HOST]).toBeLessThan(0);
  table.foundClear(HOST, records(0, 0), 0);
  const less = columns([{ of: 0, upMax: 50 }], () => [HOST << HOST_SHIFT, 1]);
  table.set(HOST, less, 0, []);
  expect(table.clearUntilBytes[HOST]).toBeLessThan(0);
});

test('only a host with a maximum is asked, and only limited ones count', () => {
  const table = tableWith({});
  expect([table.state[HOST], table.size]).toEqual([0, 0]);
  const other = tableWith({ totalMax: 1 });
  expect([other.state[HOST], other.size]).toEqual([HAS_MAX, 1]);
  other.setState(HOST, 0);
  expect(other.size).toBe(0);
});

test('a list is kept for its host until an update has none', () => {
  const prefix = { family: 4, words: [7, 0, 0, 0], bits: 32 } as const;
  const table = tableWith({ allow: [prefix] });
  expect(table.allowOf(HOST)).toEqual(allowList([prefix]));
  expect(table.allowOf(HOST + 1)).toBe(NOTHING_ALLOWED);
  const none = columns([{ of: 0 }], () => [HOST << HOST_SHIFT, 1]);
  table.set(HOST, none, 0, none.allow.map(allowList));
  expect(table.allowOf(HOST)).toBe(NOTHING_ALLOWED);
});
