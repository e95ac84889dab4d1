import { expect, test } from 'vitest';
import { GREEN, RED } from '../../../../src/algo/buckets/markers.ts';
import { Prng } from '../../../../src/base/prng.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import {
  ArrivalAqm,
  SIGNAL_DROP,
  SIGNAL_MARK,
  SIGNAL_NONE,
} from '../../../../src/core/queues/arrival-aqm.ts';
import type { AqmSpec, RedSpec, WaitingSpec, WredProfile } from '../../../../src/spec/spec.ts';

const MS = 1e6;
const SECOND = 1e9;
/** 1 MB/s. */
const NS_PER_BYTE = 1000;
const AF11 = 10;

const RED_PARAMS: RedSpec = {
  minBytes: 1000,
  maxBytes: 3000,
  probability: 1,
  weight: 1,
  gentle: false,
  byteMode: false,
  adaptive: false,
  meanPacketBytes: 1000,
};
const red = (more: Partial<RedSpec> = {}): AqmSpec => ({ kind: 'red', red: { ...RED_PARAMS, ...more } });
const pie: AqmSpec = {
  kind: 'pie',
  pie: { targetNs: 15 * MS, updateNs: 15 * MS, burstNs: 0, alpha: 0.125, beta: 1.25 },
};
const wred = (profiles: readonly Partial<WredProfile>[]): AqmSpec => ({
  kind: 'wred',
  wred: {
    weight: 1,
    gentle: false,
    meanPacketBytes: 1000,
    profiles: profiles.map((one) => ({
      minBytes: 500,
      maxBytes: 1000,
      probability: 1e-12,
      dscp: [],
      colours: [],
      ...one,
    })),
  },
});

/** Two rows for classes that have these algorithms. */
function bench(...aqms: (AqmSpec | null)[]) {
  const held = new HeldTable(4);
  const waiting = aqms.map(
    (one): WaitingSpec | null =>
      one && { discipline: 'fifo', isolation: 'flow', shortBytes: 0, ecn: true, aqm: one },
  );
  const aqm = new ArrivalAqm(2, waiting, held, new Prng(3));
  const h = held.take();
  held.lengthBytes[h] = 1000;
  for (let c = 0; c < aqms.length; c++) aqm.start(0, c, 0);
  const signal = (backlogBytes: number, { row = 0, c = 0, nowNs = 0 } = {}): number =>
    aqm.signal(row, c, h, backlogBytes, NS_PER_BYTE, nowNs);
  return { aqm, held, h, signal };
}

test('a class without an algorithm, or with one that signals on leaving, never signals', () => {
  const codel: AqmSpec = { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } };
  const { aqm, signal } = bench(null, { kind: 'none' }, codel, red());
  expect([0, 1, 2, 3].map((c) => aqm.has(c))).toEqual([false, false, false, true]);
  expect([0, 1, 2].map((c) => signal(1e9, { c }))).toEqual([SIGNAL_NONE, SIGNAL_NONE, SIGNAL_NONE]);
});

test('RED: none below min, marks up to max, drops from max on', () => {
  const { aqm, signal } = bench(red());
  expect([999, 999, 999].map((bytes) => signal(bytes))).toEqual([SIGNAL_NONE, SIGNAL_NONE, SIGNAL_NONE]);
  // At probability 0.25 the third packet after a signal has one for certain.
  const between = Array.from({ length: 20 }, () => signal(1500));
  expect(new Set(between)).toEqual(new Set([SIGNAL_NONE, SIGNAL_MARK]));
  expect(between.filter((one) => one === SIGNAL_MARK).length).toBeGreaterThanOrEqual(6);
  expect([3000, 3000].map((bytes) => signal(bytes))).toEqual([SIGNAL_DROP, SIGNAL_DROP]);
  expect(aqm.isEarly(0)).toBe(true);
});

test('rows of one class have averages of their own, which decay while they are idle', () => {
  const { aqm, signal } = bench(red({ weight: 0.5 }));
  aqm.start(1, 0, 0);
  for (const bytes of [800, 800]) signal(bytes);
  const average = (row: number, nowNs: number): number => aqm.averageBytes(row, 0, 0, NS_PER_BYTE, nowNs);
  aqm.departed(0, 0, MS, true, SECOND);
  expect([average(0, SECOND), average(1, SECOND)]).toEqual([600, 0]);
  // A mean packet takes 1 ms.
  expect([average(0, SECOND + MS), average(0, SECOND + 2 * MS)]).toEqual([300, 150]);
  expect(bench(pie).aqm.averageBytes(0, 0, 0, NS_PER_BYTE, 0)).toBeNaN();
});

test('a departure that leaves packets behind starts no idle time', () => {
  const { aqm, signal } = bench(red());
  signal(800);
  aqm.departed(0, 0, MS, true, SECOND);
  aqm.departed(0, 0, MS, false, 5 * SECOND);
  expect(aqm.averageBytes(0, 0, 0, NS_PER_BYTE, SECOND)).toBe(800);
});

test('WRED: the first profile that takes colour and DSCP, else the last', () => {
  const { held, h, signal } = bench(
    wred([{ dscp: [AF11] }, { colours: [RED], maxBytes: 2000 }, { maxBytes: 3000 }]),
  );
  const drops = (dscp: number, colour: number): boolean[] => {
    held.setDscp(h, dscp);
    held.setColour(h, colour);
    return [1000, 2000, 3000].map((bytes) => signal(bytes) === SIGNAL_DROP);
  };
  expect(drops(AF11, GREEN)).toEqual([true, true, true]);
  expect(drops(AF11, RED)).toEqual([true, true, true]);
  expect(drops(0, RED)).toEqual([false, true, true]);
  expect(drops(0, GREEN)).toEqual([false, false, true]);
});

test('PIE: marks while its probability is small, then drops; an unknown sojourn keeps the delay', () => {
  const { aqm, signal } = bench(pie);
  aqm.departed(0, 0, SECOND, false, 0);
  aqm.departed(0, 0, -1, false, 0);
  // Four updates: p is 0.035. Its sum over 300 packets is above 8.5, at which a signal is certain.
  const first = Array.from({ length: 300 }, () => signal(1e6, { nowNs: 61 * MS }));
  expect(new Set(first)).toEqual(new Set([SIGNAL_NONE, SIGNAL_MARK]));
  const late = Array.from({ length: 20 }, () => signal(1e6, { nowNs: 10 * SECOND }));
  expect(late.at(-1)).toBe(SIGNAL_DROP);
  expect(late).not.toContain(SIGNAL_MARK);
  expect(aqm.isEarly(0)).toBe(false);
});

test('inherit(): the same algorithm goes on, whatever its parameters; another one starts anew', () => {
  const before = bench(red({ weight: 0.5 }), wred([{}, {}]));
  before.signal(800);
  before.signal(400, { c: 1 });
  const after = bench(red({ maxBytes: 9000 }), pie, wred([{}]));
  const averageOf = (c: number, oldClass: number): number => {
    after.aqm.inherit(1, c, before.aqm, 0, oldClass, 0);
    return after.aqm.averageBytes(1, c, 1, NS_PER_BYTE, 0);
  };
  expect([averageOf(0, 0), averageOf(0, 1), averageOf(2, 1), averageOf(2, 0)]).toEqual([400, 0, 400, 0]);
  expect(averageOf(1, 0)).toBeNaN();
});

test('adaptive RED: rows adapt by themselves', () => {
  const { aqm, signal } = bench(red({ adaptive: true, probability: 0.1, minBytes: 1000, maxBytes: 3000 }));
  aqm.start(1, 0, 0);
  const marksIn = (row: number): number =>
    Array.from({ length: 2000 }, () => signal(2900, { row, nowNs: 60 * SECOND })).filter(
      (one) => one !== SIGNAL_NONE,
    ).length;
  // Row 0 stood near max for a minute, so its probability has grown to 0.5; row 1 begins with 0.1.
  for (let n = 1; n < 120; n++) signal(2900, { nowNs: n * SECOND * 0.5 });
  const [adapted, fresh] = [marksIn(0), marksIn(1)];
  expect(adapted).toBeGreaterThan(2 * fresh);
});
