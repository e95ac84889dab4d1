/**
 * What the flow table measures of TCP beside what both ends know of it: the headers of the virtual world are
 * those of real segments.
 *
 *   in -- [ shaper ] -- half of the round trip, each way -- out
 */
import { describe, expect, test } from 'vitest';
import { NONE } from '../../src/base/none.ts';
import { createFlowRecord, FlowReader, type FlowRecord } from '../../src/core/flows/flow-reader.ts';
import { buildWorld } from '../../src/sim/traffic/build.ts';
import type { FlowSpec, Traffic } from '../../src/sim/traffic/traffic.ts';
import { delayLine } from '../../src/sim/world/lines.ts';
import type { World } from '../../src/sim/world/world.ts';
import { seeds } from '../effort.ts';
import { bottleneck, HOSTS, MS, SECOND, TEN_MBIT, tcp, traffic } from './net.ts';
import { shaper } from './world.ts';

const STAMPS = [true, false] as const;

function run(
  spec: Parameters<typeof buildWorld>[0],
  seconds: number,
  flow: FlowSpec,
  more: Partial<Traffic> = {},
  seed = 1,
) {
  const world = buildWorld(spec, traffic(seconds, [flow], more), { seed });
  world.runUntil(seconds * SECOND);
  return world;
}

/** What was measured of the segments from port `sport`; null if the table does not know them. */
function measuredOf(world: World, sport: number): FlowRecord | null {
  const reader = new FlowReader(world.engine.flows.buffer);
  const record = createFlowRecord();
  for (let f = reader.next(NONE); f !== NONE; f = reader.next(f))
    if (reader.read(f, record) && record.sport === sport) return record;
  return null;
}

function sure<T>(value: T | null): T {
  if (value === null) throw new Error('there is none');
  return value;
}

describe('round trips', () => {
  test.each(STAMPS)(
    'the least is the delay, the smoothed one has the queue; time stamps: %s',
    (timestamps) => {
      const options = { windowPackets: 100, delayedAcks: false, timestamps };
      const world = run(bottleneck({ limitPackets: 200 }), 10, tcp('tcp', 40 * MS, { options }));
      const data = sure(measuredOf(world, 40_000));
      // The SYN found no queue. Later a window of 100 packets is under way, at 1.2 ms for each.
      expect(data.halfRttNsMin).toBe(40 * MS);
      expect(Math.abs(data.halfRttNs - (100 * 1500 * 1e9) / TEN_MBIT)).toBeLessThan(1.5 * MS);
      expect(Math.abs(data.rttNs - world.flows[0].sender!.timer.srttNs)).toBeLessThan(1.5 * MS);
      // Between the shaper and the sender is nothing: a microsecond, the least that is told.
      expect(data.rttNsMin - data.halfRttNsMin).toBe(1000);
      expect(data.retransmits).toBe(0);
    },
  );

  test.each(STAMPS)('both halves of a download, to the microsecond; time stamps: %s', (timestamps) => {
    const access = delayLine(3 * MS);
    const hosts = HOSTS.map((host) => (host.side === 'inside' ? { ...host, access } : host));
    const ends = { from: 'out', to: 'in', options: { windowPackets: 4, delayedAcks: false, timestamps } };
    const world = run(bottleneck({}), 5, tcp('tcp', 50 * MS, ends), { hosts });
    const data = sure(measuredOf(world, 40_000));
    const acks = sure(measuredOf(world, 443));
    expect([data.halfRttNs, data.halfRttNsMin]).toEqual([6 * MS, 6 * MS]);
    expect([acks.halfRttNs, acks.halfRttNsMin]).toEqual([50 * MS, 50 * MS]);
    for (const { rttNs, rttNsMin } of [data, acks]) expect([rttNs, rttNsMin]).toEqual([56 * MS, 56 * MS]);
    expect([data.reverse, acks.reverse]).toEqual([acks.f, data.f]);
  });

  test('of a connection of which one direction passes here, there is none', () => {
    const spec = shaper({ wan: { up: { rate: TEN_MBIT, burst: 3028 } } });
    for (const ends of [
      { from: 'in', to: 'out' },
      { from: 'out', to: 'in' },
    ]) {
      const world = run(spec, 3, tcp('tcp', 40 * MS, ends));
      const seen = sure(measuredOf(world, ends.from === 'in' ? 40_000 : 443));
      expect(seen.isTcp).toBe(true);
      expect(seen.reverse).toBe(NONE);
      for (const of of [seen.rttNs, seen.rttNsMin, seen.halfRttNs, seen.flightBytes, seen.windowLeftBytes])
        expect(of).toBeNaN();
      expect(measuredOf(world, ends.from === 'in' ? 443 : 40_000)).toBeNull();
    }
  });
});

describe('retransmissions are those that the sender has sent', () => {
  test.each(STAMPS)('of packets that the shaper dropped; time stamps: %s', (timestamps) => {
    for (const growth of ['reno', 'cubic'] as const) {
      const flow = tcp('tcp', 40 * MS, { options: { growth, timestamps } });
      const world = run(bottleneck({ limitPackets: 30 }), 12, flow);
      const data = sure(measuredOf(world, 40_000));
      expect(world.meter.retransmits[0]).toBeGreaterThan(10);
      expect(data.retransmits).toBe(world.meter.retransmits[0]);
      expect(data.dropTail).toBe(world.meter.shaperDrops[0]);
    }
  });

  test('of packets that were lost behind the shaper, and of acknowledgements', () => {
    const lossy = { ...delayLine(0), lossProbability: 0.02 };
    for (const seed of seeds([1, 2, 3, 4])) {
      const line = { up: lossy, down: lossy };
      const world = run(bottleneck({}), 8, tcp('tcp', 30 * MS), { line }, seed);
      expect(world.meter.retransmits[0]).toBeGreaterThan(10);
      expect(sure(measuredOf(world, 40_000)).retransmits).toBe(world.meter.retransmits[0]);
    }
  });

  test('of packets that were lost before they came here: the segments fill holes', () => {
    const access = { ...delayLine(2 * MS), lossProbability: 0.01 };
    const hosts = HOSTS.map((host) => (host.side === 'inside' ? { ...host, access } : host));
    for (const seed of seeds([1, 2, 3, 4])) {
      const world = run(bottleneck({}), 20, tcp('tcp', 30 * MS), { hosts }, seed);
      const { retransmits } = sure(measuredOf(world, 40_000));
      const sent = world.meter.retransmits[0];
      expect(sent).toBeGreaterThan(10);
      // One may be lost before it comes. Of holes near to each other, only the last is timed.
      expect(retransmits).toBeLessThanOrEqual(sent);
      expect(retransmits).toBeGreaterThan(0.8 * sent);
    }
  });
});

describe('who limits', () => {
  const sinceFullNs = (world: World): number => world.nowNs - sure(measuredOf(world, 40_000)).windowFullNs;

  test.each(STAMPS)("the receiver's window is full all the time; time stamps: %s", (timestamps) => {
    const flow = tcp('tcp', 100 * MS, { options: { windowPackets: 20, timestamps } });
    const world = run(bottleneck({}), 5, flow);
    expect(sinceFullNs(world)).toBeLessThan(110 * MS);
    expect(sure(measuredOf(world, 40_000)).windowLeftBytes).toBeLessThan(1448);
  });

  test('the shaper limits: a window of six megabytes is never full', () => {
    const world = run(bottleneck({ limitPackets: 60 }), 10, tcp('tcp', 40 * MS));
    expect(sinceFullNs(world)).toBe(Number.POSITIVE_INFINITY);
    expect(sure(measuredOf(world, 40_000)).windowLeftBytes).toBeGreaterThan(5_000_000);
  });

  test('the application limits: nothing is under way between its writes', () => {
    const source = { kind: 'tcp', bytes: 20_000, everyNs: 500 * MS } as const;
    const world = run(bottleneck({}), 4.4, tcp('tcp', 40 * MS, { source }));
    const data = sure(measuredOf(world, 40_000));
    expect(data.flightBytes).toBe(0);
    expect(data.retransmits).toBe(0);
    expect(sinceFullNs(world)).toBe(Number.POSITIVE_INFINITY);
    // The last write was at 4 s: 14 segments, of which ten go at once.
    expect(world.nowNs - data.lastNs).toBeGreaterThan(300 * MS);
    expect(world.meter.goodputBytes[0]).toBe(9 * 20_000);
  });

  test('requests and answers go on in their own numbers', () => {
    const source = {
      kind: 'request-response',
      requestBytes: 300,
      responseBytes: [1000, 60_000],
      thinkNs: 50 * MS,
    } as const;
    const world = run(bottleneck({}), 20, tcp('tcp', 40 * MS, { source }));
    const asked = sure(measuredOf(world, 40_000));
    const answered = sure(measuredOf(world, 443));
    expect(world.meter.completions[0]).toBeGreaterThan(50);
    expect([asked.retransmits, answered.retransmits]).toEqual([0, world.meter.retransmits[0]]);
    // The client is beside the shaper, the server 40 ms away.
    expect(answered.halfRttNsMin).toBe(1000);
    expect(asked.halfRttNsMin).toBe(40 * MS);
    expect(asked.flightBytes + answered.flightBytes).toBeLessThan(64_000);
  });
});
