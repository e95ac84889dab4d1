/**
 * The decision loop with hosts, without them, and with a maximum for each, in a process of its own, so that
 * V8 compiles each independently of the others: `hosts-core.ts HOSTS off|counted|limited SLICES`. Prints one
 * line of JSON.
 */
import { loadConfig } from '../src/config/config.ts';
import { Engine } from '../src/core/engine.ts';
import { widenInlining } from '../src/live/inlining.ts';
import { cpuMs } from './cpu-time.ts';
import { farMaxima } from './far-maxima.ts';
import { LoopSlices } from './loop-slices.ts';
import { MemoryPort } from './memory-port.ts';
import { LOOP_SETTING, ONE_LEAF } from './scale-cases.ts';
import type { Spread } from './table.ts';

const FLOWS_OF_HOST = 4;
const IF_INDEX = 3;

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
  const loop = new LoopSlices(engine, port);
  loop.warmUp(traffic.flows + 50_000);
  const limits = farMaxima(engine.hosts.buffer);
  if (mode === 'limited') engine.updateHosts({ limits }, loop.nowNs);
  loop.warmUp(300_000);
  const nsPerPacket = loop.measure(slices);
  return { nsPerPacket, hosts: limits.host.length, limited: mode === 'limited' ? limits.host.length : 0 };
}

// As the program does.
widenInlining();
const [hostsText, modeText = '', slicesText] = process.argv.slice(2);
console.log(JSON.stringify(measure(Number(hostsText), modeText, Number(slicesText))));
