/**
 * What waits for a bucket of `each` waits as in a leaf: fair among the flows of the host, with CoDel and ECN
 * at the bucket's rate, and no bucket delays another.
 */
import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import { runTraffic, type SimulationResult } from '../../src/sim/simulation.ts';
import type { FlowSpec } from '../../src/sim/traffic/traffic.ts';
import type { AqmSpec } from '../../src/spec/spec.ts';
import { classOf, config, flowOf, flowsOf, SEEDS, sum } from './experiments.ts';
import { tcp, traffic, udp } from './net.ts';
import * as world from './world.ts';
import { type ClassInput, type EachInput, MS, repeat, SECOND, shaper, up, World } from './world.ts';

/** A line of 100 Mbit/s, on which each host has a bucket of its own. */
function ofHosts(mbit: number, queue: string, seed: number, flows: readonly FlowSpec[]): SimulationResult {
  const tree = `{ rate: 100mbit, classes: { flats: { each: { by: host, rate: ${mbit}mbit }, queue: ${queue} } } }`;
  const spec = config(`links: { wan: { device: wan0, up: ${tree}, down: ${tree} } }\n`);
  return runTraffic(spec, traffic(40, flows), 'hosts', seed);
}

const downloads = (options: FlowSpec['tcp'] = {}): FlowSpec[] =>
  [1, 2, 3, 4].map((n) =>
    tcp(`download ${n}`, (20 + 7 * n) * MS, { from: 'out', to: 'in', startNs: n * 37 * MS, options }),
  );

/** 50 packets of 200 B a second. */
const CALL: FlowSpec = { ...udp('call', 10_000, 200), from: 'out', to: 'in', sport: 5001, dport: 5000 };

const bitsPerSecond = (run: SimulationResult, name: string): number =>
  sum(flowsOf(run, name).map((flow) => flow.throughputBitsPerSecond));

describe.each([2, 20])('a call beside four downloads of its host, with a bucket of %i Mbit/s', (mbit) => {
  test.each(SEEDS)('seed %i: waits for one packet, loses none, and TCP has the rest', (seed) => {
    const run = ofHosts(mbit, '{}', seed, [...downloads(), CALL]);
    // A full-sized packet takes 6 ms at 2 Mbit/s.
    expect(flowOf(run, 'call').delayMilliseconds.p99).toBeLessThan(mbit === 2 ? 6.1 : 1);
    expect(flowOf(run, 'call').dropped).toBe(0);
    expect(bitsPerSecond(run, 'download')).toBeGreaterThan(0.95 * mbit * 1e6);
    expect(bitsPerSecond(run, '')).toBeLessThan(mbit * 1e6 * 1.001);
  });

  test('with ECN, CoDel of the bucket marks what it would drop', () => {
    const run = ofHosts(mbit, '{}', 1, [...downloads({ ecn: true }), CALL]);
    const { marked, dropped } = classOf(run, 'wan/down/flats');
    expect(marked).toBeGreaterThan(100);
    expect(dropped).toBe(0);
    expect(bitsPerSecond(run, 'download')).toBeGreaterThan(0.95 * mbit * 1e6);
  });

  test.each([
    ['PIE', '{ discipline: fifo, aqm: pie }', 40],
    ['RED', '{ discipline: fifo, aqm: { red: { min: 20ms, max: 60ms } } }', 90],
    ['CoDel', '{ discipline: fifo, aqm: { codel: { ecn: false } } }', 35],
  ])('a FIFO with %s waits by the time of the bucket', (_, queue, longestMs) => {
    const run = ofHosts(mbit, queue, 1, [...downloads(), CALL]);
    expect(flowOf(run, 'call').delayMilliseconds.p50).toBeLessThan(longestMs);
    expect(bitsPerSecond(run, '')).toBeGreaterThan(0.93 * mbit * 1e6);
  });
});

const ONE_A_SECOND = { rateBytesPerSec: 1000, burstBytes: 1000 };
const byHost = (more: Partial<EachInput> = {}): EachInput => ({
  by: 'src',
  exceed: 'delay',
  ...ONE_A_SECOND,
  ...more,
});
const FAIR = { discipline: 'fair', isolation: 'dual-src' } as const;

/** A leaf that nothing but its buckets delays. */
function leaf(more: Omit<ClassInput, 'name'>, seed = 1): World {
  const leaves = [{ name: 'default', ...more }];
  return new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }), { seed });
}

const packet = (t: number, host: number, flow: number, lengthBytes = 1000) =>
  up(t, lengthBytes, { shape: world.udp(flow, { src: ipv4(10, 0, 0, host) }) });

/** Ids of accepted packets, with their seconds. */
const accepted = (w: World): [id: number, seconds: number][] =>
  w.port.trace.flatMap(({ packetId, timeNs, verdict }) =>
    verdict === 1 ? [[packetId, timeNs / SECOND] as [number, number]] : [],
  );

describe('by hand', () => {
  test('flows of a host take turns in its bucket, and one that was idle goes first', () => {
    const w = leaf({ each: byHost(), queue: FAIR });
    // Four of flow 1; the first has the burst. Flow 2 comes when 2 to 4 wait.
    w.inject([...repeat(4, 0, (t) => packet(t, 1, 1)), packet(SECOND / 2, 1, 2), packet(SECOND / 2, 1, 2)]);
    w.run(10 * SECOND);
    // The idle flow was second on the list of new ones; then both go on by turns.
    expect(accepted(w)).toEqual([
      [1, 0],
      [2, 1],
      [5, 2],
      [3, 3],
      [6, 4],
      [4, 5],
    ]);
  });

  test('a packet of another length that has the next turn changes when the bucket is due', () => {
    const w = leaf({ each: byHost(), queue: FAIR });
    w.inject([packet(0, 1, 1), packet(0, 1, 1), packet(0, 1, 1), packet(0, 1, 2, 100)]);
    w.run(10 * SECOND);
    // Flow 2 is new when flow 1 has had its first quantum: 100 bytes take a tenth of a second.
    expect(accepted(w)).toEqual([
      [1, 0],
      [2, 1],
      [4, 1.1],
      [3, 2.1],
    ]);
  });

  test('one bucket never delays another', () => {
    const w = leaf({ each: byHost(), queue: FAIR });
    const flood = repeat(100, 10 * MS, (t) => packet(t, 1, 1));
    const calm = repeat(20, SECOND, (t) => packet(t, 2, 1), 5 * MS);
    const arrivals = [...flood, ...calm].sort((a, b) => a.timeNs - b.timeNs);
    w.inject(arrivals);
    w.run(60 * SECOND);
    const instants = new Map(accepted(w));
    for (const [i, arrival] of arrivals.entries())
      if (calm.includes(arrival)) expect(instants.get(i + 1)).toBe(arrival.timeNs / SECOND);
  });

  test('a packet that passes its bucket and waits for the ceiling does not delay that bucket again', () => {
    const leaves = [{ name: 'default', ceil: 500, burst: 1000, each: byHost(), queue: FAIR }];
    const w = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves } } }));
    w.inject([packet(0, 1, 1), packet(0, 1, 1), packet(0, 2, 1), packet(0, 2, 1)]);
    w.run(20 * SECOND);
    // Buckets let one packet of each host go at 0 and at 1; the ceiling one every other second, by host.
    expect(accepted(w)).toEqual([
      [1, 0],
      [3, 2],
      [2, 4],
      [4, 6],
    ]);
  });

  test('a host with packets of several leaves shares the bucket of the class around them', () => {
    const web = { name: 'web', match: [{ dport: [{ from: 80, to: 80 }] }], queue: FAIR };
    const guests = {
      name: 'default',
      each: byHost(),
      queue: FAIR,
      classes: [web, { name: 'default', queue: FAIR }],
    };
    const w = new World(shaper({ wan: { up: { rate: 1e9, burst: 1e6, leaves: [guests] } } }));
    const page = (t: number) => up(t, 1000, { shape: world.udp(7, { src: ipv4(10, 0, 0, 1), dport: 80 }) });
    w.inject([...repeat(4, 0, (t) => packet(t, 1, 1)), page(SECOND / 2), page(SECOND / 2)]);
    w.run(10 * SECOND);
    expect(accepted(w).map(([id]) => id)).toEqual([1, 2, 5, 3, 6, 4]);
    expect(w.classOf('wan/up/default/web').sent).toBe(2);
  });

  test('a full leaf drops from the fullest bucket, and there from its longest flow queue', () => {
    const w = leaf({ each: byHost({ rateBytesPerSec: 1 }), queue: FAIR, limitPackets: 7 });
    // The first packet of each host has the burst. Host 1: three of flow 1, one of flow 2; host 2: three.
    w.inject([packet(0, 1, 1), packet(0, 2, 1)]);
    w.inject([1, 1, 2, 1].map((flow) => packet(1, 1, flow)));
    w.inject([1, 1, 1].map((flow) => packet(2, 2, flow)));
    w.run(MS);
    expect(w.port.trace.filter(({ verdict }) => verdict === 0)).toEqual([]);
    w.inject([packet(MS, 3, 1), packet(MS, 3, 1), packet(MS, 2, 1)]);
    w.run(2 * MS);
    const dropped = w.port.trace.filter(({ verdict }) => verdict === 0).map(({ packetId }) => packetId);
    // Packet 10 has the burst of host 3. For 11, host 1 loses the head of flow 1. Then both have three:
    // packet 12 makes host 2 the fullest, which loses its own head.
    expect(dropped).toEqual([3, 7]);
  });

  test('RED looks at the queue of the packet’s own bucket', () => {
    const red = { kind: 'red', red: { ...RED_ALL, minBytes: 1000, maxBytes: 2000 } } as const;
    const w = leaf({ each: byHost({ rateBytesPerSec: 1 }), queue: { discipline: 'fifo', aqm: red } });
    // With weight 1 the average is what waits: the fourth packet of a host finds 2000 bytes.
    w.inject([1, 1, 1, 1, 1, 2, 2, 2, 2].map((host) => packet(0, host, 1)));
    w.run(0);
    const dropped = w.port.trace.filter(({ verdict }) => verdict === 0).map(({ packetId }) => packetId);
    expect(dropped).toEqual([4, 5, 9]);
    expect(w.classOf('wan/up/default').drops).toEqual([0, 3, 0]);
  });

  test('CoDel drops the head, and the packet behind it waits for tokens of its own', () => {
    const codel: AqmSpec = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } };
    const w = leaf({
      each: byHost({ rateBytesPerSec: 10_000 }),
      queue: { discipline: 'fifo', aqm: codel },
    });
    // Packet 1 has the burst, and the next two 100 ms each. Packet 3 finds the queue standing for an
    // interval: it is dropped at 200 ms, when it conforms. Packet 4 takes half of its tokens. Packet 5 is
    // longer than the burst, so it waits until the bucket is full and leaves a debt.
    w.inject([
      packet(0, 1, 1),
      packet(0, 1, 1),
      packet(0, 1, 1),
      packet(0, 1, 1, 500),
      packet(0, 1, 1, 1600),
    ]);
    w.inject([packet(0, 1, 1)]);
    w.run(SECOND);
    expect(w.port.trace.map(({ packetId, verdict, timeNs }) => [packetId, verdict, timeNs / MS])).toEqual([
      [1, 1, 0],
      [2, 1, 100],
      [3, 0, 200],
      [4, 1, 200],
      [5, 1, 250],
      [6, 1, 410],
    ]);
  });
});

const RED_ALL = {
  minBytes: 0,
  maxBytes: 0,
  probability: 1e-9,
  weight: 1,
  gentle: false,
  byteMode: false,
  adaptive: false,
  meanPacketBytes: 1000,
} as const;
