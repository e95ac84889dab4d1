/** What is recorded of TCP segments, through the whole engine, and how it is read. */
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { DROP_TAIL } from '../../../../src/core/packets/ledger.ts';
import type { TraceBegun } from '../../../../src/core/trace/trace.ts';
import { type TracedDrop, type TracedSegment, TraceReader } from '../../../../src/core/trace/trace-reader.ts';
import type { TraceSubject } from '../../../../src/core/trace/trace-subject.ts';
import { TRACE_LEASE_NS, TRACE_ROWS } from '../../../../src/limits.ts';
import { ACK, SYN } from '../../../../src/packet/tcp-header.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import type { ShaperSpec } from '../../../../src/spec/spec.ts';
import { type Ends, handshake, MSS, PacedWorld, segment } from '../../../sim/paced.ts';
import { MS, SECOND, shaper } from '../../../sim/world.ts';

const PACE = { activeBytesPerSec: 100, ageNs: SECOND, delayNs: 100 * MS };
const CLASS: TraceSubject = { kind: 'class', path: 'wan/up/paced' };
const ENDS: Ends = { port: 2000 };

function spec(bytesPerSec: number, limitBytes = Number.POSITIVE_INFINITY): ShaperSpec {
  const match = [{ dport: [{ from: 5001, to: 5001 }] }];
  const leaf = { name: 'paced', match, ceil: bytesPerSec, burst: 10_000, limitBytes, pace: PACE };
  return shaper({ wan: { up: { rate: 10e6, burst: 20e3, leaves: [leaf] } } });
}

interface Watched {
  readonly world: PacedWorld;
  readonly segments: TracedSegment[];
  readonly drops: TracedDrop[];
  readonly reader: TraceReader;
  take(): void;
}

function begin({ engine }: PacedWorld, subject: TraceSubject, nowNs = 0): TraceBegun {
  return engine.trace.watch(subject, engine.classes, nowNs);
}

function watch(world: PacedWorld, subject: TraceSubject): Watched {
  const reader = new TraceReader(begin(world, subject));
  const segments: TracedSegment[] = [];
  const drops: TracedDrop[] = [];
  const take = (): void =>
    reader.take({ segment: (one) => segments.push(one), dropped: (one) => drops.push(one) });
  return { world, segments, drops, reader, take };
}

/** A segment every `gapNs`, and an acknowledgement of each 5 ms later, in order. */
function transfer(ends: Ends, count: number, gapNs: number, fromNs = SECOND) {
  return Array.from({ length: count }, (_, n) => {
    const atNs = fromNs + gapNs * n;
    const tcpSeq = 1001 + MSS * n;
    return [
      segment(atNs, ends, 'sender', { tcpSeq, tcpAck: 1001 }, MSS),
      segment(atNs + 5 * MS, ends, 'receiver', { tcpSeq: 1001, tcpAck: tcpSeq + MSS, tcpWindow: 60_000 }),
    ];
  })
    .flat()
    .sort((a, b) => a.timeNs - b.timeNs);
}

/** Renews the watch each second while the world goes on. */
function run({ world, take }: Watched, subject: TraceSubject, seconds: number): void {
  for (let s = 1; s <= seconds; s++) {
    world.run(s * SECOND);
    begin(world, subject, s * SECOND);
    take();
  }
}

test('every segment of both halves, with the window as it came and as it left', () => {
  const watched = watch(new PacedWorld(spec(500_000)), CLASS);
  const arrivals = [...handshake(MS, ENDS, 7), ...transfer(ENDS, 300, 10 * MS)];
  watched.world.inject(arrivals);
  run(watched, CLASS, 6);
  const { segments, world } = watched;
  expect(segments.map(({ atNs }) => atNs)).toEqual(arrivals.map(({ timeNs }) => timeNs));
  expect(segments.map(({ lengthBytes }) => lengthBytes)).toEqual(arrivals.map((one) => one.lengthBytes));
  expect(segments.map(({ seq }) => seq >>> 0)).toEqual(arrivals.map(({ shape }) => shape.tcpSeq));
  expect(segments.map(({ ack }) => ack >>> 0)).toEqual(arrivals.map(({ shape }) => shape.tcpAck ?? 0));
  const [syn, synAck, third, data, answer] = segments;
  expect(syn).toMatchObject({ flags: SYN, payloadBytes: 0, scale: 0 });
  expect(synAck).toMatchObject({ flags: SYN | ACK, scale: 0 });
  expect(third).toMatchObject({ flags: ACK, scale: 7 });
  expect(data).toMatchObject({ payloadBytes: MSS, isHeld: false });
  expect(answer!.f).not.toBe(data!.f);
  const left = new Map(world.passed().map(({ arrival, window }) => [arrival, window]));
  for (const [n, { windowBefore, windowAfter }] of segments.entries()) {
    expect(windowBefore).toBe(arrivals[n]!.shape.tcpWindow ?? 0xffff);
    expect(windowAfter).toBe(left.get(arrivals[n]!));
  }
  expect(segments.filter(({ windowAfter, windowBefore }) => windowAfter < windowBefore)).not.toEqual([]);
});

test('says which acknowledgements were held', () => {
  const watched = watch(new PacedWorld(spec(20_000)), CLASS);
  watched.world.inject([...handshake(0, ENDS, 7), ...transfer(ENDS, 60, 60 * MS)]);
  run(watched, CLASS, 8);
  const late = watched.world.passed().filter(({ arrival, timeNs }) => timeNs > arrival.timeNs);
  const held = watched.segments.filter(({ isHeld }) => isHeld);
  expect(held.length).toBeGreaterThan(0);
  const acks = late.filter(({ arrival }) => arrival.shape.sport === 5001);
  expect(held.map(({ atNs }) => atNs)).toEqual(acks.map(({ arrival }) => arrival.timeNs));
});

test('a drop names the segment that came before', () => {
  const watched = watch(new PacedWorld(spec(20_000, 4000)), CLASS);
  watched.world.inject([...handshake(0, ENDS, 7), ...transfer(ENDS, 100, MS)]);
  run(watched, CLASS, 6);
  const refused = watched.world.passed().filter(({ isAccepted }) => !isAccepted);
  expect(refused.length).toBeGreaterThan(10);
  const byPacket = new Map(watched.segments.map((one) => [one.packet, one]));
  expect(watched.drops.map(({ packet }) => byPacket.get(packet)!.seq)).toEqual(
    refused.map(({ arrival }) => arrival.shape.tcpSeq),
  );
  for (const { reason } of watched.drops) expect(reason).toBe(DROP_TAIL);
});

const end = (a: number, port: number | null) => ({ family: 4, words: [ipv4(a, 0, 0, 1), 0, 0, 0], port });
const SERVER = { ...end(192, null), words: [ipv4(192, 0, 2, 1), 0, 0, 0] };
test.each<[string, TraceSubject, number[]]>([
  ['a class', CLASS, [2000, 2001]],
  ['a class that they are not in', { kind: 'class', path: 'wan/up/default' }, []],
  ['the beginning of a path is no class', { kind: 'class', path: 'wan/up/pace' }, []],
  ['one address', { kind: 'ends', ends: [end(10, null)] }, [2000, 2001]],
  ['one address and port', { kind: 'ends', ends: [end(10, 2001)] }, [2001]],
  ['both ends', { kind: 'ends', ends: [end(10, 2000), { ...SERVER, port: 5001 }] }, [2000]],
  [
    'both ends, the other one first',
    { kind: 'ends', ends: [{ ...SERVER, port: 5001 }, end(10, 2000)] },
    [2000],
  ],
  ['an end that is not theirs', { kind: 'ends', ends: [end(10, 2000), { ...SERVER, port: 80 }] }, []],
])('only what the subject means: %s', (_, subject, ports) => {
  const world = new PacedWorld(spec(500_000));
  const watched = watch(world, subject);
  const both = [2000, 2001].flatMap((port) => handshake(port * MS, { port }, 7));
  world.inject(both.sort((a, b) => a.timeNs - b.timeNs));
  world.inject([
    {
      timeNs: 3 * SECOND,
      lengthBytes: 100,
      shape: { src: ipv4(10, 0, 0, 1), dst: ipv4(192, 0, 2, 1), protocol: 17, sport: 2000, dport: 5001 },
      ifIndexIn: 99,
      ifIndexOut: 1,
    },
  ]);
  world.inject(
    handshake(3.5 * SECOND, { port: 2000, isIpv6: true }, 7).filter(() => subject.kind === 'ends'),
  );
  run(watched, subject, 4);
  const instants = ports.flatMap((port) => [port * MS, port * MS + 5 * MS, port * MS + 10 * MS]);
  expect(watched.segments.map(({ atNs }) => atNs)).toEqual(instants.sort((a, b) => a - b));
});

test('a connection whose beginning was not seen has no scale', () => {
  const watched = watch(new PacedWorld(spec(500_000)), CLASS);
  watched.world.inject(transfer(ENDS, 3, 10 * MS));
  run(watched, CLASS, 2);
  expect(watched.segments.map(({ scale }) => scale)).toEqual(new Array(6).fill(NONE));
});

test('nothing is recorded before, after the end, and when the watch is not renewed', () => {
  const world = new PacedWorld(spec(500_000));
  const watched = watch(world, CLASS);
  const lastNs = TRACE_LEASE_NS + SECOND;
  world.inject(handshake(0, ENDS, 7));
  world.inject(handshake(lastNs, { port: 2001 }, 7));
  world.run(lastNs + SECOND);
  watched.take();
  expect(watched.segments).toHaveLength(3);
  expect(world.engine.trace.isOn).toBe(false);
  begin(world, CLASS, lastNs + SECOND);
  world.engine.trace.end();
  world.inject(handshake(lastNs + 2 * SECOND, { port: 2002 }, 7));
  world.run(lastNs + 3 * SECOND);
  watched.take();
  expect(watched.segments).toHaveLength(3);
});

test('goes by the classes of now', () => {
  const world = new PacedWorld(spec(500_000));
  const watched = watch(world, CLASS);
  const [tree] = spec(500_000).links;
  const first = {
    ...tree!.up!.children[0]!,
    name: 'first',
    path: 'wan/up/first',
    match: [{ dport: [{ from: 1, to: 1 }] }],
  };
  const up = { ...tree!.up!, children: [first, ...tree!.up!.children] };
  const changed = { ...spec(500_000), links: [{ ...tree!, up }] };
  world.run(0);
  world.engine.reconfigure(world.port, { spec: changed, renamed: new Map() }, 0);
  expect(world.engine.classes[1]!.path).toBe('wan/up/first');
  world.inject(handshake(MS, ENDS, 7));
  world.run(SECOND);
  watched.take();
  expect(watched.segments).toHaveLength(3);
});

test('what a slow reader has lost is counted, and the rest is right', () => {
  const watched = watch(new PacedWorld(spec(10e6)), CLASS);
  const { world, segments, reader } = watched;
  const count = TRACE_ROWS / 2 + 100;
  world.inject([...handshake(0, ENDS, 7), ...transfer(ENDS, count, 0.1 * MS)]);
  for (let s = 1; s <= 3; s++) {
    world.run(s * SECOND);
    begin(world, CLASS, s * SECOND);
  }
  watched.take();
  expect(reader.missed).toBe(2 * count + 3 - TRACE_ROWS);
  expect(segments).toHaveLength(TRACE_ROWS);
  const instants = segments.map(({ atNs }) => atNs);
  expect(instants).toEqual([...instants].sort((a, b) => a - b));
  expect(segments.at(-1)!.ack).toBe(1001 + MSS * count);
});
