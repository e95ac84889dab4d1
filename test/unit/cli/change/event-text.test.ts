import { expect, it } from 'vitest';
import { eventText } from '../../../../src/cli/change/event-text.ts';

const AT = new Date(2026, 0, 2, 14, 3, 59).toISOString();
const textOf = (type: string, data: object): string =>
  eventText(JSON.stringify({ id: 7, type, at: AT, ...data }));

it.each([
  [
    'change',
    { changes: [{ path: 'wan/up/guests', key: 'ceil', old: '10mbit', new: '5mbit' }] },
    'wan/up/guests ceil: 10mbit -> 5mbit',
  ],
  ['reload', { action: 'applied', file: '/x.yaml', changes: [{}, {}] }, 'applied, /x.yaml, 2 changes'],
  [
    'lease',
    { action: 'began', lease: 3, path: 'w/up/a', set: { ceil: '1mbit' }, until: 'T' },
    '3 began: w/up/a {"ceil":"1mbit"} until T',
  ],
  [
    'lease',
    { action: 'ended', lease: 3, path: 'w/up/a', set: {}, reason: 'its time is over' },
    '3 ended: w/up/a {} (its time is over)',
  ],
  [
    'attachment',
    { action: 'began', attachment: 1, subject: 'pid:7', classes: ['w/up/a', 'w/down/a'] },
    'pid:7 -> w/up/a and w/down/a',
  ],
  [
    'attachment',
    { action: 'ended', attachment: 1, subject: 'pid:7', classes: ['w/up/a'], reason: 'it has ended' },
    'pid:7 attached no longer (it has ended)',
  ],
  ['drops', { path: 'w/up/a', state: 'began', packets: 3 }, 'w/up/a drops packets'],
  [
    'drops',
    { path: 'w/up/a', state: 'ceased', packets: 30, seconds: 12 },
    'w/up/a drops no more (30 in 12 s)',
  ],
  ['overload', { state: 'began', count: 1, message: 'packets pass' }, 'packets pass'],
  [
    'overload',
    { state: 'ceased', count: 9, seconds: 2, message: 'packets pass' },
    'no more: packets pass (9 in 2 s)',
  ],
  ['device', { device: 'eth\u001b0', message: 'the device has gone' }, 'eth\\x1b0: the device has gone'],
  [
    'pace-off',
    { path: 'w/up/a', flow: 'tcp 10.0.0.2:4000 > 192.0.2.1:80', reason: 'slower than its share' },
    'w/up/a paces tcp 10.0.0.2:4000 > 192.0.2.1:80 no longer: slower than its share',
  ],
  ['spoof', { reason: 'new-mac', message: '02:… is new' }, '02:… is new'],
  ['gap', { reason: 'forgotten' }, 'earlier events are lost'],
  [
    'quota',
    {
      ...{ quota: 'fair-use', host: '10.0.0.5', name: '', from: 'ok', to: 'exceeded', over: '4h' },
      ...{ direction: 'down', usedBytes: 10_200_000_000, limitBytes: 10_000_000_000, endsAt: null },
    },
    '10.0.0.5 is over the limit of fair-use: down 10.2 GB of 10.0 GB in 4h',
  ],
  ['module', { label: 'mine', action: 'loaded' }, 'mine loaded'],
  ['module', { label: 'mine', action: 'ejected', reason: 'no luck' }, 'mine ejected: no luck'],
  ['later', { host: 'a' }, '{"host":"a"}'],
])('%s', (type, data, text) => {
  expect(textOf(type, data)).toBe(`14:03:59 ${type}: ${text}`);
});
