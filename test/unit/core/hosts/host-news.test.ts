import { expect, test } from 'vitest';
import {
  KIND_MAC,
  NEWS_MOVED,
  NEWS_NEW_HOST,
  NEWS_OLD_IF_INDEX,
  NOBODY,
} from '../../../../src/core/hosts/host-layout.ts';
import { newsIn, ROOMS, tables } from './tables.ts';

function setUp(rooms = ROOMS) {
  const parts = tables(rooms);
  const a = parts.addresses.make(6, 1, 2, 3, 4, 0);
  const host = parts.table.make(KIND_MAC, 1, 2, 0);
  return { ...parts, a, host };
}

test('news says of whom it is, in the order of its numbers', () => {
  const { news, reader, a, host, table } = setUp();
  news.tell(NEWS_NEW_HOST, a, host, NOBODY, 5);
  const at = news.begin(NEWS_MOVED, a, host, NOBODY, 7);
  news.words[at + NEWS_OLD_IF_INDEX] = 12;
  expect(newsIn(reader)).toHaveLength(1);
  news.end(at);
  expect(newsIn(reader, 1)).toEqual([
    expect.objectContaining({ number: 2, kind: NEWS_MOVED, atNs: 7, oldIfIndex: 12, family: 6, host }),
  ]);
  expect(newsIn(reader)[0]).toMatchObject({
    number: 1,
    words: new Uint32Array([1, 2, 3, 4]),
    hostGeneration: table.generation(host),
    oldIfIndex: 0,
  });
});

test('the newest take the place of the oldest', () => {
  const { news, reader, a, host } = setUp();
  for (let n = 0; n < 40; n++) news.tell(NEWS_MOVED, a, host, NOBODY, n);
  expect(newsIn(reader).map(({ number }) => number)).toEqual(Array.from({ length: 16 }, (_, n) => 25 + n));
});

test('new hosts are told at a bounded pace, and the others always', () => {
  const { news, reader, a, host } = setUp({ ...ROOMS, news: 1024 });
  for (let n = 0; n < 1000; n++) news.tell(NEWS_NEW_HOST, a, host, NOBODY, 0);
  news.tell(NEWS_MOVED, a, host, NOBODY, 0);
  expect(newsIn(reader)).toHaveLength(257);
  expect(reader.newsHeldBack).toBe(744);
  for (let n = 0; n < 1000; n++) news.tell(NEWS_NEW_HOST, a, host, NOBODY, 0.5e9);
  expect(newsIn(reader)).toHaveLength(257 + 128);
});
