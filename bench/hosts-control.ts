/**
 * What the control thread and the thread of the store do for hosts, in a process of its own:
 * `hosts-control.ts HOSTS FILE FLUSHES`. An engine counts packets of every host between two looks, in virtual
 * time; its own time is left out. Before that, steps of hours fill the windows. Prints one line of JSON.
 */
import { statSync } from 'node:fs';
import { loadConfig } from '../src/config/config.ts';
import type { Clock } from '../src/control/change/clock.ts';
import { HostService } from '../src/control/hosts/host-service.ts';
import { MemorySource } from '../src/control/hosts/memory-source.ts';
import { Engine } from '../src/core/engine.ts';
import { HostReader } from '../src/core/hosts/host-reader.ts';
import { ARRIVAL_ROWS } from '../src/limits.ts';
import { openStore } from '../src/store/store.ts';
import { cpuMs } from './cpu-time.ts';
import { MemoryPort } from './memory-port.ts';
import { LOOP_SETTING, ONE_LEAF } from './scale-cases.ts';

const LOOK_MS = 250;
const FLUSH_MS = 10_000;
/** A bucket of the longest window, and as many of them as it has. */
const FILL_MS = 3 * 3_600_000;
const FILLS = 240;
const IF_INDEX = 3;
const START_MS = Date.UTC(2026, 0, 1);

export interface ControlCost {
  /** Of processor time per second. */
  readonly corePercent: number;
  readonly lookMs: number;
  readonly flushMs: number;
  /** Beyond what the process had when the engine knew all hosts. */
  readonly memoryBytesMax: number;
  readonly fileBytes: number;
  readonly hosts: number;
  /** Limits that were sent to the packet thread. */
  readonly limits: number;
}

const [hostsText, file = '', flushesText, fillsText] = process.argv.slice(2);
const hosts = Number(hostsText);
const flushes = Number(flushesText);
const fills = fillsText === undefined ? FILLS : Number(fillsText);

const { spec, history } = loadConfig(
  `
links: { wan: { device: wan0, up: 100mbit, down: 100mbit } }
history: { file: ${file} }
quotas:
  fair-use:
    windows: [{ over: 4h, up: 5GB, down: 10GB }, { over: 7d, up: 30GB, down: 60GB }, { over: 30d, total: 500GB }]
    then: [{ throttle: { up: 1mbit, down: 2mbit } }]
`,
  'bench',
);

let nowMs = 0;
const clock: Clock = {
  monotonicMs: () => nowMs,
  wallMs: () => START_MS + nowMs,
  after: () => () => undefined,
};
const port = new MemoryPort({ flows: hosts, hosts, ports: 1 }, IF_INDEX, () => 0);
// Faster than the line, so that no packet of so many hosts is dropped.
const fast = loadConfig(ONE_LEAF(LOOP_SETTING), 'bench').spec;
const engine = new Engine(fast, { seed: 1 });
for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);

/** So many milliseconds, in which every host has a packet on the average. */
function step(ms: number): void {
  nowMs += ms;
  for (let n = 0; n < hosts; n += ARRIVAL_ROWS) engine.runBatch(port, (1000 + nowMs) * 1e6);
}

step(1000);
step(1000);
const rssBytes = process.memoryUsage().rss;
let memoryBytesMax = 0;
let limits = 0;
const service = new HostService({
  ...{ source: new MemorySource(new HostReader(engine.hosts.buffer), () => undefined), spec, history, clock },
  read: () => ({ bootMs: 1000 + nowMs, bootId: 'bench', wallMs: clock.wallMs() }),
  tellKnown: () => undefined,
  send: (update) => {
    limits += update.limits?.host.length ?? 0;
    engine.updateHosts(update, (1000 + nowMs) * 1e6);
  },
  actions: { tell: () => undefined, close: () => undefined },
  namesOf: () => [],
  portName: (ifIndex) => `port ${ifIndex}`,
  tellModule: () => undefined,
  onStopped: () => undefined,
  emit: () => undefined,
  log: ({ message }) => console.error(message),
  openStore,
  setStopped: () => undefined,
  startPortal: () => {
    throw new Error('no quota has a page');
  },
});

/** The thread of the store has written everything. */
async function settled(): Promise<void> {
  while (!service.history.isSettled) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function measure(): Promise<ControlCost> {
  await service.start();
  for (let n = 0; n < fills; n++) {
    step(FILL_MS);
    service.look();
    await settled();
  }
  limits = 0;
  let looksMs = 0;
  let flushesMs = 0;
  for (let n = 1; n <= (flushes * FLUSH_MS) / LOOK_MS; n++) {
    step(LOOK_MS);
    const isFlush = service.history.isDue;
    const before = cpuMs();
    service.look();
    await settled();
    if (isFlush) flushesMs += cpuMs() - before;
    else looksMs += cpuMs() - before;
    if (isFlush) memoryBytesMax = Math.max(memoryBytesMax, process.memoryUsage().rss - rssBytes);
  }
  const known = service.counts().known;
  const sentLimits = limits;
  await service.close();
  const looks = (flushes * FLUSH_MS) / LOOK_MS - flushes;
  return {
    corePercent: (100 * (looksMs + flushesMs)) / (flushes * FLUSH_MS),
    lookMs: looksMs / looks,
    flushMs: flushesMs / flushes,
    memoryBytesMax,
    fileBytes: statSync(file).size,
    hosts: known,
    limits: sentLimits,
  };
}

console.log(JSON.stringify(await measure()));
