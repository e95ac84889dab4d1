import { expect, test } from 'vitest';
import { KnownSender } from '../../../../../src/control/hosts/known/known-sender.ts';
import type { HostsUpdate, KnownAddress } from '../../../../../src/core/hosts/update.ts';
import { FakeClock } from '../../change/fakes.ts';

const addresses = (from: number, count: number): KnownAddress[] =>
  Array.from({ length: count }, (_, n) => ({ family: 4, words: [from + n, 0, 0, 0], mac: null, ifIndex: 0 }));

test('addresses of all who know some cross a few hundred at a time, in their order, with pauses', async () => {
  const clock = new FakeClock();
  const sent: HostsUpdate[] = [];
  const sender = new KnownSender((update) => sent.push(update), clock);
  sender.add(addresses(0, 300));
  sender.add(addresses(300, 300));
  expect(sent.map(({ known }) => known!.length)).toEqual([256]);
  await clock.advance(1000);
  expect(sent.map(({ known }) => known!.length)).toEqual([256, 256, 88]);
  expect(sent.flatMap(({ known }) => known!.map(({ words }) => words[0]))).toEqual(
    Array.from({ length: 600 }, (_, n) => n),
  );
  sender.add(addresses(600, 300));
  sender.close();
  await clock.advance(1000);
  expect(sent).toHaveLength(4);
});
