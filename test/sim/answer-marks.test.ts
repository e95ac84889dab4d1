/** Which packets of paced classes have their connection marked, so that its answers come. */
import { describe, expect, test } from 'vitest';
import { acceptUnrouted, NF_ACCEPT, NF_INET_LOCAL_OUT, VERDICT_SET_MARK } from '../../src/packet/batch.ts';
import { ACK, SYN } from '../../src/packet/tcp-header.ts';
import { MARK_PACED, MARK_SLOW, markBits } from '../../src/spec/mark-codes.ts';
import { ALL_ABILITIES, planQueues } from '../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import type { SimArrival } from '../port/sim-port.ts';
import { type Ends, handshake, MSS, PacedWorld, segment } from './paced.ts';
import { MS, SECOND, shaper, type TreeInput } from './world.ts';

const MASK = 0x00ff0000;
const PACED = markBits(MASK, MARK_PACED);
const ENDS: Ends = { port: 2000 };
const PACE = { activeBytesPerSec: 100, ageNs: SECOND, delayNs: 100 * MS };
const NFQUEUES = { count: 2, markMask: MASK };

/** A paced class of one port of the far end, beside others that are not paced. */
function tree(port: number, isPaced = true): TreeInput {
  const match = [{ dport: [{ from: port, to: port }] }];
  const pace = isPaced ? { pace: PACE } : {};
  const mail = {
    name: 'mail',
    match: [{ dport: [{ from: 25, to: 25 }] }],
    ceil: 1e6,
    burst: 1e4,
    pace: PACE,
  };
  return {
    ...{ rate: 10e6, burst: 20e3 },
    leaves: [{ name: 'paced', match, ceil: 1e6, burst: 10e3, ...pace }, mail],
  };
}

const specOf = (wan: TreeInput, lan: TreeInput | null = null): ShaperSpec =>
  shaper({ wan: { up: wan }, ...(lan && { lan: { device: 'lan0', down: lan } }) }, NFQUEUES);

const SPEC = specOf(tree(5001));

/** Data of the sender; `answers` of the receiver 5 ms behind it. */
function data(fromMs: number, toMs: number, stepMs: number, answers = false): SimArrival[] {
  const arrivals: SimArrival[] = [];
  for (let ms = fromMs; ms <= toMs; ms += stepMs) {
    const tcpSeq = 1001 + MSS * ms;
    arrivals.push(segment(ms * MS, ENDS, 'sender', { tcpSeq, tcpAck: 1001 }, MSS));
    if (!answers) continue;
    arrivals.push(
      segment((ms + 5) * MS, ENDS, 'receiver', { tcpSeq: 1001, tcpAck: tcpSeq + MSS, tcpWindow: 60_000 }),
    );
  }
  return arrivals;
}

interface Row {
  readonly ms: number;
  readonly verdict: number;
  readonly mark: number;
}

/** A world whose verdicts are noted. */
class MarkedWorld extends PacedWorld {
  readonly rows: Row[] = [];

  constructor(spec = SPEC, abilities = ALL_ABILITIES) {
    super(spec, planQueues(spec, abilities));
    const { port } = this;
    const send = port.send.bind(port);
    port.send = (rows) => {
      const { verdict, mark } = port.batch.verdicts;
      for (let row = 0; row < rows; row++)
        this.rows.push({ ms: port.nowNs / MS, verdict: verdict[row]!, mark: mark[row]! });
      send(rows);
    };
  }

  /** When verdicts asked for the mark, in milliseconds. */
  asked(arrivals: readonly SimArrival[]): number[] {
    this.rows.length = 0;
    this.inject(arrivals);
    this.run(arrivals.at(-1)!.timeNs + SECOND);
    return this.rows.filter(({ mark }) => mark === PACED).map(({ ms }) => ms);
  }
}

describe('the mark of paced connections', () => {
  test('is asked for by a SYN, and by no other packet while answers come', () => {
    const world = new MarkedWorld();
    expect(world.asked([...handshake(0, ENDS, 7), ...data(500, 3000, 100, true)])).toEqual([0]);
    expect(world.rows).toHaveLength(3 + 52);
    const syn = segment(0, ENDS, 'receiver', { tcpFlags: SYN, tcpSeq: 1000 });
    const answer = segment(5 * MS, ENDS, 'sender', { tcpFlags: SYN | ACK, tcpSeq: 1000, tcpAck: 1001 });
    expect(new MarkedWorld().asked([syn, answer, ...data(100, 600, 100)])).toEqual([5]);
  });

  test('is asked for again after a second without answers, until one comes', () => {
    const world = new MarkedWorld();
    const answer = segment(1450 * MS, ENDS, 'receiver', { tcpSeq: 1001, tcpAck: 1001 });
    const more = [...data(100, 1400, 100), answer, ...data(1500, 2600, 100)];
    // The SYN-ACK came after 5 ms, the answer after 1450.
    expect(world.asked([...handshake(0, ENDS, 7), ...more])).toEqual([
      ...[0, 1100, 1200, 1300, 1400],
      ...[2500, 2600],
    ]);
  });

  test('is not for classes that are not paced, nor where all answers come', () => {
    const arrivals = [...handshake(0, ENDS, 7), ...data(500, 3000, 500)];
    expect(new MarkedWorld(specOf(tree(5002))).asked(arrivals)).toEqual([]);
    expect(new MarkedWorld(specOf({ ...tree(5001), pace: PACE })).asked(arrivals)).toEqual([]);
    expect(new MarkedWorld(SPEC, { ...ALL_ABILITIES, connectionMarks: false }).asked(arrivals)).toEqual([]);
    const both = shaper({ wan: { up: tree(5001), down: { rate: 1e6, burst: 1e4, leaves: [] } } }, NFQUEUES);
    expect(new MarkedWorld(both).asked(arrivals)).toEqual([]);
  });

  test('is asked for by the next packet after the class becomes paced', () => {
    const before = specOf(tree(5001, false));
    const world = new MarkedWorld(before);
    expect(world.asked([...handshake(0, ENDS, 7), ...data(500, 2000, 500)])).toEqual([]);
    const change = { spec: SPEC, plan: planQueues(SPEC), renamed: new Map() };
    world.engine.reconfigure(world.port, change, 3000 * MS);
    expect(world.asked(data(3500, 4000, 500))).toEqual([3500, 4000]);
  });

  test('is asked for where the second tree of a packet is paced, and at local output without a new route', () => {
    const [syn] = handshake(0, ENDS, 7);
    const lan = { rate: 10e6, burst: 20e3, leaves: [] };
    expect(new MarkedWorld(specOf(tree(5001), lan)).asked([{ ...syn!, ifIndexIn: 2 }])).toEqual([0]);
    const local = new MarkedWorld();
    expect(local.asked([{ ...syn!, ifIndexIn: 0, hook: NF_INET_LOCAL_OUT }])).toEqual([0]);
    expect(local.rows[0]!.verdict).toBe((acceptUnrouted(65535) | VERDICT_SET_MARK) >>> 0);
  });

  test('goes before the move to another NFQUEUE, which the next packet asks for', () => {
    const spec = specOf({ ...tree(5001), rate: 10e9, burst: 1e9 });
    const world = new MarkedWorld(spec);
    expect(world.asked(handshake(0, ENDS, 7).map((arrival) => ({ ...arrival, nfqueue: 1 })))).toEqual([0]);
    const set = NF_ACCEPT | VERDICT_SET_MARK;
    expect(world.rows).toEqual([
      { ms: 0, verdict: set, mark: PACED },
      { ms: 5, verdict: set, mark: 0 },
      { ms: 10, verdict: set, mark: markBits(MASK, MARK_SLOW) },
    ]);
  });
});
