/**
 * What it costs packets that people look: processor time of the packet thread per drained packet, and how
 * late held packets leave, with viewers and without, in turns within one run. `http`: the viewers ask for
 * everything that `top` shows and for the metrics, and follow the events. They ask four times as often as
 * `top`, because a drain is shorter than a second. `files`: somebody reads 500 files of classes a second.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WHOLE_PROGRAM } from './contenders.ts';
import { type Drained, fillAndDrain, packetThreadNs, placeDrainer } from './drain.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { createLab, type Lab } from './lab/lab.ts';
import { sleep, until } from './lab/process.ts';
import { type RunningShaper, startShaper } from './lab/shaper.ts';
import { startSink, udpTransfer } from './lab/udp.ts';
import { median } from './statistics.ts';
import { type Spread, spread } from './table.ts';
import { readWords } from './words.ts';

const { quick, parts } = readWords({ parts: ['http', 'files'] });
const ROUNDS = quick ? 2 : 12;
const WARMUPS = quick ? 1 : 3;
const PACKETS = quick ? 5000 : 40_000;
const LATENESS_ROUNDS = quick ? 1 : 3;
/** `status` shows the lateness of the last 10 to 14 s. */
const LATENESS_SECONDS = quick ? 2 : 16;
const ASK_MS = 250;
const READS_PER_SEC = 500;

const HELD_PORT = 7600;
const CONFIG = WHOLE_PROGRAM.config.replace(
  '        bulk:',
  `        held: { ceil: 20mbit, match: { proto: udp, dport: ${HELD_PORT} }, queue: { discipline: fifo, limit: 100p } }\n        bulk:`,
);

interface Viewer {
  look(): void;
  rest(): void;
  end(): void;
  /** Files read in a second of looking; NaN for viewers that do not tell. */
  readsPerSec(): number;
}

async function startViewer(lab: Lab, name: string, ...args: readonly string[]): Promise<Viewer> {
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = lab.router.spawn([
    ...['taskset', '-c', '0', process.execPath, '--import', 'tsx', script, ...args],
  ]);
  child.stderr?.pipe(process.stderr);
  let told = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    told = String(chunk).trim().split('\n').at(-1) ?? '';
  });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the viewer has ended with ${code}`)));
  });
  let lookedMs = 0;
  let sinceMs: number | null = performance.now();
  return {
    look: () => {
      sinceMs ??= performance.now();
      child.kill('SIGCONT');
    },
    rest: () => {
      if (sinceMs !== null) lookedMs += performance.now() - sinceMs;
      sinceMs = null;
      child.kill('SIGSTOP');
    },
    end: () => void child.kill('SIGKILL'),
    readsPerSec: () => (1000 * Number(told)) / lookedMs,
  };
}

interface Compared {
  readonly alone: Spread;
  readonly watched: Spread;
  /** The median of the ratios of pairs, which other load disturbs least. */
  readonly ratio: number;
}

/** Measures both in turns, the first one of each round another one than before. */
async function compare(rounds: number, viewer: Viewer, measure: () => Promise<number>): Promise<Compared> {
  const alone: number[] = [];
  const watched: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const isWatched of round % 2 ? [true, false] : [false, true]) {
      if (isWatched) viewer.look();
      else viewer.rest();
      (isWatched ? watched : alone).push(await measure());
    }
  }
  const ratio = median(watched.map((value, round) => value / alone[round]!));
  return { alone: spread(alone), watched: spread(watched), ratio };
}

async function compareDrains(lab: Lab, shaper: RunningShaper, viewer: Viewer): Promise<Compared> {
  const { port, queue } = WHOLE_PROGRAM;
  await startSink(lab.server, { port, hold: true });
  const fill = { packets: PACKETS, flows: 1000, lengthBytes: 300, port };
  const drain = async (): Promise<number> => {
    const drained: Drained = await fillAndDrain(lab, shaper.child, queue, fill, packetThreadNs);
    return drained.cpuNsPerPacket;
  };
  for (let n = 0; n < WARMUPS; n++) await drain();
  return compare(ROUNDS, viewer, drain);
}

async function compareLateness(lab: Lab, shaper: RunningShaper, viewer: Viewer): Promise<Compared> {
  const measure = async (): Promise<number> => {
    const traffic = { port: HELD_PORT, rateBitsPerSec: 40e6, lengthBytes: 1000, flows: 16 };
    const transfer = udpTransfer(lab.client, lab.server, { ...traffic, seconds: LATENESS_SECONDS });
    await sleep(1000 * LATENESS_SECONDS - 500);
    const { recent } = await shaper.status();
    await transfer;
    return recent.latenessMicroseconds?.p99 ?? Number.NaN;
  };
  return compare(LATENESS_ROUNDS, viewer, measure);
}

interface Watched {
  readonly cpuNsPerPacket: Compared;
  readonly latenessMicrosecondsP99: Compared;
  readonly readsPerSec: number;
}

/** An instance with its viewer, in a lab of its own. */
async function watch(part: string): Promise<Watched> {
  const lab = await createLab({ hasMounts: part === 'files' });
  try {
    const mount = join(lab.folder, 'net');
    const config = part === 'files' ? `${CONFIG}files: ${mount}\n` : CONFIG;
    const shaper = await startShaper(lab, config, { entry: 'dist' });
    await placeDrainer(shaper.child.pid!);
    if (part === 'files')
      await until('the tree is mounted', () => readFileSync('/proc/mounts', 'utf8').includes(mount));
    const viewer =
      part === 'files'
        ? await startViewer(lab, 'file-reader', mount, String(READS_PER_SEC))
        : await startViewer(lab, 'viewer', shaper.socketPath, String(ASK_MS));
    const cpuNsPerPacket = await compareDrains(lab, shaper, viewer);
    const latenessMicrosecondsP99 = await compareLateness(lab, shaper, viewer);
    viewer.rest();
    const readsPerSec = viewer.readsPerSec();
    viewer.end();
    // The mount goes with the instance, before its folder does.
    await shaper.stop();
    await until('the tree is gone', () => !readFileSync('/proc/mounts', 'utf8').includes(mount));
    return { cpuNsPerPacket, latenessMicrosecondsP99, readsPerSec };
  } finally {
    await lab.close();
  }
}

async function main(): Promise<void> {
  const results: Record<string, Watched> = {};
  const goals: Goal[] = [];
  for (const part of parts) {
    const found = await watch(part);
    results[part] = found;
    // The lateness comes from a histogram of eight bins an octave.
    goals.push(
      atMost(
        `CPU per packet of the packet thread, watched by not, ${part}`,
        found.cpuNsPerPacket.ratio,
        1.02,
      ),
      atMost(`release lateness p99, watched by not, ${part}`, found.latenessMicrosecondsP99.ratio, 1.25),
    );
  }
  const result = { ...results, goals };
  if (quick) console.log(JSON.stringify(result));
  else {
    printGoals(goals);
    if (results.files !== undefined)
      console.log(`\nfiles read a second while somebody looked: ${results.files.readsPerSec.toFixed(0)}`);
    writeResults('views', result);
  }
  process.exitCode = quick || goals.every(({ isMet }) => isMet) ? 0 : 1;
}

await main();
