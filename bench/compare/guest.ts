/**
 * The measuring side of the comparison, run as root under a kernel that has fq_codel, CAKE, RED, netem and the nft queue
 * statement: compare.ts starts it there. Takes its task as one argument of JSON, prints one line of JSON per cell.
 */

import { createLab, type Lab } from '../lab/lab.ts';
import { sleep } from '../lab/process.ts';
import { type Loop, startLoop } from './awake.ts';
import { LOADS, type Load, type Measured, measureLoad, pings, type Window } from './loads.ts';
import { SHAPERS, type Shaper, type Signals } from './shapers.ts';

/** Round trip without a queue, made where the answers leave. */
export const BASE_RTT_MS = 20;
const IDLE_SECONDS = 0.5;
/** Long enough for queues to drain before the next start. */
const PAUSE_MS = 1500;

export interface Task extends Window {
  readonly shapers: readonly string[];
  readonly loads: readonly string[];
}

/** One shaper under one load. */
export interface Cell {
  readonly shaper: string;
  readonly load: string;
  readonly idlePingMs: readonly number[];
  readonly measured: Measured;
  readonly signals: Signals;
}

function named<T extends { readonly key: string }>(all: readonly T[], keys: readonly string[]): T[] {
  return keys.map((key) => {
    const found = all.find((one) => one.key === key);
    if (!found) throw new Error(`no "${key}" among ${all.map((one) => one.key).join(', ')}`);
    return found;
  });
}

/** One short run with every program: reading their files takes its time. */
async function loadFiles(lab: Lab, loop: Loop): Promise<void> {
  const shaping = await SHAPERS[0]!.start(lab);
  const load = { key: '', label: '', tcpStreams: 1, udpBitsPerSec: 1e5 };
  await measureLoad(lab, load, { warmSeconds: 1, seconds: 0.5 }, loop);
  await shaping.stop();
}

interface Bed {
  readonly lab: Lab;
  readonly loop: Loop;
}

/** One shaper, started afresh, under one load. */
async function measureCell(bed: Bed, shaper: Shaper, load: Load, window: Window): Promise<Cell> {
  const { lab, loop } = bed;
  const shaping = await shaper.start(lab);
  const idle = await pings(lab, IDLE_SECONDS);
  const before = await shaping.signals();
  const measured = await measureLoad(lab, load, window, loop);
  const after = await shaping.signals();
  await sleep(PAUSE_MS);
  await shaping.stop();
  return {
    shaper: shaper.key,
    load: load.key,
    idlePingMs: idle.ms,
    measured,
    signals: { dropped: after.dropped - before.dropped, marked: after.marked - before.marked },
  };
}

async function main(task: Task): Promise<void> {
  const shapers = named<Shaper>(SHAPERS, task.shapers);
  const loads = named<Load>(LOADS, task.loads);
  const loop = startLoop();
  const lab = await createLab({ offloads: false });
  try {
    const netem = `tc qdisc add dev eth0 root netem delay ${BASE_RTT_MS}ms limit 100000`;
    await lab.server.exec(netem.split(' '));
    await loadFiles(lab, loop);
    for (const shaper of shapers) {
      for (const load of loads)
        console.log(JSON.stringify(await measureCell({ lab, loop }, shaper, load, task)));
    }
  } finally {
    await lab.close();
    loop.stop();
  }
}

await main(JSON.parse(process.argv[2] ?? '{}') as Task);
