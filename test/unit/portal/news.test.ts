import { expect, test } from 'vitest';
import type { PageHost } from '../../../src/portal/messages.ts';
import { News } from '../../../src/portal/news.ts';

const host = (id: string, usedBytes = 10, fields: Partial<PageHost> = {}): PageHost => ({
  ...{ id, name: '', addresses: [`10.0.0.${id}`], isStopped: true },
  quotas: [
    {
      ...{ quota: 'q', overNs: 1e9, direction: 'up', usedBytes, limitBytes: 5 },
      ...{ state: 'exceeded', endsAt: null },
    },
  ],
  ...fields,
});
const hosts = (...list: PageHost[]): Map<string, PageHost> => new Map(list.map((one) => [one.id, one]));
const ids = (list: readonly PageHost[]): string[] => list.map(({ id }) => id);

test('hosts that come, change or go are told at once', () => {
  const news = new News();
  expect(ids(news.take(hosts(host('1'), host('2')), 0).changed)).toEqual(['1', '2']);
  expect(news.take(hosts(host('1'), host('2')), 1)).toEqual({ changed: [], gone: [] });
  const moved = host('2', 10, { addresses: ['10.0.0.9'] });
  expect(news.take(hosts(moved), 2)).toEqual({ changed: [moved], gone: ['1'] });
  expect(ids(news.take(hosts(host('2', 10, { isStopped: false })), 3).changed)).toEqual(['2']);
});

test('numbers alone are told every five seconds, if they have changed', () => {
  const news = new News();
  news.take(hosts(host('1', 10)), 0);
  expect(news.take(hosts(host('1', 9)), 4999).changed).toEqual([]);
  expect(ids(news.take(hosts(host('1', 9)), 5000).changed)).toEqual(['1']);
  expect(news.take(hosts(host('1', 9)), 20_000).changed).toEqual([]);
});

test('a new process is told all', () => {
  const news = new News();
  news.take(hosts(host('1')), 0);
  news.forget();
  expect(ids(news.take(hosts(host('1')), 1).changed)).toEqual(['1']);
});
