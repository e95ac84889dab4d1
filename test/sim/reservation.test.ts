/**
 * A class with `adjust` beside siblings that reserve, in virtual time: its ceiling and what it sends, to the
 * byte and the packet. The line has 2 Mbit/s, a call 128 kbit/s.
 */
import { describe, expect, test } from 'vitest';
import type { SimArrival } from '../port/sim-port.ts';
import { type ClassInput, MS, repeat, SECOND, shaper, udp, up, World } from './world.ts';

const LINE = 250_000;
const CALL = 16_000;
const PORT = { call: 1, bulk: 2, other: 3 };
const BULK_BYTES = 1000;

const port = (n: number): Pick<ClassInput, 'match'> => ({ match: [{ dport: [{ from: n, to: n }] }] });
const call: ClassInput = { name: 'call', ceil: CALL, burst: 1000, ...port(PORT.call) };
const bulk: ClassInput = { name: 'bulk', adjust: true, burst: BULK_BYTES, ...port(PORT.bulk) };
const other: ClassInput = { name: 'other', burst: BULK_BYTES, ...port(PORT.other) };

const specOf = (...leaves: ClassInput[]) => shaper({ wan: { up: { rate: LINE, burst: 2000, leaves } } });

const packet = (timeNs: number, to: keyof typeof PORT, lengthBytes: number): SimArrival =>
  up(timeNs, lengthBytes, { shape: udp(PORT[to], { dport: PORT[to] }) });

/** `bytes` every 10 ms, from one instant to another. */
const steady = (to: keyof typeof PORT, bytes: number, fromNs: number, toNs: number): SimArrival[] =>
  repeat((toNs - fromNs) / (10 * MS), 10 * MS, (t) => packet(t, to, bytes), fromNs);

/** More than the line takes. */
const greedy = (to: keyof typeof PORT, seconds: number): SimArrival[] =>
  repeat(Math.ceil((seconds * 1.1 * LINE) / BULK_BYTES), 0, (t) => packet(t, to, BULK_BYTES));

function worldOf(leaves: readonly ClassInput[], ...arrivals: SimArrival[][]): World {
  const world = new World(specOf(...leaves));
  world.inject(inOrder(arrivals));
  return world;
}

const inOrder = (arrivals: readonly SimArrival[][]): SimArrival[] =>
  arrivals.flat().sort((a, b) => a.timeNs - b.timeNs);

const ceilOf = (world: World, name: string): number => {
  const { classes, stats } = world.engine;
  return stats.ceilBytesPerSec[classes.findIndex(({ path }) => path === `wan/up/${name}`)];
};

/** The ceiling of a class in every tick of 100 ms. */
function ceils(world: World, name: string, ticks: number): number[] {
  return Array.from({ length: ticks }, () => {
    world.run(world.port.nowNs + 100 * MS);
    return ceilOf(world, name);
  });
}

/** Bytes of a class from one second to another. */
function sentIn(world: World, name: string, fromSec: number, toSec: number): number {
  world.run(fromSec * SECOND);
  const before = world.classOf(`wan/up/${name}`).bytes;
  world.run(toSec * SECOND);
  return world.classOf(`wan/up/${name}`).bytes - before;
}

describe('a call beside bulk', () => {
  test('while the call talks, bulk has the line less the whole ceiling of the call; in silence all of it', () => {
    const world = worldOf([call, bulk], steady('call', 160, 0, 3 * SECOND), greedy('bulk', 6));
    expect(ceils(world, 'bulk', 8), 'the call begins').toEqual([
      ...[248_400, 246_800, 245_200, 243_600, 242_000],
      // The call has sent more than half of its 16,000 B in a second.
      ...[234_000, 234_000, 234_000],
    ]);
    expect(sentIn(world, 'bulk', 1, 3)).toBe(2 * 234_000);
    expect(world.classOf('wan/up/call'), 'no packet of the call waits or is dropped').toMatchObject({
      sent: 300,
      backlog: 0,
    });
    expect(ceils(world, 'bulk', 11), 'the call ends').toEqual([
      // Until it has sent no more than three eighths in a second.
      ...Array(6).fill(234_000),
      ...[245_200, 246_800, 248_400, 250_000, 250_000],
    ]);
    // The line and bulk have the same rate and full buckets at first; it waits for no one.
    expect(sentIn(world, 'bulk', 5, 6)).toBe(250_000);
  });

  test('a call that uses less than half of its ceiling takes from bulk what it uses', () => {
    const world = worldOf([call, bulk], steady('call', 70, 0, 3 * SECOND), greedy('bulk', 3));
    expect(sentIn(world, 'bulk', 1, 3)).toBe(2 * 243_000);
    expect(ceilOf(world, 'bulk')).toBe(243_000);
  });

  test('use that swings around one half does not make the ceiling flap', () => {
    // 7000 and 9000 B/s in turns of half a second, after a second of 9000: the second has 8000 in between.
    const talk = [90, 90, 70, 90, 70, 90, 70, 90].flatMap((bytes, n) =>
      steady('call', bytes, n * 500 * MS, (n + 1) * 500 * MS),
    );
    const world = worldOf([call, bulk], talk, greedy('bulk', 5));
    const found = ceils(world, 'bulk', 40);
    expect(new Set(found.slice(9)), 'from the first second on').toEqual(new Set([LINE - CALL]));
    // Without a second threshold it would have moved between 234,000 and 242,000.
    expect(found.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => LINE - 900 * n).concat(234_000));
  });
});

describe('limits of the ceiling', () => {
  const greedyCalls: ClassInput[] = [
    { ...call, ceil: 140_000, burst: 10_000 },
    { ...other, ceil: 130_000, burst: 10_000 },
  ];
  /** Its turn may come a few packets late. */
  const patient = { ...bulk, burst: 5 * BULK_BYTES };
  const both = [greedy('bulk', 4), greedy('call', 4), greedy('other', 4)];

  test('siblings may reserve more than there is: a fiftieth is left, so that nothing stands still', () => {
    const world = worldOf([...greedyCalls, patient], ...both);
    expect(Math.abs(sentIn(world, 'bulk', 2, 4) - 2 * 5000)).toBeLessThanOrEqual(BULK_BYTES);
    expect(ceilOf(world, 'bulk')).toBe(5000);
  });

  test('the guarantee of the class is left in any case', () => {
    const world = worldOf([...greedyCalls, { ...patient, rate: 30_000 }], ...both);
    expect(Math.abs(sentIn(world, 'bulk', 2, 4) - 2 * 30_000)).toBeLessThanOrEqual(BULK_BYTES);
    expect(ceilOf(world, 'bulk')).toBe(30_000);
  });

  test('a sibling without a ceiling of its own reserves what it uses', () => {
    const world = worldOf([{ ...other }, bulk], steady('other', 1000, 0, 3 * SECOND), greedy('bulk', 4));
    expect(sentIn(world, 'bulk', 1, 3)).toBe(2 * 150_000);
    expect(ceilOf(world, 'bulk')).toBe(150_000);
  });
});

describe('nested', () => {
  const inner: ClassInput = {
    name: 'bulk',
    adjust: true,
    burst: BULK_BYTES,
    match: [{ dport: [{ from: PORT.bulk, to: PORT.other }] }],
    classes: [
      { name: 'other', ceil: 100_000, burst: BULK_BYTES, ...port(PORT.other) },
      { name: 'rest', adjust: true, burst: BULK_BYTES, ...port(PORT.bulk) },
      { name: 'wide', ceil: 240_000, match: [] },
    ],
  };

  test('no class inside has a higher ceiling, and one that adjusts there has what both leave', () => {
    const world = worldOf(
      [call, inner],
      steady('call', 160, 0, 3 * SECOND),
      steady('other', 800, 0, 3 * SECOND),
      greedy('bulk', 6),
    );
    world.run(2 * SECOND);
    const ofClasses = ['bulk', 'bulk/other', 'bulk/rest', 'bulk/wide', 'bulk/default'];
    // The call reserves 16,000; `other` has sent 80,000 of its 100,000 and reserves all of these.
    expect(ofClasses.map((name) => ceilOf(world, name))).toEqual([
      ...[234_000, 100_000, 134_000, 234_000, 234_000],
    ]);
    expect(sentIn(world, 'bulk/rest', 2, 3)).toBe(134_000);
    world.run(5 * SECOND);
    expect(ofClasses.map((name) => ceilOf(world, name))).toEqual([
      ...[250_000, 100_000, 250_000, 240_000, 250_000],
    ]);
    expect(sentIn(world, 'bulk/rest', 5, 6)).toBe(250_000);
  });
});

describe('while packets wait', () => {
  test('they are due by the new ceiling at once, and no tokens are made', () => {
    const slow: ClassInput = { ...bulk, ceil: 20_000 };
    const arrivals = inOrder([steady('call', 160, 0, SECOND), greedy('bulk', 1)]);
    const world = worldOf([call, slow], arrivals);
    world.run(2 * SECOND);
    // Packet ids count from 1.
    const ofBulk = world.accepted().filter(({ id }) => arrivals[id - 1].lengthBytes === BULK_BYTES);
    const instants = ofBulk.map(({ timeNs }) => Math.floor(timeNs / 1000)).filter((us) => us > 500_000);
    // By 500 ms it has had 1000 B of burst and 8400 B at 20,000 B/s less what the call used. 600 B more take
    // 50 ms at 12,000 B/s, and the ceiling is 4000 from 600 ms on. The call is silent from 1 s on: 15,200,
    // 16,800 and 18,400 from 1.7, 1.8 and 1.9 s on.
    expect(instants).toEqual([
      ...[550_000, 700_000, 950_000, 1_200_000, 1_450_000, 1_700_000],
      ...[1_765_789, 1_828_571, 1_888_095, 1_943_478, 1_997_826],
    ]);
  });

  test('nobody is woken for a ceiling for which nothing waits', () => {
    const world = worldOf([call, bulk], steady('call', 160, 0, SECOND));
    world.run(SECOND);
    expect(world.port.armedNs).toBe(Number.POSITIVE_INFINITY);
    // Who looks finds the ceiling of now.
    expect(ceilOf(world, 'bulk')).toBe(LINE - CALL);
    world.engine.stages.trees.settle(1.75 * SECOND);
    expect(ceilOf(world, 'bulk')).toBe(LINE - 4800);
    // A packet that comes later finds the ceiling of then.
    world.inject([packet(5 * SECOND, 'bulk', 1000)]);
    world.run(5 * SECOND);
    expect([ceilOf(world, 'bulk'), world.classOf('wan/up/bulk').sent]).toEqual([LINE, 1]);
  });
});

describe('changes', () => {
  const talk = steady('call', 160, 0, 6 * SECOND);

  test('adjust comes and goes, and the ceiling with it', () => {
    const world = worldOf([call, { ...bulk, adjust: false }], talk, greedy('bulk', 6));
    const change = (...leaves: ClassInput[]): void =>
      world.engine.reconfigure(world.port, { spec: specOf(...leaves), renamed: new Map() }, world.port.nowNs);
    world.run(1 * SECOND);
    expect(ceilOf(world, 'bulk')).toBe(LINE);
    change(call, bulk);
    // Nobody has looked at the call before: its use begins now.
    expect(ceils(world, 'bulk', 7)).toEqual([
      ...[248_400, 246_800, 245_200, 243_600, 242_000, 234_000, 234_000],
    ]);
    expect(sentIn(world, 'bulk', 2, 3)).toBe(234_000);
    world.run(3 * SECOND);
    // Another change, in which the class stays: no tick without the reservation.
    change(call, bulk, { name: 'more', match: [] });
    expect(ceilOf(world, 'bulk')).toBe(234_000);
    expect(sentIn(world, 'bulk', 3, 4)).toBe(234_000);
    change({ ...call, ceil: 32_000 }, bulk);
    // 16,000 is half of it, and all of the ceiling of before was kept: all of it is.
    expect(ceilOf(world, 'bulk')).toBe(218_000);
    change(call, { ...bulk, adjust: false });
    expect(ceilOf(world, 'bulk')).toBe(LINE);
    // What the call leaves of the line, and a packet is on one or the other side of the ends.
    expect(Math.abs(sentIn(world, 'bulk', 4, 5) - 234_000)).toBeLessThanOrEqual(BULK_BYTES);
  });

  test('the class that adjusts is another from now on', () => {
    const world = worldOf(
      [call, bulk, { ...other, ceil: 100_000 }],
      talk,
      steady('other', 600, 0, 6 * SECOND),
    );
    world.run(2 * SECOND);
    expect([ceilOf(world, 'bulk'), ceilOf(world, 'other')]).toEqual([LINE - CALL - 100_000, 100_000]);
    const spec = specOf(call, { ...bulk, adjust: false }, { ...other, ceil: 100_000, adjust: true });
    world.engine.reconfigure(world.port, { spec, renamed: new Map() }, world.port.nowNs);
    expect([ceilOf(world, 'bulk'), ceilOf(world, 'other')]).toEqual([LINE, 100_000 - CALL]);
  });
});
