/** Thresholds that nobody wrote, and profiles by precedence for the packets that written profiles leave. */
import { describe, expect, it } from 'vitest';
import {
  type Profile,
  profilesByPrecedence,
  redThresholds,
  roomBytes,
} from '../../../../src/config/fields/red-defaults.ts';

const basis = (limitBytes: number, meanPacketBytes = 1000) => ({
  ceilBytesPerSec: 2_500_000,
  meanPacketBytes,
  room: { given: null, defaultBytes: limitBytes },
});

describe('thresholds', () => {
  it.each([
    // A quarter of the limit; 15 mean packets; half the limit.
    [250_000, null, null, 20_833, 62_500],
    [40_000, null, null, 5000, 15_000],
    [20_000, null, null, 3333, 10_000],
    [250_000, 10_000, null, 10_000, 30_000],
    [250_000, null, 99_000, 33_000, 99_000],
    [250_000, 1000, 99_000, 1000, 99_000],
  ])('limit %i, min %s, max %s', (limitBytes, min, max, minBytes, maxBytes) => {
    expect(redThresholds(basis(limitBytes), false, min, max)).toEqual({ minBytes, maxBytes });
  });

  it('adaptive: 7.5 ms at the ceil', () => {
    expect(redThresholds(basis(250_000), true, null, null).maxBytes).toBe(18_750);
  });

  it('a limit in packets counts as mean packets', () => {
    const given = { limitBytes: Number.POSITIVE_INFINITY, limitPackets: 30 };
    expect(roomBytes({ ...basis(0, 500), room: { given, defaultBytes: 1 } })).toBe(15_000);
  });
});

describe('profiles by precedence', () => {
  const shared = { maxBytes: 40_000, probability: 0.1 };
  const profile = (dscp: number[], colours: number[] = []): Profile => ({
    dscp,
    colours,
    minBytes: 1,
    ...shared,
  });

  it('eight of them, from 16/18 to 9/18 of max, the last takes all others', () => {
    const profiles = profilesByPrecedence([], shared);
    expect(profiles.map(({ minBytes }) => minBytes)).toEqual([
      35_555, 33_333, 31_111, 28_888, 26_666, 24_444, 22_222, 20_000,
    ]);
    expect(profiles[0]!.dscp).toEqual([56, 57, 58, 59, 60, 61, 62, 63]);
    expect(profiles.at(-1)!.dscp).toEqual([]);
  });

  it('a code point that has a profile for every colour keeps none', () => {
    const [highest] = profilesByPrecedence([profile([56, 57])], shared);
    expect(highest!.dscp).toEqual([58, 59, 60, 61, 62, 63]);
    const [coloured] = profilesByPrecedence([profile([56], [0, 1])], shared);
    expect(coloured!.dscp).toContain(56);
    const [apart] = profilesByPrecedence([profile([56], [0, 1]), profile([], [2])], shared);
    expect(apart!.dscp).not.toContain(56);
  });

  it('a precedence without code points has no profile; with none left there are none', () => {
    const points = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
    expect(profilesByPrecedence([profile(points(64).slice(56))], shared)).toHaveLength(7);
    expect(profilesByPrecedence([profile(points(64))], shared)).toEqual([]);
  });
});
