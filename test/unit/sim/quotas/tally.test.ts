import { expect, test } from 'vitest';
import type { QuotaNews, StandingChange, ViolationChange } from '../../../../src/quotas/news.ts';
import { QuotaTally } from '../../../../src/sim/quotas/tally.ts';

const HOUR = 3600e9;
const DOWN = { overNs: 4 * HOUR, direction: 'down' } as const;
const UP = { overNs: 4 * HOUR, direction: 'up' } as const;

function standing(host: string, rest: Partial<StandingChange>): StandingChange {
  return {
    host,
    quota: 'q',
    from: 'ok',
    to: 'warned',
    usedBytes: 0,
    limitBytes: 0,
    atNs: 0,
    ...DOWN,
    ...rest,
  };
}

function violation(host: string, beganNs: number, atNs: number, hasBegun: boolean): ViolationChange {
  return { id: '', host, quota: 'q', hasBegun, beganNs, atNs };
}

const news = (rest: Partial<QuotaNews>): QuotaNews => ({ standings: [], violations: [], ...rest });

function exampleTally(): QuotaTally {
  const tally = new QuotaTally();
  tally.add(news({ standings: [standing('a', {}), standing('b', {})] }));
  tally.add(
    news({
      standings: [
        standing('a', { from: 'warned', to: 'exceeded' }),
        standing('a', { to: 'exceeded', ...UP }),
      ],
      violations: [violation('a', 1 * HOUR, 1 * HOUR, true)],
    }),
  );
  tally.add(
    news({
      standings: [standing('c', { to: 'exceeded' })],
      violations: [violation('c', 2 * HOUR, 2 * HOUR, true)],
    }),
  );
  tally.add(
    news({
      standings: [standing('a', { from: 'exceeded', to: 'ok' })],
      violations: [violation('a', 1 * HOUR, 3 * HOUR, false)],
    }),
  );
  return tally;
}

test('who was warned, who exceeded what, and how long', () => {
  const outcomes = exampleTally().outcomes(10 * HOUR);
  expect(outcomes).toEqual([
    {
      host: 'c',
      quota: 'q',
      warnings: 0,
      violations: [{ fromNs: 2 * HOUR, untilNs: null, limits: [DOWN] }],
      exceededNs: 8 * HOUR,
    },
    {
      host: 'a',
      quota: 'q',
      warnings: 1,
      violations: [{ fromNs: HOUR, untilNs: 3 * HOUR, limits: [DOWN, UP] }],
      exceededNs: 2 * HOUR,
    },
    { host: 'b', quota: 'q', warnings: 1, violations: [], exceededNs: 0 },
  ]);
});

test('the house: also quotas of which nothing is to be told', () => {
  expect(exampleTally().totals(['q', 'calm'], 10 * HOUR)).toEqual([
    {
      quota: 'q',
      hostsWarned: 3,
      hostsExceeded: 2,
      violations: 2,
      exceededNs: 10 * HOUR,
      hostsExceededMax: 2,
    },
    { quota: 'calm', hostsWarned: 0, hostsExceeded: 0, violations: 0, exceededNs: 0, hostsExceededMax: 0 },
  ]);
});
