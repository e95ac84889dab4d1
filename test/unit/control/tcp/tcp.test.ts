/** The command over the engine in virtual time: what is told, and when it ends. */
import { expect, it } from 'vitest';
import type { Clock } from '../../../../src/control/change/clock.ts';
import type { Snapshot } from '../../../../src/control/snapshot.ts';
import type { TcpEvent, TcpSegments, TcpState } from '../../../../src/control/tcp/report.ts';
import { type TcpCommand, type TcpListener, tcpCommand } from '../../../../src/control/tcp/tcp.ts';
import type { WhyCommand } from '../../../../src/control/why/why.ts';
import { FlowReader } from '../../../../src/core/flows/flow-reader.ts';
import { TCP_SEGMENTS_TOLD_MAX } from '../../../../src/limits.ts';
import { ACK, FIN } from '../../../../src/packet/tcp-header.ts';
import { type Ends, handshake, MSS, PacedWorld, segment } from '../../../sim/paced.ts';
import { MS, SECOND, shaper } from '../../../sim/world.ts';

const PACE = { activeBytesPerSec: 100, ageNs: SECOND, delayNs: 100 * MS };
const FLOW = 'tcp 10.0.0.1:2000 > 192.0.2.1:5001';
const ENDS: Ends = { port: 2000 };

interface Bed {
  readonly world: PacedWorld;
  readonly command: TcpCommand;
  readonly asked: string[];
  readonly told: TcpEvent[];
  readonly listener: TcpListener;
  isBehind: boolean;
  ended: boolean;
  /** It is there no more. */
  removed: string;
  /** How long each question takes. */
  askedMs: number;
}

/** A paced class. Time goes on while the command waits. */
function bed(limitBytes = Number.POSITIVE_INFINITY): Bed {
  const match = [{ dport: [{ from: 5001, to: 5001 }] }];
  const leaf = { name: 'paced', match, ceil: 100_000, burst: 4000, limitBytes, pace: PACE };
  const world = new PacedWorld(shaper({ wan: { up: { rate: 10e6, burst: 20e3, leaves: [leaf] } } }));
  const { engine } = world;
  let nowNs = 0;
  const clock: Clock = {
    monotonicMs: () => nowNs / MS,
    wallMs: () => 0,
    after: (ms, action) => {
      nowNs += ms * MS;
      world.run(nowNs);
      const timer = setImmediate(action);
      return () => clearImmediate(timer);
    },
  };
  const asked: string[] = [];
  const why: WhyCommand = async (subject) => {
    asked.push(subject);
    nowNs += self.askedMs * MS;
    world.run(nowNs);
    // All transfers have ended by then.
    const kind = nowNs < 3.2 * SECOND ? 'window' : 'sender';
    const limitedBy = { kind, where: 'wan/up/paced', detail: '' };
    return {
      subject,
      flows: [{ live: true, flow: subject, limitedBy, sentence: 'It is paced.' } as never],
      total: 1,
    };
  };
  const snapshot = async (): Promise<Snapshot> => {
    const classes = engine.classes.map(({ path, parent, spec }) => ({
      path,
      parent,
      isPaced: spec.pace !== null,
    }));
    return { classes, classChanges: engine.flows.classChanges, stats: engine.stats } as never;
  };
  const packets = {
    flows: new FlowReader(engine.flows.buffer),
    snapshot,
    trace: async (subject: Parameters<typeof engine.trace.watch>[0] | null) => {
      if (subject !== null) return engine.trace.watch(subject, engine.classes, nowNs);
      engine.trace.end();
      return null;
    },
  };
  const paths = (): string[] =>
    engine.classes.map(({ path }) => path).filter((path) => path !== self.removed);
  const told: TcpEvent[] = [];
  const self: Bed = {
    world,
    command: tcpCommand({ packets, paths, why, clock }),
    asked,
    told,
    listener: {
      tell: (event) => void told.push(event),
      isBehind: () => self.isBehind,
      end: () => {
        self.ended = true;
      },
    },
    isBehind: false,
    ended: false,
    removed: '',
    askedMs: 0,
  };
  return self;
}

/** A segment every 20 ms, answered 10 ms later, from 1 s on. */
function inject({ world }: Bed, seconds: number, ends = ENDS): void {
  world.inject(handshake(500 * MS, ends, 7));
  for (let n = 0; n < seconds * 50; n++) {
    const atNs = SECOND + 20 * MS * n;
    const tcpSeq = 1001 + MSS * n;
    world.inject([segment(atNs, ends, 'sender', { tcpSeq, tcpAck: 1001 }, MSS)]);
    world.inject([segment(atNs + 10 * MS, ends, 'receiver', { tcpSeq: 1001, tcpAck: tcpSeq + MSS })]);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** The last state. */
function endOf({ told }: Bed): TcpState {
  const last = told.at(-1)!;
  if (last.type !== 'end') throw new Error(`the last event is ${last.type}`);
  return last;
}

/** But the last one. */
function statesOf({ told }: Bed): TcpState[] {
  return told.filter((event): event is TcpState => event.type === 'state');
}

function ofType<Type extends TcpEvent['type']>({ told }: Bed, type: Type) {
  return told.filter((event): event is Extract<TcpEvent, { type: Type }> => event.type === type);
}

it('tells begin, connections, segments, a state each second, and the end', async () => {
  const one = bed();
  inject(one, 2);
  one.command('wan/up/paced', 4, one.listener);
  await until(() => one.ended);
  expect(one.told[0]).toMatchObject({ type: 'begin', subject: 'wan/up/paced', seconds: 4 });
  const back = 'tcp 192.0.2.1:5001 > 10.0.0.1:2000';
  expect(ofType(one, 'connection')).toEqual([{ type: 'connection', connection: 0, flows: [FLOW, back] }]);
  const states = one.told.filter(
    (event): event is TcpState => event.type === 'state' || event.type === 'end',
  );
  expect(states.map(({ type, atSeconds }) => [type, Math.round(atSeconds)])).toEqual([
    ['state', 1],
    ['state', 2],
    ['state', 3],
    ['end', 4],
  ]);
  const all = ofType(one, 'segments');
  const sum = all.reduce((count, { kind }) => count + kind.length, 0);
  expect(sum).toBe(203);
  expect(all.map(({ first }) => first)).toEqual(firsts(all));
  const { total, connections, shareBitsPerSecond, limitedBy, line } = states.at(-1)!;
  expect(total).toMatchObject({ connections: 1, segments: 203, retransmits: 0, missed: 0, untold: 0 });
  const [report] = connections;
  expect(report).toMatchObject({ flow: FLOW, dataSeen: true, acksSeen: true, payloadBytes: 100 * MSS });
  // 100 segments in 3.5 s since the handshake.
  expect(report!.goodputBitsPerSecond / ((8 * 100 * MSS) / 3.5)).toBeCloseTo(1, 2);
  expect(total.goodputBitsPerSecond).toBe((8 * 100 * MSS) / 4);
  expect(shareBitsPerSecond).toBeGreaterThan(0);
  expect(limitedBy).toEqual({ kind: 'window', where: 'wan/up/paced', sentence: 'It is paced.' });
  expect(line).toMatch(/^goodput 290 kbit\/s, 0 retransmissions \(0\.00 %\), share .*\. It is paced\.$/);
  expect(one.asked.every((subject) => subject === FLOW)).toBe(true);
  expect(one.world.engine.trace.isOn).toBe(false);
});

it('connections that live one after another share the time of the picture', async () => {
  const one = bed();
  const connections = 20;
  for (let n = 0; n < connections; n++) {
    const ends: Ends = { port: 3000 + n };
    const atNs = (100 + 80 * n) * MS;
    one.world.inject(handshake(atNs, ends, 7));
    one.world.inject([segment(atNs + 30 * MS, ends, 'sender', { tcpSeq: 1001, tcpAck: 1001 }, MSS)]);
    const end = { tcpSeq: 1001, tcpAck: 1001 + MSS, tcpFlags: FIN | ACK };
    one.world.inject([segment(atNs + 40 * MS, ends, 'receiver', end)]);
  }
  one.command('wan/up', 2, one.listener);
  await until(() => one.ended);
  const { total, connections: reports } = endOf(one);
  expect(total.connections).toBe(connections);
  expect(total.goodputBitsPerSecond).toBe((8 * connections * MSS) / 2);
  // Each was as fast as that while it lived.
  for (const report of reports)
    expect(report.goodputBitsPerSecond).toBeGreaterThan(2 * total.goodputBitsPerSecond);
});

it('what comes after the end does not count, however long the last question takes', async () => {
  const one = bed();
  one.askedMs = 500;
  one.world.inject(handshake(100 * MS, ENDS, 7));
  for (let n = 0; n < 100; n++)
    one.world.inject([segment((201 + 20 * n) * MS, ENDS, 'sender', { tcpSeq: 1001 + MSS * n }, MSS)]);
  one.command('wan/up', 1, one.listener);
  await until(() => one.ended);
  const { atSeconds, total, connections, limitedBy } = endOf(one);
  expect(limitedBy).not.toBeNull();
  expect(atSeconds).toBe(1);
  const seen = ofType(one, 'segments').flatMap((event) => event.atSeconds);
  expect(Math.max(...seen)).toBe(0.981);
  expect(total).toMatchObject({ segments: 43, missed: 0, untold: 0 });
  expect(connections[0]!.payloadBytes).toBe(40 * MSS);
});

it('a class that is removed or moved ends its picture, and is not said to pace', async () => {
  const one = bed();
  inject(one, 9);
  one.command('wan/up/paced', 10, one.listener);
  await until(() => statesOf(one).length === 3);
  const before = statesOf(one).at(-1)!;
  expect(before).toMatchObject({ limitedBy: { kind: 'window' }, ended: null });
  one.removed = 'wan/up/paced';
  await until(() => one.ended);
  const { atSeconds, line, ended, limitedBy, shareBitsPerSecond } = endOf(one);
  expect(atSeconds - before.atSeconds).toBeLessThan(0.25);
  expect(ended).toMatch(/^wan\/up\/paced was removed or moved, so the picture ends after 3\.\d s\.$/);
  expect(line).toMatch(/^goodput \d+ kbit\/s, 0 retransmissions \(0\.00 %\)\. wan\/up\/paced was removed/);
  expect({ limitedBy, shareBitsPerSecond }).toEqual({ limitedBy: null, shareBitsPerSecond: null });
  expect(one.world.engine.trace.isOn).toBe(false);
});

it('a class inside that is removed is not said to pace any more', async () => {
  const one = bed();
  inject(one, 9);
  one.command('wan/up', 4, one.listener);
  await until(() => statesOf(one).length === 1);
  one.removed = 'wan/up/paced';
  await until(() => statesOf(one).length === 2);
  expect(statesOf(one).at(-1)!.line).toMatch(/^goodput \d+ kbit\/s, 0 retransmissions \(0\.00 %\)$/);
});

/** The numbers with which the lists of segments must begin. */
function firsts(all: readonly TcpSegments[]): number[] {
  let next = 0;
  return all.map(({ kind }) => {
    const first = next;
    next += kind.length;
    return first;
  });
}

it('has the round trip of both halves where they are known', async () => {
  const one = bed();
  inject(one, 2);
  one.command(FLOW, 4, one.listener);
  await until(() => one.ended);
  const trips = ofType(one, 'segments').flatMap(({ answerMilliseconds, roundTripMilliseconds }) =>
    answerMilliseconds.map((answer, i) => [answer, roundTripMilliseconds[i]!] as const),
  );
  const timed = trips.filter(([answer]) => answer !== null);
  expect(timed.length).toBeGreaterThan(90);
  // The handshake has shown that the sender answers after 5 ms.
  for (const [answer, trip] of timed.slice(-20)) {
    expect(answer).toBe(10);
    expect(trip).toBe(15);
  }
});

it('what is limited is told as it was while data came', async () => {
  const one = bed();
  inject(one, 1);
  one.command('wan/up', 6, one.listener);
  await until(() => one.ended);
  // Asked again after the transfer, but what was said then does not count.
  expect(one.asked.length).toBeGreaterThan(1);
  expect(endOf(one).limitedBy).toMatchObject({ kind: 'window' });
});

it('names segments that were dropped here', async () => {
  const one = bed(3000);
  one.world.inject(handshake(100 * MS, ENDS, 7));
  for (let n = 0; n < 50; n++)
    one.world.inject([segment(SECOND, ENDS, 'sender', { tcpSeq: 1001 + MSS * n, tcpAck: 1001 }, MSS)]);
  one.command('wan/up', 2, one.listener);
  await until(() => one.ended);
  const refused = one.world.passed().filter(({ isAccepted }) => !isAccepted).length;
  expect(refused).toBeGreaterThan(10);
  const drops = ofType(one, 'drops');
  expect(drops.flatMap(({ reason }) => reason)).toEqual(new Array(refused).fill('tail'));
  // Three segments of the handshake came before.
  for (const number of drops.flatMap(({ segment: numbers }) => numbers)) expect(number).toBeGreaterThan(2);
  expect(endOf(one).total.dropped).toBe(refused);
});

it('a client that reads slowly is told less at once, and how much less', async () => {
  const one = bed();
  inject(one, 11);
  one.isBehind = true;
  one.command('wan/up', 12, one.listener);
  await until(() => one.ended);
  expect(ofType(one, 'segments').map(({ kind }) => kind.length)).toEqual([TCP_SEGMENTS_TOLD_MAX]);
  const { total } = endOf(one);
  expect(total.segments).toBe(1103);
  expect(total.untold).toBe(1103 - TCP_SEGMENTS_TOLD_MAX);
});

it('one subject at a time; the next one when the first has stopped', async () => {
  const one = bed();
  const stop = one.command('wan/up', 100, one.listener);
  const again = () => one.command('10.0.0.1', 1, one.listener);
  expect(again).toThrow('wan/up is watched already');
  await until(() => one.told.filter(({ type }) => type === 'state').length > 0);
  expect(again).toThrow(expect.objectContaining({ status: 409, code: 'watched' }));
  expect(one.world.engine.trace.isOn).toBe(true);
  stop();
  expect(one.world.engine.trace.isOn).toBe(false);
  const before = one.told.length;
  again();
  await until(() => one.ended);
  expect(one.told.slice(before).map(({ type }) => type)).toEqual(['begin', 'end']);
  expect(endOf(one)).toMatchObject({ line: 'no segment of it came', limitedBy: null });
});

it('a subject that is wrong begins nothing', () => {
  const one = bed();
  expect(() => one.command('wan/sideways', 1, one.listener)).toThrow("there is no class 'wan/sideways'");
  expect(one.world.engine.trace.isOn).toBe(false);
});
