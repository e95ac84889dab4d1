/**
 * The decision loop without modules, with an empty one, and with one that reads five fields and sets one, in
 * a process of its own, so that V8 compiles each independently of the others: `modules-core.ts
 * none|empty|reads FLOWS SLICES`. Prints one line of JSON.
 */
import { loadConfig } from '../src/config/config.ts';
import { Engine } from '../src/core/engine.ts';
import type { RunnableModule } from '../src/core/modules/runnable.ts';
import { widenInlining } from '../src/live/inlining.ts';
import { ACCEPT, type ModuleInstance } from '../src/modules/api/module.ts';
import { cpuMs } from './cpu-time.ts';
import { LoopSlices } from './loop-slices.ts';
import { MemoryPort, PACKET_BYTES } from './memory-port.ts';
import { LOOP_SETTING, ONE_LEAF } from './scale-cases.ts';
import type { Spread } from './table.ts';

const IF_INDEX = 3;
/** What the module with fields has read, so that nothing of it is left out. */
let read = 0;

const INSTANCES: Readonly<Record<string, ModuleInstance>> = {
  empty: { process: () => ACCEPT },
  reads: {
    process(p) {
      read += p.length + p.sport + p.dport + p.protocol + p.ttl;
      p.dscp = 8 | (read & 1);
      return ACCEPT;
    },
  },
};

export interface ModulesCost {
  readonly nsPerPacket: Spread;
  /** Packets that the module has met. */
  readonly met: number;
}

function moduleOf(mode: string): readonly RunnableModule[] {
  const instance = INSTANCES[mode];
  if (instance === undefined) return [];
  const spec = { name: mode, run: 'user', priority: 100, hooks: ['forward'], interest: null } as const;
  return [{ ...spec, payload: false, kernelRules: {}, budgetNs: 20_000, instance }];
}

function measure(mode: string, flows: number, slices: number): ModulesCost {
  const port = new MemoryPort({ flows, hosts: 100, ports: 100 }, IF_INDEX, cpuMs);
  const { spec } = loadConfig(ONE_LEAF(LOOP_SETTING), 'bench');
  const modules = moduleOf(mode);
  const engine = new Engine({ ...spec, modules }, { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);
  const { arrivals } = port.batch;
  // Copied whole in every mode, so that modes differ in nothing else.
  arrivals.copiedBytes.fill(PACKET_BYTES);
  if (modules.length > 0) {
    arrivals.nfqueue.fill(engine.told.plan.moduleNfqueue!);
    engine.modules.use(modules, 0);
  }
  const loop = new LoopSlices(engine, port);
  loop.warmUp(flows + 400_000);
  const nsPerPacket = loop.measure(slices);
  return { nsPerPacket, met: engine.modules.counters()[0]?.packets ?? 0 };
}

// As the program does.
widenInlining();
const [modeText = '', flowsText, slicesText] = process.argv.slice(2);
console.log(JSON.stringify(measure(modeText, Number(flowsText), Number(slicesText))));
