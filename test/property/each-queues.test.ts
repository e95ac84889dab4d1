/**
 * Buckets of `each` against leaves: hosts that share a class with a bucket for each, beside hosts that have a
 * class each with the bucket's rate and burst as its ceiling. Every packet has the same verdict at the same
 * instant.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import type { QueueSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 2309);
const HOSTS = 3;
const RATE = 10_000;
const BURST = 1500;

const codel = { kind: 'codel', codel: { targetNs: 20 * MS, intervalNs: 100 * MS } } as const;
/** RED that chance does not enter: it drops all from max on. Bucket and leaf draw different numbers. */
const red = {
  kind: 'red',
  red: {
    minBytes: 2500,
    maxBytes: 3000,
    probability: 1e-12,
    weight: 0.5,
    gentle: false,
    byteMode: false,
    adaptive: false,
    meanPacketBytes: 1000,
  },
} as const;

interface Arrival {
  readonly atMs: number;
  readonly host: number;
  readonly flow: number;
  readonly lengthBytes: number;
}

const queue: fc.Arbitrary<Partial<QueueSpec>> = fc.record({
  discipline: fc.constantFrom('fair', 'fifo', 'short-first'),
  isolation: fc.constant('flow' as const),
  aqm: fc.constantFrom({ kind: 'none' } as const, codel, red),
  shortBytes: fc.constantFrom(1000, 4000),
  ecn: fc.boolean(),
});

/**
 * After a drop of CoDel the next packet asks for an instant of its own in a bucket, not in a leaf. So only
 * lengths that are alike compare.
 */
const arrivals = (sameLength: boolean): fc.Arbitrary<Arrival[]> =>
  fc.array(
    fc.record({
      atMs: fc.nat(4000),
      host: fc.integer({ min: 1, max: HOSTS }),
      flow: fc.integer({ min: 1, max: 4 }),
      lengthBytes: sameLength ? fc.constant(1000) : fc.constantFrom(100, 700, 1000, 1500),
    }),
    { minLength: 20, maxLength: 120 },
  );

/** Verdict and instant of every packet. */
function verdicts(leaves: readonly ClassInput[], packets: readonly Arrival[]): string[] {
  const w = new World(shaper({ wan: { up: { rate: 1e12, burst: 1e9, leaves } } }));
  const inOrder = [...packets].sort((a, b) => a.atMs - b.atMs);
  w.inject(
    inOrder.map(({ atMs, host, flow, lengthBytes }) =>
      up(atMs * MS, lengthBytes, { shape: udp(flow, { src: ipv4(10, 0, 0, host), ecn: flow & 1 }) }),
    ),
  );
  w.run(100 * SECOND);
  expect(w.totals.heldPackets).toBe(0);
  return w.port.trace
    .map(({ packetId, verdict, timeNs }) => `${packetId}: ${verdict} at ${timeNs}`)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

test('packets wait for a bucket as they wait for a ceiling', () => {
  const input = queue.chain((of) => arrivals(of.aqm?.kind === 'codel').map((packets) => ({ of, packets })));
  fc.assert(
    fc.property(input, ({ of, packets }) => {
      const each = { by: 'src', rateBytesPerSec: RATE, burstBytes: BURST, exceed: 'delay' } as const;
      const buckets = verdicts([{ name: 'default', each, queue: of }], packets);
      const own = Array.from({ length: HOSTS }, (_, i): ClassInput => {
        const words: [number, number, number, number] = [ipv4(10, 0, 0, i + 1), 0, 0, 0];
        const match = [{ src: [{ family: 4 as const, words, bits: 32 }] }];
        return { name: `host${i + 1}`, match, ceil: RATE, burst: BURST, queue: of };
      });
      expect(buckets).toEqual(verdicts(own, packets));
    }),
    { numRuns: runs(80), seed: SEED },
  );
});
