/** Queues and active queue management as they are written. */
import { expect, it } from 'vitest';
import { type Said, writtenClass } from './written.ts';

it.each<Said>([
  { queue: { discipline: 'fifo', limit: '200p', aqm: 'pie' } },
  { queue: { discipline: 'short-first', short: '9kB', aqm: { codel: { ecn: 'true' } } } },
  { queue: { isolation: 'triple', aqm: 'none', ackFilter: 'true' } },
  { queue: { aqm: { codel: { target: '6ms' } } } },
  { queue: { aqm: { pie: { target: '9ms', alpha: '0.2' } } } },
  { queue: { aqm: 'red' } },
  { queue: { aqm: { red: { max: '90kB', ecn: 'true' } } } },
  { queue: { aqm: { red: { min: '10kB', max: '20kB', adaptive: 'true' } } } },
  { queue: { limit: '500kB', aqm: { red: { min: '30kB', max: '100kB', weight: '0.01' } } } },
  { queue: { aqm: 'wred' } },
  { queue: { aqm: { wred: { profiles: { dscp: ['af11'], min: '10kB' }, max: '80kB' } } } },
  {
    queue: {
      aqm: {
        wred: {
          profiles: [
            { dscp: ['ef'], min: '9kB', max: '20kB' },
            { min: '1kB', max: '9kB' },
          ],
        },
      },
    },
  },
])('%j is written as it was said', (said) => {
  expect(writtenClass(said)).toEqual(said);
});

it.each<[string, Said, Said]>([
  ['the default limit', { queue: { limit: '100ms' } }, {}],
  [
    'the limit that follows from max',
    { queue: { limit: '400kB', aqm: { red: { max: '200kB' } } } },
    { queue: { aqm: { red: { max: '200kB' } } } },
  ],
  [
    'a threshold that follows from the other',
    { queue: { aqm: { red: { min: '10kB', max: '30kB' } } } },
    { queue: { aqm: { red: { max: '30kB' } } } },
  ],
  ['an algorithm with its defaults', { queue: { aqm: { codel: { target: '5ms', interval: '100ms' } } } }, {}],
  [
    'no algorithm, where none is the default',
    { queue: { discipline: 'fifo', aqm: 'none' } },
    { queue: { discipline: 'fifo' } },
  ],
  [
    'a discipline and an isolation',
    { queue: { discipline: 'fair', isolation: 'dual-src', ackFilter: false } },
    {},
  ],
  [
    'a profile that repeats the shared values',
    { queue: { aqm: { wred: { profiles: { dscp: 'ef', min: '9kB', max: '62.5kB', probability: 0.1 } } } } },
    { queue: { aqm: { wred: { profiles: { dscp: ['ef'], min: '9kB' } } } } },
  ],
])('%s', (_, said, written) => {
  expect(writtenClass(said)).toEqual(written);
});
