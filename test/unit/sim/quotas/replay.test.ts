import { describe, expect, test } from 'vitest';
import { type RecordedHost, Replay, type ReplayResult } from '../../../../src/sim/quotas/replay.ts';
import type { QuotaSpec } from '../../../../src/spec/hosts.ts';
import { HOUR_NS, NO_RATES, quotaSpec, windowSpec } from '../../../oracle/quota-spec.ts';

const HOUR_MS = 3_600_000;
const MINUTE_NS = 60e9;
const FROM_MS = Date.UTC(2026, 9, 1);

/** Bytes down of each hour; null is unknown. A tenth of it up. */
function recorded(id: string, hours: readonly (number | null)[]): RecordedHost {
  const at = (n: number): number => FROM_MS + n * HOUR_MS;
  return {
    id,
    fromMs: Float64Array.from(hours, (_, n) => at(n)),
    toMs: Float64Array.from(hours, (_, n) => at(n + 1)),
    upBytes: Float64Array.from(hours, (bytes) => (bytes === null ? Number.NaN : bytes / 10)),
    downBytes: Float64Array.from(hours, (bytes) => bytes ?? Number.NaN),
  };
}

function replayed(
  quotas: readonly QuotaSpec[],
  hosts: readonly RecordedHost[],
  isHeld: boolean,
): ReplayResult {
  const replay = new Replay({ quotas, hosts, holdsFor: (_, id) => id !== 'free', rates: NO_RATES, isHeld });
  while (replay.step(7)) expect(replay.progress).toBeLessThan(1);
  expect(replay.progress).toBe(1);
  return replay.result();
}

const BLOCK = quotaSpec('q', [windowSpec(4 * HOUR_NS, { downBytes: 2400 })], {
  isBlocking: true,
  warnShare: 0.5,
});

test('as recorded: exceeded when the sum is above the limit, until the window has slid', () => {
  const calm = [0, 0, 0, 0];
  const result = replayed(
    [BLOCK],
    [recorded('a', [1200, 1200, 1200, ...calm, 0]), recorded('free', [9e9])],
    false,
  );
  expect(result).toMatchObject({ fromMs: FROM_MS, toMs: FROM_MS + 8 * HOUR_MS, hosts: 2, tickMs: 300_000 });
  expect(result.downBytes).toBe(3600 + 9e9);
  expect(result.upBytes).toBe(360 + 9e8);
  expect(result.keptBackBytes).toBe(0);
  expect(result.totals).toEqual([
    {
      quota: 'q',
      hostsWarned: 1,
      hostsExceeded: 1,
      violations: 1,
      exceededNs: 2 * HOUR_NS + 55 * MINUTE_NS,
      hostsExceededMax: 1,
    },
  ]);
  // A hundred bytes come in five minutes: the first above 2400 after two hours. They slide out likewise: the
  // twelfth hundred, with which it ends, came at 55 minutes.
  expect(result.outcomes).toMatchObject([
    { host: 'a', warnings: 1, violations: [{ fromNs: 2 * HOUR_NS, untilNs: 4 * HOUR_NS + 55 * MINUTE_NS }] },
  ]);
});

test('what is unknown counts as nothing, and is told', () => {
  const result = replayed([BLOCK], [recorded('a', [1200, null, 1200, null])], false);
  expect(result.downBytes).toBe(2400);
  expect(result.unknownShare).toBe(0.5);
  expect(result.outcomes[0].violations).toEqual([]);
});

describe('held', () => {
  test('a stopped host has nothing until it is released', () => {
    const hosts = [recorded('a', [1200, 1200, 1200, 1200, 1200, 1200])];
    const result = replayed([BLOCK], hosts, true);
    const { violations } = result.outcomes[0];
    expect(violations[0]).toMatchObject({ fromNs: 2 * HOUR_NS, untilNs: 4 * HOUR_NS });
    // It exceeds the limit by a byte each time: 2401 of 2400 in four hours.
    expect(result.downBytes).toBeGreaterThan(2400);
    expect(result.keptBackBytes).toBe(6 * 1320 - result.downBytes - result.upBytes);
    expect(result.keptBackBytes).toBeGreaterThan(2600);
  });

  test('the limit is met to the byte, however much comes in a tick', () => {
    const result = replayed([BLOCK], [recorded('a', [1e9])], true);
    expect(result.downBytes).toBe(2401);
  });

  test('a throttled host has its rate', () => {
    const throttle = { upBytesPerSec: 1, downBytesPerSec: 2 };
    const quota = quotaSpec('q', [windowSpec(240 * HOUR_NS, { downBytes: 100 })], { throttle });
    const result = replayed([quota], [recorded('a', [1e9, 1e9])], true);
    // 100 bytes and one more, then two a second but for the moment that those took.
    expect(result.downBytes).toBe(101 + 2 * 7200);
    expect(result.outcomes[0].violations).toHaveLength(1);
  });
});

test('nothing recorded is nothing to tell', () => {
  const result = replayed([BLOCK], [recorded('a', [])], false);
  expect(result).toMatchObject({ hosts: 1, downBytes: 0, unknownShare: 0, outcomes: [] });
});
