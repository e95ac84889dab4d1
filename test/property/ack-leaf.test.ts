/** A fair leaf with the ACK filter, from bytes to verdicts, against a list that the slow twin thins out. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NF_DROP, NF_INET_LOCAL_OUT } from '../../src/packet/batch.ts';
import { IPPROTO_TCP } from '../../src/packet/tcp-header.ts';
import type { PacketShape } from '../../src/sim/packets/packets.ts';
import { runs } from '../effort.ts';
import { redundantIndex, type Segment } from '../oracle/ack-filter.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { CLIENT, SECOND, SERVER, shaper, up, World } from '../sim/world.ts';

const SEED = Number(process.env.SEED ?? 82);
const OFFSET = 0xffff_fff8;
const word = (value: number): number[] => [24, 16, 8, 0].map((shift) => ((value + OFFSET) >>> shift) & 255);

function bytesOf({ flags, ack, flow, sack = [], ts, unknown_option }: Segment): PacketShape {
  const tcpOptions = [
    ...(ts ? [1, 1, 8, 10, 0, 0, 0, ts[0], 0, 0, 0, ts[1]] : []),
    ...(sack.length > 0 ? [1, 1, 5, 2 + 8 * sack.length, ...sack.flat().flatMap(word)] : []),
    ...(unknown_option ? [30, 4, 0, 0] : []),
  ];
  const ports = { sport: flow.charCodeAt(0), dport: 443 };
  return {
    src: CLIENT,
    dst: SERVER,
    protocol: IPPROTO_TCP,
    tcpFlags: flags,
    tcpAck: (ack + OFFSET) >>> 0,
    tcpOptions,
    ...ports,
  };
}

const headerBytes = (shape: PacketShape): number => 40 + (shape.tcpOptions?.length ?? 0);

function arrivalOf(segment: Segment): SimArrival {
  const shape = bytesOf(segment);
  return up(0, headerBytes(shape) + (segment.payload ?? 0), { shape });
}

/**
 * What of these, which come at once, is dropped: numbers from 0, in any order. The leaf lets a byte through
 * per second.
 */
function droppedBy(arrivals: readonly SimArrival[], ackFilter = true): number[] {
  const queue = { discipline: 'fair', isolation: 'host', ackFilter } as const;
  const world = new World(
    shaper({ wan: { up: { rate: 1, burst: 1, leaves: [{ name: 'default', queue }] } } }),
  );
  // The first packet of all takes the only token.
  world.inject([up(0, 40), ...arrivals]);
  world.run(SECOND / 2);
  const dropped = world.port.rows.filter((row) => row.verdict === NF_DROP).map((row) => row.packetId - 2);
  const { stats, classes } = world.engine;
  const leaf = classes.findIndex(({ path }) => path === 'wan/up/default');
  expect(stats.dropAqm[leaf]).toBe(dropped.length);
  expect(stats.backlogPackets[leaf]).toBe(arrivals.length - dropped.length);
  return dropped.sort((a, b) => a - b);
}

const anySack = fc
  .array(fc.tuple(fc.integer({ min: 5, max: 20 }), fc.integer({ min: 1, max: 4 })), { maxLength: 2 })
  .map((blocks) => blocks.map(([left, length]): [number, number] => [left, left + length]));
const rare = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );
const anySegment: fc.Arbitrary<Segment> = fc.record({
  flow: rare('a', 'b'),
  flags: rare(0x10, 0x50, 0x90, 0x18, 0x11, 0x12),
  ack: fc.integer({ min: 1, max: 12 }),
  payload: rare(0, 5),
  sack: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: anySack }),
  ts: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constant(1)),
  unknown_option: rare(false, true),
});

test('drops what the slow twin drops, in every order of arrival', () => {
  let drops = 0;
  fc.assert(
    fc.property(fc.array(anySegment, { minLength: 2, maxLength: 25, size: 'max' }), (segments) => {
      const queue: { index: number; segment: Segment }[] = [];
      const expected: number[] = [];
      for (const [index, arrival] of segments.entries()) {
        queue.push({ index, segment: arrival });
        const useless = redundantIndex(
          queue.map((entry) => entry.segment),
          false,
        );
        if (useless !== null) expected.push(...queue.splice(useless, 1).map((entry) => entry.index));
      }
      expect(droppedBy(segments.map(arrivalOf))).toEqual(expected.sort((a, b) => a - b));
      drops += expected.length;
    }),
    { seed: SEED, numRuns: runs(100) },
  );
  expect(drops, 'the runs reach the interesting part').toBeGreaterThan(runs(100));
});

const ACKS = [100, 200, 300, 400].map((ack): Segment => ({ flow: 'a', flags: 0x10, ack }));

test('of four ACKs the two oldest are dropped; without the filter none', () => {
  expect(droppedBy(ACKS.map(arrivalOf))).toEqual([0, 1]);
  expect(droppedBy(ACKS.map(arrivalOf), false)).toEqual([]);
});

test('fragments, and SSH from this host, keep all their ACKs', () => {
  const fragment = { id: 1, offsetBytes: 0, more: true };
  const pieces = ACKS.map(arrivalOf).map((arrival) => ({
    ...arrival,
    shape: { ...arrival.shape, fragment },
  }));
  expect(droppedBy(pieces)).toEqual([]);
  const ssh = ACKS.map(arrivalOf).map((arrival) => ({
    ...arrival,
    hook: NF_INET_LOCAL_OUT,
    shape: { ...arrival.shape, sport: 22 },
  }));
  expect(droppedBy(ssh)).toEqual([]);
});
