/**
 * The measuring side of the comparison, run as root under a kernel that has fq_codel, CAKE, RED, netem and
 * the nft queue statement: compare.ts starts it there. Takes its task as one argument of JSON, prints one
 * line of JSON per cell.
 */

import { createLab, type Lab } from '../lab/lab.ts';
import { sleep } from '../lab/process.ts';
import { type Loop, startLoop } from './awake.ts';
import { BASE_RTT_MS, LOADS, type Load, type Measured, measureLoad, pings, type Window } from './loads.ts';
import { SHAPERS, type Shaper, type Signals } from './shapers.ts';

const IDLE_SECONDS = 0.5;
/** For what senders still retransmit. */
const PAUSE_MS = 300;

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

interface Bed {
  readonly lab: Lab;
  readonly loop: Loop;
}

/** One short run with every program that is wanted: reading their files takes its time. */
async function loadFiles({ lab, loop }: Bed, loads: readonly Load[]): Promise<void> {
  const shaping = await SHAPERS[0]!.start(lab);
  const udp = loads.some(({ udpBitsPerSec }) => udpBitsPerSec !== undefined) ? { udpBitsPerSec: 1e5 } : {};
  await measureLoad(
    lab,
    { key: '', label: '', tcpStreams: 1, ...udp },
    { warmSeconds: 0.2, seconds: 0.2 },
    loop,
  );
  await shaping.stop();
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
    await loadFiles({ lab, loop }, loads);
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
