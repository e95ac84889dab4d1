/** Over a flow table that a test writes as the packet thread does. */
import { expect, it } from 'vitest';
import { HostEntry } from '../../../../src/control/hosts/entry.ts';
import { droppedPackets, FlowSamples } from '../../../../src/control/views/flow-samples.ts';
import { HostTable } from '../../../../src/control/views/hosts.ts';
import { FlowWaits, waitPercentiles } from '../../../../src/control/views/waits.ts';
import {
  createFlowMemory,
  GENERATION,
  RECORD_WORDS,
  WAIT_BINS,
  waitBin,
} from '../../../../src/core/flows/flow-layout.ts';
import { createFlowRecord, FlowReader } from '../../../../src/core/flows/flow-reader.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { UP } from '../../../../src/core/hosts/host-layout.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { FLOW_IDLE_NS } from '../../../../src/limits.ts';
import { SECOND, udp } from '../../../sim/world.ts';
import { parsedOf } from '../../core/rows.ts';

function setUp() {
  const flows = new FlowTable(64, 1, 2, new Ledger(4, new HeldTable(1)));
  const reader = new FlowReader(flows.buffer);
  const hosts = new HostTable();
  const host = new HostEntry('10.0.0.1');
  const samples = new FlowSamples(reader, hosts, () => host);
  return {
    ...{ flows, reader, hosts, samples },
    find: (n: number, nowNs = 0): number => flows.findOrMake(parsedOf(udp(n)), 0, nowNs),
    look: (nowNs: number): number[] => {
      const rows: number[] = [];
      flows.settle();
      samples.update([UP, UP], nowNs, (row) => void rows.push(row));
      samples.sample(nowNs);
      return rows;
    },
  };
}

it('sees every flow once, and forgets those that have ended', () => {
  const { find, look, hosts, flows } = setUp();
  const rows = [1, 2, 3].map((n) => find(n));
  for (const row of rows) flows.assign(row, 1, -1);
  expect(look(SECOND)).toHaveLength(3);
  expect([...hosts.flows].filter((count) => count > 0)).toEqual([3]);
  for (let t = 0; t <= 2 * FLOW_IDLE_NS; t += SECOND) flows.sweep(t);
  expect(look(3 * FLOW_IDLE_NS)).toHaveLength(0);
  expect([...hosts.flows].filter((count) => count > 0)).toEqual([]);
  expect(hosts.size).toBe(1);
});

it('a record that is being made is no flow, and its row is one again when it is done', () => {
  const { find, look, reader, flows } = setUp();
  const row = find(1);
  const words = new Int32Array(flows.buffer, 48, 64 * RECORD_WORDS);
  const generation = words[row + GENERATION]!;
  expect(generation).toBeGreaterThan(0);
  words[row + GENERATION] = 0;
  expect(look(SECOND)).toEqual([]);
  words[row + GENERATION] = generation + 1;
  expect(look(2 * SECOND)).toHaveLength(1);
  expect(reader.read(row, createFlowRecord())).toBe(true);
});

it('an empty memory has no flows', () => {
  const reader = new FlowReader(createFlowMemory(16).buffer);
  const samples = new FlowSamples(reader, new HostTable(), () => undefined);
  samples.update([], 0, () => expect.fail('a flow'));
  samples.sample(0);
});

it('drops of all reasons', () => {
  const record = { ...createFlowRecord(), dropTail: 1, dropEarly: 20, dropPolice: 300, dropAqm: 4000 };
  expect(droppedPackets(record)).toBe(4321);
});

it('waits are added up beyond 16 bits, for the flow and for its host, and of late as well', () => {
  const waits = new FlowWaits();
  waits.grow(4);
  const record = new Uint16Array(WAIT_BINS);
  const sums = new Float64Array(2 * WAIT_BINS);
  const bin = waitBin(20e6);
  for (let second = 0; second < 30; second++) {
    waits.nowIs(second * SECOND);
    record[bin]! += 10_000;
    waits.update(2, record, sums, WAIT_BINS);
  }
  const own = new Float64Array(WAIT_BINS);
  waits.addTotal(2, own, 0);
  expect([own[bin], sums[WAIT_BINS + bin]]).toEqual([300_000, 300_000]);
  const recent = new Float64Array(WAIT_BINS);
  waits.addRecent(2, recent, 0);
  expect(recent[bin]).toBe(150_000);
  expect(waitPercentiles(own, 0)!.p50).toBeGreaterThan(14);
  expect(waitPercentiles(own, 0)!.p50).toBeLessThan(28);
});

it('a flow that follows in the row has a histogram of its own; what was long ago is not of late', () => {
  const waits = new FlowWaits();
  waits.grow(1000);
  const record = new Uint16Array(WAIT_BINS).fill(1);
  const sums = new Float64Array(WAIT_BINS);
  for (let row = 0; row < 1000; row++) waits.update(row, record, sums, 0);
  expect(sums[0]).toBe(1000);
  waits.forget(7);
  waits.update(7, record, sums, 0);
  const own = new Float64Array(WAIT_BINS);
  waits.addTotal(7, own, 0);
  expect(own[0]).toBe(1);
  waits.nowIs(100 * SECOND);
  const recent = new Float64Array(WAIT_BINS);
  waits.addRecent(7, recent, 0);
  expect(waitPercentiles(recent, 0)).toBeNull();
});
