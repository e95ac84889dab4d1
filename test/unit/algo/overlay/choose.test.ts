import { expect, test } from 'vitest';
import { PathChoice, PathProbes } from '../../../../src/algo/overlay/choose.ts';
import { NONE } from '../../../../src/base/none.ts';

const MS = 1e6;
const SECOND = 1e9;

const choice = (): PathChoice => new PathChoice(3, { hysteresis: 0.1, lifetimeNs: 5 * SECOND });

test('the worked example: another path takes over when it is better by a tenth', () => {
  const paths = choice();
  paths.told(1, 50 * MS, 0);
  expect(paths.now(0)).toBe(1);
  paths.told(2, 47 * MS, 1);
  expect(paths.now(1)).toBe(1);
  paths.told(0, 40 * MS, 2);
  expect(paths.now(2)).toBe(0);
});

test('invariant 1: what is not known is not chosen', () => {
  const paths = choice();
  expect(paths.now(0)).toBe(NONE);
  paths.told(0, 1 * MS, 0);
  paths.told(1, 9 * MS, 4 * SECOND);
  expect(paths.now(5 * SECOND)).toBe(0);
  expect(paths.now(5 * SECOND + 1)).toBe(1);
  paths.lost(1);
  expect(paths.now(5 * SECOND + 2)).toBe(NONE);
});

test('the round trip of a path is the lowest of its last three', () => {
  const probes = new PathProbes();
  const rtts = [30, 10, 50, 60, 70].map((ms) => probes.answered(ms * MS, 0) / MS);
  expect(rtts).toEqual([30, 10, 10, 10, 50]);
});

test('four probes without an answer: dead, and asked after 1, 2, 4, … periods, 64 at most', () => {
  const probes = new PathProbes();
  const sentAt: number[] = [];
  for (let ms = 0; ms < 400_000; ms += 50) {
    if (!probes.isDue(ms * MS)) continue;
    probes.sent(250 * MS, SECOND, ms * MS);
    sentAt.push(ms);
  }
  const gaps = sentAt.slice(1).map((ms, i) => ms - (sentAt[i] as number));
  const seconds = [1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64].map((s) => s * 1000);
  expect(gaps).toEqual([250, 250, 250, ...seconds]);
  expect(probes.isDead).toBe(true);

  expect(probes.answered(5 * MS, 400_000 * MS)).toBe(5 * MS);
  expect([probes.isDead, probes.isDue(400_000 * MS)]).toEqual([false, true]);
});
