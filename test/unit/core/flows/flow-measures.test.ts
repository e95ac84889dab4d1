import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import {
  createFlowMemory,
  measureAt,
  tickNs,
  tickOf,
  WAIT_BINS,
  waitBin,
  waitBinStartNs,
} from '../../../../src/core/flows/flow-layout.ts';
import { FlowMeasures } from '../../../../src/core/flows/flow-measures.ts';
import { createFlowRecord, FlowReader } from '../../../../src/core/flows/flow-reader.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';

test('bins of half octaves: each begins where the one before ends, up to 3 s', () => {
  expect(waitBin(1)).toBe(0);
  for (let bin = 1; bin < WAIT_BINS; bin++) {
    const startNs = waitBinStartNs(bin);
    expect([waitBin(startNs - 1), waitBin(startNs)]).toEqual([bin - 1, bin]);
    if (bin > 1) expect(startNs / waitBinStartNs(bin - 1)).toBeOneOf([1.5, 4 / 3]);
  }
  expect(waitBinStartNs(1) / 1e3).toBeCloseTo(98.3, 1);
  expect(waitBinStartNs(WAIT_BINS - 1) / 1e9).toBeCloseTo(3.22, 2);
  for (const ns of [1e10, 1e12, 1e15, Number.POSITIVE_INFINITY]) expect(waitBin(ns)).toBe(WAIT_BINS - 1);
});

test('ticks: never before the instant that they stand for, and less than 68 ms behind', () => {
  fc.assert(
    fc.property(
      fc.nat().chain((n) => fc.constantFrom(n, n * 2 ** 20, n * 2 ** 26)),
      (ns) => {
        const lateNs = tickNs(tickOf(ns)) - ns;
        expect(lateNs).toBeGreaterThanOrEqual(0);
        expect(lateNs).toBeLessThan(68e6);
      },
    ),
    { seed: 1 },
  );
});

test('waits are counted by flow, thousands of them between two looks, modulo 2^16', () => {
  const memory = createFlowMemory(2);
  const measures = new FlowMeasures(memory);
  const held = new HeldTable(1);
  const h = held.take();
  held.enter(h, 0, 0);
  const waited = (f: number, ns: number): void => {
    held.flow[h] = f;
    measures.packetWaited(held, h, ns);
  };
  for (let n = 0; n < 70_000; n++) waited(n % 7 === 0 ? 32 : 0, 1e6 * (1 + (n % 2)));
  measures.settle();
  const counts = [0, 32].map((f) => memory.waits.slice(2 * measureAt(f), 2 * measureAt(f) + WAIT_BINS));
  const of = (f: number, ms: number): number => counts[f]![waitBin(ms * 1e6)]!;
  expect([of(0, 1), of(0, 2), of(1, 1), of(1, 2)]).toEqual([30_000, 30_000, 5000, 5000]);
  for (let n = 0; n < 40_000; n++) waited(0, 1e6);
  measures.settle();
  expect(memory.waits[waitBin(1e6)]).toBe(70_000 - 65_536);
});

test('packets without a flow are measured nowhere', () => {
  const memory = createFlowMemory(2);
  const measures = new FlowMeasures(memory);
  const held = new HeldTable(1);
  const h = held.take();
  held.flow[h] = NONE;
  measures.packetWaited(held, h, 1e6);
  measures.packetWaitsForEach(NONE, 1);
  measures.packetDropped(NONE, 1, 0, 100);
  measures.packetMarked(held, h);
  measures.settle();
  expect(memory.measures.every((word) => word === 0)).toBe(true);
  expect(new FlowReader(memory.buffer).read(0, createFlowRecord())).toBe(false);
});
