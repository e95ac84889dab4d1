/**
 * One measurement of bench/scale.ts, in a process of its own, so that V8 compiles each case independently of
 * the others. Arguments: key of the case, `pass` or `wait`, slices; or `memory`, key of its case, flows; or
 * `simulate`, scenario, seconds of virtual time. Prints one line of JSON.
 */

import { loadConfig } from '../src/config/config.ts';
import { Engine } from '../src/core/engine.ts';
import { TOTAL } from '../src/core/packets/stats.ts';
import { ARRIVAL_ROWS } from '../src/limits.ts';
import { widenInlining } from '../src/live/inlining.ts';
import { prepareScenario } from '../src/sim/simulation.ts';
import { MemoryPort, PACKET_BYTES } from './memory-port.ts';
import {
  LOOP_SETTING,
  MEMORY_CASES,
  type MemoryKey,
  RATE_BYTES_PER_SEC,
  SCALE_CASES,
} from './scale-cases.ts';
import { type Spread, spread } from './table.ts';

/** Batches of a slice: a millisecond or two, so that many slices see no other process. */
const SLICE_BATCHES = 8;
/** Share of a simulation after which its time counts: until then most of it is the compiler's. */
const SIMULATOR_WARM_UP = 0.25;
const SIMULATOR_SAMPLES = 40;
/** Packets kept waiting: within CoDel's target at the rate. */
const WAITING_PACKETS = 16_384;
const BATCH_NS = (ARRIVAL_ROWS * PACKET_BYTES * 1e9) / RATE_BYTES_PER_SEC;
const IF_INDEX = 3;

export interface CoreResult {
  readonly nsPerPacket: Spread;
  readonly flows: number;
  readonly droppedRatio: number;
  /** Packets waiting at the end. */
  readonly waiting: number;
  /** Of the process, before the engine was made, when it was idle, and at the end. */
  readonly rssBytes: { readonly before: number; readonly idle: number; readonly end: number };
}

export interface MemoryResult {
  readonly flows: number;
  /** By how much the process grew for each of the second half. */
  readonly bytesPerFlow: number;
  /** Packets waiting at the end. */
  readonly waiting: number;
}

export interface SimulatorResult {
  /** Packets that reached an end, by seconds of processor time; after the warm-up. */
  readonly packetsPerSec: number;
  /** Processor time of the warm-up beyond what its packets cost later. */
  readonly warmUpSec: number;
  readonly packets: number;
  readonly batches: number;
}

function loadSpec(config: string) {
  return loadConfig(config, 'bench').spec;
}

function measureCore(key: string, mode: string, slices: number): CoreResult {
  const found = SCALE_CASES.find((one) => one.key === key)!;
  const spec = loadSpec(found.config(LOOP_SETTING));
  const port = new MemoryPort(found.traffic, IF_INDEX, () => performance.now());
  const before = process.memoryUsage();
  const engine = new Engine(spec, { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);
  const idle = process.memoryUsage();
  const waitingGoal = mode === 'wait' ? WAITING_PACKETS : 0;
  // Packets that pass at once take half of the rate.
  const batchNs = mode === 'wait' ? BATCH_NS : 2 * BATCH_NS;
  const { totals } = engine.stats;
  let nowNs = 1e9;
  const runSlice = (): number => {
    const receivedBefore = totals[TOTAL.receivedPackets]!;
    const ownBefore = port.ownMs;
    const startMs = performance.now();
    for (let n = 0; n < SLICE_BATCHES; n++) {
      engine.runBatch(port, nowNs);
      // While the queues fill, time stands still.
      if (totals[TOTAL.heldPackets]! >= waitingGoal) nowNs += batchNs;
    }
    const ms = performance.now() - startMs - (port.ownMs - ownBefore);
    return (ms * 1e6) / (totals[TOTAL.receivedPackets]! - receivedBefore);
  };
  const warmUp = Math.ceil((2 * found.traffic.flows + 300_000) / (SLICE_BATCHES * ARRIVAL_ROWS));
  for (let n = 0; n < warmUp; n++) runSlice();
  const dropsBefore = port.droppedPackets;
  const receivedBefore = totals[TOTAL.receivedPackets]!;
  const nsPerPacket = spread(Array.from({ length: slices }, runSlice));
  const end = process.memoryUsage();
  return {
    nsPerPacket,
    flows: totals[TOTAL.flows]!,
    droppedRatio: (port.droppedPackets - dropsBefore) / (totals[TOTAL.receivedPackets]! - receivedBefore),
    waiting: totals[TOTAL.heldPackets]!,
    rssBytes: { before: before.rss, idle: idle.rss, end: end.rss },
  };
}

/** Only the second half of the flows counts: until then the compiler and the heap grow too. */
function measureMemory(key: MemoryKey, flows: number): MemoryResult {
  const { config, packets, waiting } = MEMORY_CASES[key];
  const hosts = key === 'flow' ? flows / 4 : flows;
  const port = new MemoryPort({ flows, hosts, ports: 1 }, IF_INDEX, () => 0);
  port.packetsInOrder = packets;
  const engine = new Engine(loadSpec(config), { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);
  const { totals } = engine.stats;
  let nowNs = 1e9;
  const runUntil = (known: number): number => {
    while (totals[TOTAL.flows]! < known) {
      engine.runBatch(port, nowNs);
      if (totals[TOTAL.heldPackets]! >= waiting) nowNs += BATCH_NS;
    }
    const { rss, heapTotal } = process.memoryUsage();
    return rss - heapTotal;
  };
  const first = Math.ceil(flows / 2);
  const before = runUntil(first);
  const after = runUntil(flows);
  const bytesPerFlow = (after - before) / (flows - first);
  return { flows, bytesPerFlow, waiting: totals[TOTAL.heldPackets]! };
}

function measureSimulator(scenario: string, seconds: number): SimulatorResult {
  const spec = loadSpec('links: { wan: { device: wan0, up: 100mbit, down: 100mbit } }\n');
  const run = prepareScenario(spec, scenario, 1, {
    durationNs: seconds * 1e9,
    samples: SIMULATOR_SAMPLES,
  });
  const { world } = run;
  const spentSec = (since?: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1e6;
  };
  const start = process.cpuUsage();
  for (let n = 0; n < SIMULATOR_WARM_UP * SIMULATOR_SAMPLES; n++) run.step();
  const warm = process.cpuUsage();
  const packetsBefore = world.arrivals;
  const untilWarmSec = spentSec(start);
  while (run.step()) {
    // Every step counts as a sample.
  }
  const packetsPerSec = (world.arrivals - packetsBefore) / spentSec(warm);
  return {
    packetsPerSec,
    warmUpSec: untilWarmSec - packetsBefore / packetsPerSec,
    packets: world.arrivals,
    batches: world.batches,
  };
}

// As the program does.
widenInlining();
const [what, how, amount] = process.argv.slice(2);
const result =
  what === 'simulate'
    ? measureSimulator(how!, Number(amount))
    : what === 'memory'
      ? measureMemory(how as MemoryKey, Number(amount))
      : measureCore(what!, how!, Number(amount));
console.log(JSON.stringify(result));
