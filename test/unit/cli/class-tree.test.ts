/** The summary of `shaper check`: every class, and everything that is configured. */
import { expect, it } from 'vitest';
import { classTree } from '../../../src/cli/class-tree.ts';
import { load } from '../control/helpers.ts';

const treeOf = (text: string): string[] => classTree(load(text).spec).trimEnd().split('\n');
/** What is said of the one class, without its name. */
const saidOf = (fields: string): string => {
  const text = `links: { w: { device: e, up: { rate: 20mbit, classes: { c: { ${fields} } } } } }`;
  return treeOf(text)[1]!.replace(/^\s+c\s+up to 20mbit; /, '');
};
const FAIR = 'fair dual-src, codel 5ms/100ms ecn, limit 250kB';

it('every direction and class in its place, however deep', () => {
  const inner =
    'classes: { deep: { rate: 1mbit, ceil: 50%, classes: { deeper: { rate: 1mbit, priority: 0 } } } }';
  const a = `a: { rate: 2mbit, weight: 2.5, ${inner} }`;
  const up = `{ rate: 20mbit, police: { rate: 30mbit }, remark: be, classes: { ${a} } }`;
  const link = `{ device: e, overhead: pppoe-ptm, up: ${up}, down: 1gbit }`;
  expect(treeOf(`links: { w: ${link}, x: { device: f, down: 100mbit } }`)).toEqual([
    '  w/up on e: 20mbit, overhead 30, ptm; police 30mbit burst 75kB, exceed drop; remark be',
    '    a            2mbit, up to 20mbit, weight 2.5',
    '      deep       1mbit, up to 10mbit',
    '        deeper   1mbit, up to 10mbit, priority 0; fair dual-src, codel 5ms/100ms ecn, limit 125kB',
    '        default  up to 10mbit; fair dual-src, codel 5ms/100ms ecn, limit 125kB',
    '      default    up to 20mbit; fair dual-src, codel 5ms/100ms ecn, limit 250kB',
    '    default      up to 20mbit; fair dual-src, codel 5ms/100ms ecn, limit 250kB',
    '  w/down on e: 1gbit, overhead 30, ptm',
    '    default  up to 1gbit; fair dual-dst, codel 5ms/100ms ecn, limit 12.5MB',
    '  x/down on f: 100mbit',
    '    default  up to 100mbit; fair dual-dst, codel 5ms/100ms ecn, limit 1250kB',
  ]);
});

it.each([
  ['police: { rate: 64kbit, burst: 8kB, exceed: mark }', `police 64kbit burst 8kB, exceed mark; ${FAIR}`],
  ['each: { by: host, rate: 2mbit }', `each host 2mbit burst 3028B; ${FAIR}`],
  ['each: { by: flow, rate: 2mbit, exceed: drop }', `each flow 2mbit burst 15kB, exceed drop; ${FAIR}`],
  ['meter: { type: srtcm, cir: 1mbit }', `meter srtcm 1mbit burst 15kB, 30kB; ${FAIR}`],
  [
    'meter: { type: trtcm, cir: 1mbit, pir: 2mbit, aware: true }, remark: { green: af11, red: 63 }',
    `meter trtcm 1mbit burst 15kB, 2mbit burst 15kB, aware; remark green af11, yellow as it came, red 63; ${FAIR}`,
  ],
  [
    'meter: { type: rfc4115, cir: 1mbit, eir: 3mbit }',
    `meter rfc4115 1mbit burst 15kB, 3mbit burst 15kB; ${FAIR}`,
  ],
  ['remark: ef', `remark ef; ${FAIR}`],
  ['queue: { isolation: triple, ackFilter: true, aqm: none }', 'fair triple, limit 250kB, ackFilter'],
  ['queue: { discipline: fifo, limit: 200p, aqm: pie }', 'fifo, pie 15ms, limit 200p'],
  [
    'queue: { discipline: short-first, aqm: { codel: { ecn: false } } }',
    'short-first 30kB, codel 5ms/100ms, limit 250kB',
  ],
  [
    'queue: { discipline: fifo, aqm: { red: { min: 30kB, max: 90kB, probability: 2%, ecn: true } } }',
    'fifo, red 30kB to 90kB 2% ecn, limit 250kB',
  ],
  [
    'queue: { aqm: { red: { adaptive: true, min: 10kB } } }',
    'fair dual-src, adaptive red 10kB to 30kB 10%, limit 250kB',
  ],
  ['queue: { aqm: wred }', 'fair dual-src, wred with 8 profiles, limit 250kB'],
])('{ %s }', (fields, said) => {
  expect(saidOf(fields)).toBe(said);
});
