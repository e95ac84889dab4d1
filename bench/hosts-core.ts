/**
 * The decision loop with hosts, without them, and with a maximum for each, in a process of its own, so that
 * V8 compiles each independently of the others: `hosts-core.ts HOSTS off|counted|limited SLICES`. Prints one
 * line of JSON.
 */
import { loadConfig } from '../src/config/config.ts';
import { Engine } from '../src/core/engine.ts';
import { TOTAL } from '../src/core/packets/stats.ts';
import { ARRIVAL_ROWS } from '../src/limits.ts';
import { widenInlining } from '../src/live/inlining.ts';
import { cpuMs } from './cpu-time.ts';
import { farMaxima } from './far-maxima.ts';
import { MemoryPort, PACKET_BYTES } from './memory-port.ts';
import { LOOP_SETTING, ONE_LEAF, RATE_BYTES_PER_SEC } from './scale-cases.ts';
import { type Spread, spread } from './table.ts';

/** Batches of a slice: a millisecond or two, so that many slices see no other process. */
const SLICE_BATCHES = 8;
const FLOWS_OF_HOST = 4;
const IF_INDEX = 3;
/** Packets take half of the rate. */
const BATCH_NS = (2 * ARRIVAL_ROWS * PACKET_BYTES * 1e9) / RATE_BYTES_PER_SEC;

export interface LoopCost {
  readonly nsPerPacket: Spread;
  /** Hosts that the engine knows, and hosts that have a maximum. */
  readonly hosts: number;
  readonly limited: number;
}

function measure(hosts: number, mode: string, slices: number): LoopCost {
  const traffic = { flows: FLOWS_OF_HOST * hosts, hosts, ports: 100 };
  const port = new MemoryPort(traffic, IF_INDEX, cpuMs);
  const { spec } = loadConfig(ONE_LEAF(LOOP_SETTING), 'bench');
  const engine = new Engine(spec, { seed: 1, findsHosts: mode !== 'off' });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);
  const { totals } = engine.stats;
  let nowNs = 1e9;
  const runSlice = (): number => {
    const receivedBefore = totals[TOTAL.receivedPackets]!;
    const ownBefore = port.ownMs;
    const startMs = cpuMs();
    for (let n = 0; n < SLICE_BATCHES; n++) {
      engine.runBatch(port, nowNs);
      nowNs += BATCH_NS;
    }
    const ms = cpuMs() - startMs - (port.ownMs - ownBefore);
    return (ms * 1e6) / (totals[TOTAL.receivedPackets]! - receivedBefore);
  };
  const runPackets = (packets: number): void => {
    for (let n = 0; n < packets; n += SLICE_BATCHES * ARRIVAL_ROWS) runSlice();
  };
  runPackets(traffic.flows + 50_000);
  const limits = farMaxima(engine.hosts.buffer);
  if (mode === 'limited') engine.updateHosts({ limits }, nowNs);
  runPackets(300_000);
  const nsPerPacket = spread(Array.from({ length: slices }, runSlice));
  return { nsPerPacket, hosts: limits.host.length, limited: mode === 'limited' ? limits.host.length : 0 };
}

// As the program does.
widenInlining();
const [hostsText, modeText = '', slicesText] = process.argv.slice(2);
console.log(JSON.stringify(measure(Number(hostsText), modeText, Number(slicesText))));
