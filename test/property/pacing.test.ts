/** Shares, checksums and the timing of acknowledgements against slow, obvious twins. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dataComes,
  dueNs,
  HOLD_MAX_NS,
  openTiming,
  passes,
  recentHoldNs,
  TIMING_WORDS,
} from '../../src/algo/pacing/ack-timing.ts';
import { CHECKSUM_AT, checksumAfter, tcpChecksum } from '../../src/algo/pacing/checksum.ts';
import { waterLevel } from '../../src/algo/pacing/share.ts';
import { runs } from '../effort.ts';

const SEED = Number(process.env.SEED ?? 12);

describe('the level of shares', () => {
  /** Fills the smallest want first. */
  function slowLevel(capacity: number, wanted: readonly number[]): number {
    let left = capacity;
    const sorted = [...wanted].sort((a, b) => a - b);
    for (const [n, want] of sorted.entries()) {
      const level = left / (sorted.length - n);
      if (want >= level) return level;
      left -= want;
    }
    return wanted.length === 0 ? left : left + Math.max(...wanted);
  }

  it('is that of a twin that sorts, and leaves nothing that somebody wants', () => {
    const want = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(1000));
    fc.assert(
      fc.property(fc.nat(20_000), fc.array(want, { maxLength: 40 }), (capacity, wanted) => {
        const level = waterLevel(capacity, Float64Array.from(wanted), wanted.length);
        const slow = slowLevel(capacity, wanted);
        expect(level).toBeCloseTo(slow, 6);
        expect(level).toBeLessThanOrEqual(capacity + 1e-6);
        const taken = wanted.reduce((sum, one) => sum + Math.min(one, level), 0);
        expect(taken).toBeLessThanOrEqual(capacity * (1 + 1e-9) + 1e-9);
        if (taken < capacity - 1e-6) expect(wanted.every((one) => one <= level)).toBe(true);
      }),
      { seed: SEED, numRuns: runs(500) },
    );
  });
});

describe('checksums', () => {
  const words = (bytes: Uint8Array): number => {
    let sum = 0;
    for (let n = 0; n < bytes.length; n += 2) sum += (bytes[n]! << 8) | (bytes[n + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return sum;
  };

  it('of a whole segment make its sum all ones, for either family and any length', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ minLength: 20, maxLength: 3000 }), (isIpv4, segment) => {
        const headerBytes = isIpv4 ? 20 : 40;
        const packet = new Uint8Array(7 + headerBytes + segment.length).fill(77);
        packet[7] = isIpv4 ? 0x45 : 0x60;
        packet.set(segment, 7 + headerBytes);
        const at = 7 + headerBytes;
        const checksum = tcpChecksum(packet, 7, at, packet.length);
        packet[at + CHECKSUM_AT] = checksum >> 8;
        packet[at + CHECKSUM_AT + 1] = checksum & 0xff;
        const addresses = packet.slice(7 + (isIpv4 ? 12 : 8), 7 + headerBytes);
        const length = packet.length - at;
        const pseudo = [...addresses, length >> 8, length & 0xff, 0, 6];
        expect(words(Uint8Array.from([...pseudo, ...packet.slice(at)]))).toBe(0xffff);
      }),
      { seed: SEED, numRuns: runs(300) },
    );
  });

  it('after a change of one word are those of the whole segment', () => {
    const word = fc.nat(0xffff);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 90 }), word, (segment, window) => {
        const packet = Uint8Array.from([0x45, ...new Array(19).fill(9), ...segment]);
        const before = tcpChecksum(packet, 0, 20, packet.length);
        const old = (packet[34]! << 8) | packet[35]!;
        packet[34] = window >> 8;
        packet[35] = window & 0xff;
        expect(checksumAfter(before, old, window)).toBe(tcpChecksum(packet, 0, 20, packet.length));
      }),
      { seed: SEED, numRuns: runs(500) },
    );
  });
});

describe('the timing of acknowledgements', () => {
  const step = fc.record({
    gapNs: fc.oneof(fc.nat(1e6), fc.nat(500e6)),
    bytes: fc.nat(6000),
    isHeld: fc.boolean(),
  });
  const path = fc.integer({ min: 100_000, max: 300e6 });

  it('holds none beyond the bound, nor much longer than the ones before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1e6), path, (steps, nsPerByte, roundTripNs) => {
        const words = new Float64Array(TIMING_WORDS);
        openTiming(words, 0);
        let now = 1e9;
        for (const { gapNs, bytes, isHeld } of steps) {
          now += gapNs;
          const before = recentHoldNs(words, 0);
          if (!isHeld) {
            passes(words, 0, bytes * nsPerByte, now);
            continue;
          }
          dataComes(words, 0, bytes * nsPerByte, now);
          const hold = dueNs(words, 0, bytes * nsPerByte, roundTripNs, 0, false, HOLD_MAX_NS, now) - now;
          expect(hold).toBeLessThanOrEqual(HOLD_MAX_NS);
          expect(hold).toBeLessThanOrEqual(before + (roundTripNs + before) / 2 + 1.5e6 + 1e-3);
        }
      }),
      { seed: SEED, numRuns: runs(500) },
    );
  });

  it('paces a connection to its share, once its holds have grown', () => {
    // Two segments at 12.5 kB/s take 232 ms, of which the path takes 20 ms.
    const words = new Float64Array(TIMING_WORDS);
    openTiming(words, 0);
    const [bytes, nsPerByte, roundTripNs] = [2896, 1e9 / 12_500, 20e6];
    const holdsMs: number[] = [];
    let now = 1e9;
    for (let n = 0; n < 60; n++) {
      const due = Math.max(now, dueNs(words, 0, bytes * nsPerByte, roundTripNs, 0, false, HOLD_MAX_NS, now));
      holdsMs.push((due - now) / 1e6);
      now = due + roundTripNs;
    }
    expect(holdsMs.slice(0, 3).map(Math.round)).toEqual([0, 0, 12]);
    expect(holdsMs.at(-1)).toBeCloseTo(231.68 - 20, 1);
    // What the sender takes for the round trip follows: its probe waits for two of them.
    let smoothedMs = 20;
    for (const holdMs of holdsMs) {
      expect(20 + holdMs).toBeLessThan(2 * smoothedMs + 2);
      smoothedMs += (20 + holdMs - smoothedMs) / 8;
    }
  });
});
