import { expect, test } from 'vitest';
import { Pending } from '../../../src/store/pending.ts';
import { flushOf, quotasOf, T0 } from './samples.ts';

const STEP_MS = 300_000;

test('flushes of one step become one interval', () => {
  const pending = new Pending(STEP_MS);
  for (let i = 0; i < 31; i++)
    pending.add(flushOf(T0 + i * 10_000, T0 + (i + 1) * 10_000, { a: [1, 2], [`b${i % 2}`]: [10, 0] }));
  const { intervals, nowMs } = pending.take();
  expect(intervals).toEqual([
    {
      fromMs: T0,
      toMs: T0 + STEP_MS,
      counts: {
        hosts: ['a', 'b0', 'b1'],
        upBytes: Float64Array.of(30, 150, 150),
        downBytes: Float64Array.of(60, 0, 0),
      },
    },
    {
      ...{ fromMs: T0 + STEP_MS, toMs: T0 + STEP_MS + 10_000 },
      counts: { hosts: ['a', 'b0'], upBytes: Float64Array.of(1, 10), downBytes: Float64Array.of(2, 0) },
    },
  ]);
  expect(nowMs).toBe(T0 + STEP_MS + 10_000);
  expect(pending.isEmpty).toBe(true);
});

test('an unknown time stays between two intervals', () => {
  const pending = new Pending(STEP_MS);
  pending.add(flushOf(T0, T0 + 10_000, {}));
  pending.add(flushOf(T0 + 20_000, T0 + 30_000, {}));
  expect(pending.take().intervals).toHaveLength(2);
});

test('however long the store fails, memory is bounded and no byte is lost', () => {
  const pending = new Pending(STEP_MS);
  for (let i = 0; i < 5000; i++) pending.add(flushOf(T0 + i * 60_000, T0 + (i + 1) * 60_000, { a: [1, 2] }));
  const { intervals } = pending.take();
  expect(intervals.length).toBeLessThanOrEqual(48);
  expect(intervals.reduce((sum, { counts }) => sum + counts.upBytes[0]!, 0)).toBe(5000);
  expect(intervals[0]?.fromMs).toBe(T0);
  expect(intervals.at(-1)?.toMs).toBe(T0 + 5000 * 60_000);
  for (let i = 1; i < intervals.length; i++) expect(intervals[i]!.fromMs).toBe(intervals[i - 1]!.toMs);
});

test('of hosts and memos the last word holds, and quotas are asked when the batch leaves', () => {
  const pending = new Pending(STEP_MS);
  const host = { id: 'a', name: 'old', macs: [], addresses: [], lastSeenMs: T0 };
  let asked = 0;
  const quotas = () => {
    asked++;
    return quotasOf({});
  };
  pending.add(flushOf(T0, T0 + 1, {}, { hosts: [host], memos: [{ key: 'k', value: 'v' }], quotas }));
  pending.add(
    flushOf(
      T0 + 1,
      T0 + 2,
      {},
      { hosts: [{ ...host, name: 'new' }], memos: [{ key: 'k', value: null }], quotas },
    ),
  );
  expect(asked).toBe(0);
  expect(pending.take()).toMatchObject({
    hosts: [{ name: 'new' }],
    memos: [{ key: 'k', value: null }],
    quotas: { hosts: [] },
  });
  expect(asked).toBe(1);
});

test('what waits of a host that turns out to be another one is of that one; what comes later is not', () => {
  const pending = new Pending(STEP_MS);
  const news = { name: null, macs: [], addresses: [], lastSeenMs: T0 };
  pending.add(flushOf(T0, T0 + 10_000, { a: [1, 2], b: [10, 20] }, { hosts: [{ id: 'a', ...news }] }));
  const merges = [{ from: 'a', into: 'b' }];
  pending.add(flushOf(T0 + 10_000, T0 + STEP_MS, { a: [100, 0] }, { merges }));
  pending.add(flushOf(T0 + STEP_MS, T0 + STEP_MS + 10_000, { b: [1000, 0] }, { merges }));
  const batch = pending.take();
  expect(batch.merges).toEqual(merges);
  expect(batch.hosts).toEqual([]);
  expect(batch.intervals.map(({ counts }) => [counts.hosts, [...counts.upBytes]])).toEqual([
    [['b'], [111]],
    [['b'], [1000]],
  ]);
  expect(pending.take().merges).toEqual([]);
});
