import { describe, expect, it } from 'vitest';
import type { AqmSpec, QueueSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, warningsOf, withClasses } from '../helpers.ts';

const queueOf = (fields: string, ceil = '20mbit'): QueueSpec =>
  classOf(`ceil: ${ceil}, queue: { ${fields} }`).queue!;
const aqmOf = (aqm: string, ceil?: string): AqmSpec => queueOf(`aqm: ${aqm}`, ceil).aqm;
const problemsIn = (aqm: string): string => classProblems(`queue: { aqm: ${aqm} }`).join('\n');

describe('aqm', () => {
  it.each(['none', 'codel', 'pie', 'red', 'wred'])('%s by its name', (kind) => {
    expect(aqmOf(kind)).toMatchObject({ kind });
  });

  it.each(['codel', 'pie', 'red', 'wred'])('%s by its name is %s with every default', (kind) => {
    expect(queueOf(`aqm: { ${kind}: {} }`)).toEqual(queueOf(`aqm: ${kind}`));
  });

  // Linux: fq_codel marks unless told not to; codel, pie and red drop unless told to mark.
  it.each([
    ['fair', 'codel', true],
    ['fair', 'pie', false],
    ['fair', 'red', false],
    ['fair', 'wred', false],
    ['fifo', 'codel', false],
    ['fifo', 'pie', false],
    ['short-first', 'codel', false],
  ])('ecn of %s with %s is %s unless it is written', (discipline, kind, ecn) => {
    expect(queueOf(`discipline: ${discipline}, aqm: ${kind}`).ecn).toBe(ecn);
    for (const written of [true, false]) {
      expect(queueOf(`discipline: ${discipline}, aqm: { ${kind}: { ecn: ${written} } }`).ecn).toBe(written);
    }
  });

  it.each([
    ['fast', 'is not one of: none, codel, pie, red, wred'],
    ['[red]', 'aqm must be a map'],
    ['{}', 'aqm is empty; it takes: none, codel, pie, red, wred, or { NAME: … }'],
    ['{ blue: {} }', "unknown key 'blue' in aqm"],
    ['{ none: {} }', "unknown key 'none' in aqm"],
    ['{ red: }', 'red has no value; it takes: map'],
    ['{ red: {}, pie: {} }', 'a queue has one aqm: red is chosen already, so pie cannot be added'],
    ['{ codel: 5ms }', 'codel must be a map'],
    ['{ codel: { ecn: maybe } }', 'neither true nor false'],
  ])('%s is refused', (aqm, message) => {
    expect(problemsIn(aqm)).toContain(message);
  });
});

describe('CoDel', () => {
  // Rates and results of the vector cake-rate-parameters: 1.5 frames of 1514 B, never less than 5 ms.
  it.each([
    ['64kbit', 283_875_000, 567_750_000],
    ['128kbit', 141_937_500, 283_875_000],
    ['512kbit', 35_484_375, 130_484_375],
    ['1mbit', 18_168_000, 113_168_000],
    ['2mbit', 9_084_000, 104_084_000],
    ['5mbit', 5_000_000, 100_000_000],
    ['20mbit', 5_000_000, 100_000_000],
  ])('at %s', (ceil, targetNs, intervalNs) => {
    expect(aqmOf('codel', ceil)).toEqual({ kind: 'codel', codel: { targetNs, intervalNs } });
  });

  it.each([
    ['target: 15ms', 15e6, 110e6],
    ['target: 1ms', 1e6, 100e6],
    ['target: 200ms', 200e6, 400e6],
    ['interval: 50ms', 5e6, 50e6],
    ['target: 20ms, interval: 300ms', 20e6, 300e6],
  ])('{ %s }', (codel, targetNs, intervalNs) => {
    expect(aqmOf(`{ codel: { ${codel} } }`)).toEqual({ kind: 'codel', codel: { targetNs, intervalNs } });
  });

  it.each([
    ['target: 50ms, interval: 50ms', 'target 50ms must be below interval 50ms'],
    ['interval: 4ms', 'target 5ms must be below interval 4ms'],
    ['target: 5', 'has no unit'],
    ['target: 1us', 'out of range: 10us to 10s'],
    ['interval: 5m', 'out of range'],
    ['limit: 5ms', "unknown key 'limit' in codel"],
  ])('{ %s } is refused', (codel, message) => {
    expect(problemsIn(`{ codel: { ${codel} } }`)).toContain(message);
  });

  it('a target below what a packet takes is warned about', () => {
    const at = (rate: string): string[] =>
      warningsOf(
        withClasses(`c: { ceil: ${rate}, match: { dport: 1 }, queue: { aqm: { codel: { target: 5ms } } } }`),
      );
    expect(at('1mbit').join()).toContain(
      'codel: target 5ms is less than the 18168us of 1.5 full-sized packets at 1mbit',
    );
    expect(at('4mbit')).toEqual([]);
  });
});

describe('PIE', () => {
  const DEFAULTS = { targetNs: 15e6, updateNs: 15e6, burstNs: 150e6, alpha: 0.125, beta: 1.25 };

  it('defaults are those of RFC 8033, at every rate', () => {
    expect(aqmOf('pie')).toEqual({ kind: 'pie', pie: DEFAULTS });
    expect(aqmOf('pie', '100kbit')).toEqual({ kind: 'pie', pie: DEFAULTS });
  });

  it('takes every parameter', () => {
    expect(
      queueOf('aqm: { pie: { target: 20ms, update: 30ms, burst: 0ms, alpha: 0.5, beta: 2, ecn: true } }'),
    ).toMatchObject({
      aqm: { kind: 'pie', pie: { targetNs: 20e6, updateNs: 30e6, burstNs: 0, alpha: 0.5, beta: 2 } },
      ecn: true,
    });
  });

  it.each([
    ['target: 0ms', 'out of range'],
    ['update: 100us', 'out of range: 1ms to 10s'],
    ['alpha: 0', 'is not a number from 0.001 to 16'],
    ['beta: 17', 'is not a number from 0.001 to 16'],
    ['beta: 5/4', 'is not a number from 0.001 to 16'],
    ['interval: 5ms', "unknown key 'interval' in pie"],
  ])('{ %s } is refused', (pie, message) => {
    expect(problemsIn(`{ pie: { ${pie} } }`)).toContain(message);
  });
});
