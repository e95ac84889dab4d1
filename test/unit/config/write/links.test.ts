/** Blocks of links and classes: a written file says what was chosen, and nothing else. */
import { describe, expect, it } from 'vitest';
import type { Block } from '../../../../src/config/write/block.ts';
import { writeClass, writeLink } from '../../../../src/config/write/links.ts';
import { load } from '../helpers.ts';

type Said = Record<string, unknown>;

const linkOf = (link: Said): Block =>
  writeLink(load(JSON.stringify({ links: { w: { device: 'e', ...link } } })).spec.links[0]!, 'chosen');
const classOf = (said: Said): unknown => {
  const up = linkOf({ up: { rate: '20mbit', classes: { c: said } } }).up as Said;
  return (up.classes as Said).c;
};

describe('a class that is written as it was said', () => {
  it.each<Said>([
    {},
    { match: { dport: ['80', '443'] }, rate: '1mbit', ceil: '5mbit', priority: '0', weight: '2.5' },
    {
      match: [
        { proto: ['icmp'] },
        { src: ['10.0.0.0/8', 'fd00::1'], mark: ['0x10/0xff'], dscp: ['ef', '9'] },
      ],
    },
    { burst: '15kB', police: { rate: '64kbit', burst: '8kB', exceed: 'mark' }, remark: 'le' },
    { each: { by: 'host', rate: '2mbit' } },
    { each: { by: 'flow', rate: '2mbit', burst: '3028B', exceed: 'drop' } },
    { meter: { type: 'srtcm', cir: '1mbit', ebs: '20kB' }, remark: { green: 'af11', red: '63' } },
    { meter: { type: 'trtcm', cir: '1mbit', cbs: '20kB', pir: '2mbit' } },
    { meter: { type: 'rfc4115', cir: '1mbit', eir: '2mbit', aware: 'true' } },
    { queue: { discipline: 'fifo', limit: '200p', aqm: 'pie' } },
    { queue: { discipline: 'short-first', short: '9kB', aqm: { codel: { ecn: 'true' } } } },
    { queue: { isolation: 'triple', aqm: 'none', ackFilter: 'true' } },
    { queue: { aqm: { codel: { target: '6ms' } } } },
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
    { rate: '2mbit', classes: { x: { rate: '1mbit' }, default: { priority: '5' } } },
    { classes: {} },
  ])('%j', (said) => {
    expect(classOf(said)).toEqual(said);
  });
});

describe('a default is left out', () => {
  it.each<[string, Said, Said]>([
    ['the ceil of the parent', { ceil: '20mbit' }, {}],
    ['a share, which is a rate', { ceil: '80%' }, { ceil: '16mbit' }],
    [
      'protocols with ports',
      { match: { port: 1, proto: ['tcp', 'udp', 'udplite', 'sctp'] } },
      { match: { port: ['1'] } },
    ],
    ['a burst', { police: { rate: '64kbit', burst: '15kB' } }, { police: { rate: '64kbit' } }],
    [
      'the burst of a bucket that drops',
      { each: { by: 'src', rate: '1mbit', burst: '15kB', exceed: 'drop' } },
      { each: { by: 'src', rate: '1mbit', exceed: 'drop' } },
    ],
    ['a limit', { queue: { limit: '100ms' } }, {}],
    [
      'the limit that follows from max',
      { queue: { limit: '400kB', aqm: { red: { max: '200kB' } } } },
      { queue: { aqm: { red: { max: '200kB' } } } },
    ],
    [
      'a threshold',
      { queue: { aqm: { red: { min: '10kB', max: '30kB' } } } },
      { queue: { aqm: { red: { max: '30kB' } } } },
    ],
    ['an algorithm', { queue: { aqm: { codel: { target: '5ms', interval: '100ms' } } } }, {}],
  ])('%s', (_, said, written) => {
    expect(classOf(said)).toEqual(written);
  });

  it('of a direction that is a rate alone', () => {
    expect(linkOf({ down: { rate: '1gbit', burst: '125kB', classes: { default: {} } } })).toEqual({
      device: 'e',
      down: '1gbit',
    });
  });
});

it.each<[unknown, unknown]>([
  ['docsis', 'docsis'],
  [44, '44'],
  [{ bytes: 44 }, '44'],
  [{ bytes: 38, mpu: 84 }, 'ethernet'],
  [
    { mpu: 64, framing: 'ptm' },
    { bytes: '0', mpu: '64', framing: 'ptm' },
  ],
  [0, undefined],
])('overhead %j is written as %j', (said, written) => {
  expect(linkOf({ overhead: said, up: '1mbit' }).overhead).toEqual(written);
});

it('all values are there on demand, each under its own key', () => {
  const { up } = load('links: { w: { device: e, up: 20mbit } }').spec.links[0]!;
  expect(writeClass(up!.children[0]!, up!.ceilBytesPerSec, 'up', 'all')).toEqual({
    ceil: '20mbit',
    priority: '3',
    weight: '1',
    burst: '3028B',
    queue: {
      discipline: 'fair',
      isolation: 'dual-src',
      limit: '250kB',
      aqm: { codel: { target: '5ms', interval: '100ms', ecn: 'true' } },
      ackFilter: 'false',
    },
  });
});
