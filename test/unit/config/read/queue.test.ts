import { describe, expect, it } from 'vitest';
import { HELD_MAX } from '../../../../src/limits.ts';
import type { QueueSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, load } from '../helpers.ts';

const queueOf = (fields: string, ceil = '20mbit'): QueueSpec =>
  classOf(`ceil: ${ceil}, queue: { ${fields} }`).queue!;
const problemsIn = (fields: string): string => classProblems(`queue: { ${fields} }`).join('\n');
const NO_BOUND = Number.POSITIVE_INFINITY;

describe('discipline', () => {
  it.each([
    ['', 'fair', 'codel', true],
    ['discipline: fair', 'fair', 'codel', true],
    ['discipline: fifo', 'fifo', 'none', false],
    ['discipline: short-first', 'short-first', 'none', false],
    ['discipline: fair, aqm: none', 'fair', 'none', false],
    ['discipline: fifo, aqm: codel', 'fifo', 'codel', false],
  ])('{ %s }', (fields, discipline, kind, ecn) => {
    expect(queueOf(fields)).toMatchObject({ discipline, aqm: { kind }, ecn });
  });

  it.each(['flow', 'host', 'src', 'dst', 'dual-src', 'dual-dst', 'triple'])('isolation: %s', (isolation) => {
    expect(queueOf(`isolation: ${isolation}`)).toMatchObject({ isolation });
  });

  it('a fair queue shares between the inside hosts of its direction', () => {
    const link = load('links: { w: { device: e, up: 1mbit, down: 1mbit } }').spec.links[0]!;
    expect(link.up!.children[0]!.queue!.isolation).toBe('dual-src');
    expect(link.down!.children[0]!.queue!.isolation).toBe('dual-dst');
  });

  it.each([
    ['', 30_000],
    ['short: 20kB', 20_000],
    ['short: 12p', 18_000],
    ['short: 10ms', 25_000],
  ])('short-first { %s }: short up to %d bytes', (fields, shortBytes) => {
    expect(queueOf(`discipline: short-first, ${fields}`)).toMatchObject({ shortBytes });
  });

  it.each([
    ['discipline: lifo', 'is not one of: fair, fifo, short-first'],
    ['isolation: mac', 'is not one of: flow, host'],
    ['isolation: hosts', 'is not one of: flow, host'],
    ['discipline: fifo, isolation: flow', 'isolation belongs to discipline: fair; this queue is fifo'],
    ['discipline: short-first, isolation: flow', 'isolation belongs to discipline: fair'],
    ['short: 20kB', 'short belongs to discipline: short-first; this queue is fair'],
    ['discipline: fifo, short: 20kB', 'short belongs to discipline: short-first'],
    ['discipline: short-first, short: 0p', 'no flow would be short'],
    ['discipline: short-first, short: 20', 'has no unit'],
    ['ackFilter: aggressive', 'neither true nor false'],
    [
      'discipline: fifo, ackFilter: true',
      "belongs to discipline: fair, where a flow's packets wait in one queue",
    ],
    ['discipline: short-first, ackFilter: true', 'this one is short-first'],
  ])('{ %s } is refused', (fields, message) => {
    expect(problemsIn(fields)).toContain(message);
  });

  it('a discipline that cannot be read does not draw messages about what belongs to it', () => {
    expect(classProblems('queue: { discipline: fiar, isolation: flow }')).toHaveLength(1);
  });

  it('the ACK filter is off unless asked for', () => {
    expect(queueOf('').ackFilter).toBe(false);
    expect(queueOf('ackFilter: true').ackFilter).toBe(true);
    expect(queueOf('discipline: fifo, ackFilter: false').ackFilter).toBe(false);
  });
});

describe('limit', () => {
  it.each([
    ['', '20mbit', 250_000, NO_BOUND],
    ['', '1mbit', 30_000, NO_BOUND],
    ['', '2.4mbit', 30_000, NO_BOUND],
    ['', '2.408mbit', 30_100, NO_BOUND],
    ['discipline: fifo', '20mbit', 250_000, NO_BOUND],
    ['limit: 500kB', '1mbit', 500_000, NO_BOUND],
    ['limit: 64KiB', '1mbit', 65_536, NO_BOUND],
    ['limit: 50ms', '20mbit', 125_000, NO_BOUND],
    ['limit: 50ms', '50%', 62_500, NO_BOUND],
    ['limit: 200p', '20mbit', NO_BOUND, 200],
    ['limit: 1500B', '20mbit', 1500, NO_BOUND],
  ])('{ %s } at %s', (fields, ceil, limitBytes, limitPackets) => {
    expect(queueOf(fields, ceil)).toMatchObject({ limitBytes, limitPackets });
  });

  it.each([
    ['limit: 0p', `1p to ${HELD_MAX}p`],
    [`limit: ${HELD_MAX + 1}p`, `1p to ${HELD_MAX}p`],
    ['limit: 1499B', 'does not hold a full-sized packet'],
    ['limit: 1us', 'does not hold a full-sized packet'],
    ['limit: 1000', 'has no unit'],
    ['limit: 64kb', 'capital B'],
    ['limit: 5m', 'is not a size'],
    ['limit: big', 'is not a size'],
  ])('{ %s } is refused', (fields, message) => {
    expect(problemsIn(fields)).toContain(message);
  });
});
