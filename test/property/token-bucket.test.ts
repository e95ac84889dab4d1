/**
 * The invariants of src/algo/buckets/token-bucket.ts, and the bucket against its slow twin in exact
 * arithmetic.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  conformNs,
  conforms,
  createTokenBuckets,
  fillBucket,
  fullWithoutNs,
  type TokenBuckets,
  takeTokens,
} from '../../src/algo/buckets/token-bucket.ts';
import { runs } from '../effort.ts';
import { type Departure, SCALE, SlowTokenBucket, worstExcessBytes } from '../oracle/token-bucket.ts';
import { retuneBucket, tokensBytes } from '../reference/tokens.ts';

const SEED = Number(process.env.SEED ?? 60);
/**
 * Instants stay below 2^38 ns here, where float64 is exact to 2^-15 ns: a few hundred steps err by less than
 * this.
 */
const TOLERANCE_NS = 0.02;

const rate: fc.Arbitrary<number> = fc.constantFrom(
  1,
  7,
  1000,
  8000,
  125_000,
  1_250_000,
  3_333_333,
  125_000_000,
);
const burst = fc.integer({ min: 1, max: 20_000 });
const length = fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.constantFrom(40, 1500, 9000, 65_000));
/** Nothing (the clock stands still), nanoseconds, or up to a tenth of a second. */
const gapNs = fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(100_000_000));
const arrivals = fc.array(fc.tuple(gapNs, length), { minLength: 1, maxLength: 60 });

function bucket(rateBytesPerSec: number, burstBytes: number): TokenBuckets {
  const b = createTokenBuckets(1);
  fillBucket(b, 0, rateBytesPerSec, burstBytes);
  return b;
}

/** What `ns` are worth at this rate, plus rounding of byte counts. */
const toleranceBytes = (rateBytesPerSec: number): number => (rateBytesPerSec * TOLERANCE_NS) / 1e9 + 1e-6;

/**
 * Shapes a FIFO, looked at only at the given instants; what is there by then leaves at the instant it
 * conformed.
 */
function shapeLookingAt(
  b: TokenBuckets,
  packets: readonly { readonly atNs: number; readonly lengthBytes: number }[],
  looksNs: readonly number[],
): Departure[] {
  const departures: Departure[] = [];
  let head = 0;
  for (const lookNs of looksNs) {
    while (head < packets.length && packets[head].atNs <= lookNs) {
      const { atNs: arrivedNs, lengthBytes } = packets[head];
      const atNs = conformNs(b, 0, lengthBytes, arrivedNs);
      if (atNs > lookNs) break;
      takeTokens(b, 0, lengthBytes, atNs);
      departures.push({ atNs, lengthBytes });
      head++;
    }
  }
  return departures;
}

function timed(list: readonly (readonly [number, number])[]): { atNs: number; lengthBytes: number }[] {
  let nowNs = 0;
  return list.map(([gap, lengthBytes]) => {
    nowNs += gap;
    return { atNs: nowNs, lengthBytes };
  });
}

test('invariant 1, policer: in every interval at most burst + rate x interval passes', () => {
  fc.assert(
    fc.property(rate, burst, arrivals, (rateBytesPerSec, burstBytes, list) => {
      const b = bucket(rateBytesPerSec, burstBytes);
      const passed = timed(list).filter(({ atNs, lengthBytes }) => {
        const passes = conforms(b, 0, lengthBytes, atNs);
        if (passes) takeTokens(b, 0, lengthBytes, atNs);
        return passes;
      });
      const excess = worstExcessBytes(passed, rateBytesPerSec, burstBytes);
      expect(excess).toBeLessThanOrEqual(toleranceBytes(rateBytesPerSec));
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('invariant 1, shaper: the same, with the one packet larger than the burst that may leave in debt', () => {
  fc.assert(
    fc.property(rate, burst, arrivals, (rateBytesPerSec, burstBytes, list) => {
      const b = bucket(rateBytesPerSec, burstBytes);
      const packets = timed(list);
      const departures = shapeLookingAt(b, packets, [Number.POSITIVE_INFINITY]);
      expect(departures.length).toBe(packets.length);
      const largest = Math.max(...packets.map((p) => p.lengthBytes));
      const excess = worstExcessBytes(departures, rateBytesPerSec, Math.max(burstBytes, largest));
      // Instants here go up to a day, so each is rounded to 2^-6 ns.
      expect(excess).toBeLessThanOrEqual((rateBytesPerSec * 60) / 64e9 + 1e-3);
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('invariant 2: against the twin, through takings, refusals and rate changes, not a token is lost or minted', () => {
  const step = fc.record({ gap: gapNs, length, retune: fc.option(fc.tuple(rate, burst), { freq: 5 }) });
  fc.assert(
    fc.property(rate, burst, fc.array(step, { maxLength: 60 }), (rateBytesPerSec, burstBytes, steps) => {
      const b = bucket(rateBytesPerSec, burstBytes);
      const twin = new SlowTokenBucket(rateBytesPerSec, burstBytes);
      let nowNs = 0;
      let slowestRate = rateBytesPerSec;
      let fastestRate = rateBytesPerSec;
      for (const { gap, length: lengthBytes, retune } of steps) {
        nowNs += gap;
        if (retune) {
          const [newRate, newBurst] = retune;
          slowestRate = Math.min(slowestRate, newRate);
          fastestRate = Math.max(fastestRate, newRate);
          const before = tokensBytes(b, 0, nowNs);
          retuneBucket(b, 0, newRate, newBurst, nowNs);
          twin.retune(nowNs, newRate, newBurst);
          const after = tokensBytes(b, 0, nowNs);
          expect(Math.abs(after - Math.min(before, newBurst))).toBeLessThan(toleranceBytes(fastestRate));
        }
        const margin = Number(twin.scaledMargin(nowNs, lengthBytes)) / Number(SCALE);
        const tolerance = toleranceBytes(fastestRate);
        expect(Math.abs(tokensBytes(b, 0, nowNs) - lengthBytes - margin)).toBeLessThan(tolerance);
        const passes = conforms(b, 0, lengthBytes, nowNs);
        if (Math.abs(margin) > tolerance) expect(passes).toBe(margin > 0);
        if (!passes) continue;
        takeTokens(b, 0, lengthBytes, nowNs);
        twin.take(nowNs, lengthBytes);
      }
    }),
    { seed: SEED, numRuns: runs(500) },
  );
});

test('the instant at which a packet conforms is the one the twin computes', () => {
  fc.assert(
    fc.property(rate, burst, arrivals, (rateBytesPerSec, burstBytes, list) => {
      const b = bucket(rateBytesPerSec, burstBytes);
      const twin = new SlowTokenBucket(rateBytesPerSec, burstBytes);
      let nowNs = 0;
      for (const [gap, lengthBytes] of list) {
        nowNs += gap;
        const atNs = Math.ceil(conformNs(b, 0, lengthBytes, nowNs) - TOLERANCE_NS);
        expect(Math.abs(atNs - twin.conformNs(nowNs, lengthBytes))).toBeLessThanOrEqual(1);
        if (atNs > 2 ** 38) return;
        nowNs = twin.conformNs(nowNs, lengthBytes);
        takeTokens(b, 0, lengthBytes, nowNs);
        twin.take(nowNs, lengthBytes);
      }
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

test('however late and however often one looks, every packet leaves at the same instant', () => {
  const looks = fc.array(fc.nat(2_000_000_000), { maxLength: 40 });
  fc.assert(
    fc.property(rate, burst, arrivals, looks, (rateBytesPerSec, burstBytes, list, times) => {
      const packets = timed(list);
      const sorted = [...times.sort((x, y) => x - y), Number.POSITIVE_INFINITY];
      const once = shapeLookingAt(bucket(rateBytesPerSec, burstBytes), packets, [Number.POSITIVE_INFINITY]);
      const often = shapeLookingAt(bucket(rateBytesPerSec, burstBytes), packets, sorted);
      expect(often).toEqual(once);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});

test('while the clock stands still at most one burst passes', () => {
  fc.assert(
    fc.property(
      rate,
      burst,
      fc.nat(1e9),
      fc.array(length, { maxLength: 50 }),
      (r, burstBytes, nowNs, list) => {
        const b = bucket(r, burstBytes);
        let passedBytes = 0;
        for (const lengthBytes of list) {
          if (!conforms(b, 0, lengthBytes, nowNs)) continue;
          takeTokens(b, 0, lengthBytes, nowNs);
          passedBytes += lengthBytes;
        }
        expect(passedBytes).toBeLessThanOrEqual(burstBytes);
      },
    ),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('tokens that come back never make more than if they had not been taken, and lack no more than has grown since', () => {
  const run = (rateBytesPerSec: number, burstBytes: number, packets: [number, number][], lost: number) => {
    const with_ = bucket(rateBytesPerSec, burstBytes);
    const without = bucket(rateBytesPerSec, burstBytes);
    let nowNs = 0;
    let takenNs = 0;
    const at = lost % packets.length;
    for (const [n, [gap, lengthBytes]] of packets.entries()) {
      nowNs = conformNs(with_, 0, lengthBytes, nowNs + gap);
      takeTokens(with_, 0, lengthBytes, nowNs);
      if (n === at) takenNs = nowNs;
      else takeTokens(without, 0, lengthBytes, nowNs);
    }
    const fullNs = fullWithoutNs(with_.fullNs[0], with_.nsPerByte[0], packets[at][1], takenNs, nowNs);
    expect(fullNs).toBeLessThanOrEqual(with_.fullNs[0]);
    const more = Math.max(nowNs, fullNs) - Math.max(nowNs, without.fullNs[0]);
    expect(more).toBeGreaterThanOrEqual(-TOLERANCE_NS);
    expect(more).toBeLessThanOrEqual(nowNs - takenNs + TOLERANCE_NS);
  };
  fc.assert(
    fc.property(rate, burst, arrivals, fc.nat(100), (rateBytesPerSec, burstBytes, packets, lost) => {
      run(rateBytesPerSec, burstBytes, packets, lost);
    }),
    { seed: SEED, numRuns: runs(300) },
  );
});
