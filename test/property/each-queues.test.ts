/**
 * Buckets of `each` against leaves: hosts, or IPv6 prefixes, that share a class with a bucket for each,
 * beside hosts that have a class each with the rate and burst of the bucket as its ceiling. Every packet has
 * the same verdict at the same instant.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ipv4, type PacketShape } from '../../src/sim/packets/packets.ts';
import type { QueueSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { type ClassInput, MS, SECOND, shaper, udp, up, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 2309);
const HOSTS = 3;
const RATE = 10_000;
const BURST = 1500;

const SERVER6: Words = [0x20010db8, 0, 0, 1];
const prefix6 = fc.constantFrom(null, 16, 32, 33, 64, 65, 127, 128);

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
  /** Of the two addresses that a host has in its prefix. */
  readonly address: number;
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
      address: fc.nat(1),
      lengthBytes: sameLength ? fc.constant(1000) : fc.constantFrom(100, 700, 1000, 1500),
    }),
    { minLength: 20, maxLength: 120 },
  );

type Words = [number, number, number, number];

/**
 * The address of a host. With IPv6 the last two bits of its prefix name the host, and the first bit behind
 * the prefix the address.
 */
function wordsOf(host: number, address: number, prefix6Bits: number | null): Words {
  if (prefix6Bits === null) return [ipv4(10, 0, 0, host), 0, 0, 0];
  const behind = BigInt(128 - prefix6Bits);
  const inPrefix = behind === 0n ? 0n : BigInt(address) << (behind - 1n);
  const bits = (0x5n << 120n) | (BigInt(host) << behind) | inPrefix;
  return [96n, 64n, 32n, 0n].map((shift) => Number((bits >> shift) & 0xffffffffn)) as Words;
}

/** Verdict and instant of every packet. `prefix6Bits` null: the packets are of IPv4. */
function verdicts(
  leaves: readonly ClassInput[],
  packets: readonly Arrival[],
  prefix6Bits: number | null,
): string[] {
  const shapeOf = ({ host, address, flow }: Arrival): PacketShape => {
    const words = wordsOf(host, address, prefix6Bits);
    const ends = prefix6Bits === null ? { src: words[0] } : { src: words, dst: SERVER6 };
    return udp(flow, { ...ends, ecn: flow & 1 });
  };
  const w = new World(shaper({ wan: { up: { rate: 1e12, burst: 1e9, leaves } } }));
  const inOrder = [...packets].sort((a, b) => a.atMs - b.atMs);
  w.inject(inOrder.map((one) => up(one.atMs * MS, one.lengthBytes, { shape: shapeOf(one) })));
  w.run(100 * SECOND);
  expect(w.totals.heldPackets).toBe(0);
  return w.port.trace
    .map(({ packetId, verdict, timeNs }) => `${packetId}: ${verdict} at ${timeNs}`)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

test('packets wait for a bucket as they wait for a ceiling', () => {
  const input = queue.chain((of) =>
    fc.record({ of: fc.constant(of), packets: arrivals(of.aqm?.kind === 'codel'), prefix6Bits: prefix6 }),
  );
  fc.assert(
    fc.property(input, ({ of, packets, prefix6Bits }) => {
      const rate = { rateBytesPerSec: RATE, burstBytes: BURST };
      const each = { by: 'src', exceed: 'delay', prefix6Bits: prefix6Bits ?? 64, ...rate } as const;
      const buckets = verdicts([{ name: 'default', each, queue: of }], packets, prefix6Bits);
      const own = Array.from({ length: HOSTS }, (_, i): ClassInput => {
        const words = wordsOf(i + 1, 0, prefix6Bits);
        const prefix =
          prefix6Bits === null ? { family: 4 as const, bits: 32 } : { family: 6 as const, bits: prefix6Bits };
        const match = [{ src: [{ ...prefix, words }] }];
        return { name: `host${i + 1}`, match, ceil: RATE, burst: BURST, queue: of };
      });
      expect(buckets).toEqual(verdicts(own, packets, prefix6Bits));
    }),
    { numRuns: runs(80), seed: SEED },
  );
});
