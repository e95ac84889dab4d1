/**
 * npm run bench -- cost [loads] [--quick]: what shaping costs the whole machine, above the same traffic
 * without any shaper. CPU of our process alone hides what the kernel does elsewhere: the time between two
 * instants in which processors were not idle (/proc/stat, exact on tickless kernels) hides nothing. So
 * nothing else may run meanwhile.
 *
 * Every shaper takes a turn in every round. The table has medians of the rounds; `--quick` is for tests: it
 * measures little and prints one line of JSON.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { COST_SHAPERS, type CostShaper, type Load } from './cost-shapers.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { createLab, type Lab } from './lab/lab.ts';
import { sleep } from './lab/process.ts';
import { sendUdp, startSink } from './lab/udp.ts';
import { median } from './statistics.ts';
import { renderTable, type Spread, spread } from './table.ts';
import { readWords } from './words.ts';

const FULL_BYTES = 1500;
const SMALL_BYTES = 100;
const BURST = 32;
/** Ticks of /proc/stat (USER_HZ). */
const TICKS_PER_SEC = 100;
const PORT = 7400;
const NOTHING = 'nothing';
const OTHERS_PERCENT_MAX = 5;

const LOADS: readonly Load[] = [
  ...[20, 100, 500].flatMap((mbit) => [
    {
      key: `${mbit}-even`,
      label: `${mbit} Mbit/s, even`,
      bytes: FULL_BYTES,
      bitsPerSec: mbit * 1e6,
      gather: 1,
    },
    {
      key: `${mbit}-bursts`,
      label: `${mbit} Mbit/s, bursts`,
      bytes: FULL_BYTES,
      bitsPerSec: mbit * 1e6,
      gather: BURST,
    },
  ]),
  ...[1, BURST].map((gather) => ({
    key: gather === 1 ? 'small-even' : 'small-bursts',
    label: `40,000 small/s, ${gather === 1 ? 'even' : 'bursts'}`,
    ...{ bytes: SMALL_BYTES, bitsPerSec: 40_000 * SMALL_BYTES * 8, gather },
  })),
];

const { quick, parts } = readWords({ parts: LOADS.map(({ key }) => key) });
const ROUNDS = quick ? 1 : 5;
const SECONDS = quick ? 0.5 : 4;
const WARM_SECONDS = quick ? 0.2 : 1;
/**
 * Before it is measured a program sees so much more traffic, as it is after its first minutes: by then V8 has
 * compiled what is hot. At 1667 packets a second that would take longer than a turn.
 */
const EARLIER_SECONDS = quick ? 0.2 : 2;
const EARLIER_PACKETS_PER_SEC = 40_000;
/**
 * So long the load itself comes before a program is measured: V8 compiles anew for other batches, and eight
 * seconds after the start it gives memory back.
 */
const PROGRAM_WARM_SECONDS = quick ? 0.2 : 9;
/** Nothing that a start leaves to do is taken for what the program does while nothing comes. */
const IDLE_SECONDS = quick ? 0.5 : 10;

/** Seconds in which processors were idle, summed over processors. */
function idleSeconds(): number {
  const [, , , , idle = '0', waiting = '0'] = /^cpu .*$/m
    .exec(readFileSync('/proc/stat', 'utf8'))![0]
    .split(/\s+/);
  return (Number(idle) + Number(waiting)) / TICKS_PER_SEC;
}

/** How busy the machine is meanwhile, in processors. */
async function busyProcessors(work: () => Promise<unknown>): Promise<number> {
  const [idle, sinceMs] = [idleSeconds(), performance.now()];
  await work();
  const seconds = (performance.now() - sinceMs) / 1000;
  return cpus().length - (idleSeconds() - idle) / seconds;
}

/** What runs beside the bench spoils its figures. */
async function warnOfOthers(): Promise<void> {
  const percent = 100 * (await busyProcessors(() => sleep(1000 * WARM_SECONDS)));
  if (percent > OTHERS_PERCENT_MAX && !quick)
    console.error(
      `cost: something else takes ${percent.toFixed(0)} % of a processor, so figures will be wrong`,
    );
}

interface Measured {
  readonly busyPercent: number;
  readonly packetsPerSec: number;
}

async function measure(lab: Lab, load: Load, shaper: CostShaper): Promise<Measured> {
  const end = await shaper.start(lab, PORT);
  try {
    // A receiver that never reads costs nothing.
    const sink = await startSink(lab.server, { port: PORT, hold: true });
    if (shaper.isProgram) await sendEarlier(lab);
    const { bytes: lengthBytes, bitsPerSec: rateBitsPerSec, gather } = load;
    const warmSeconds = shaper.isProgram ? PROGRAM_WARM_SECONDS : WARM_SECONDS;
    const sent = sendUdp(lab.client, lab.server, {
      ...{ port: PORT, lengthBytes, rateBitsPerSec, gather, flows: 16 },
      seconds: warmSeconds + SECONDS + 0.5,
    });
    await sleep(1000 * warmSeconds);
    const busy = await busyProcessors(() => sleep(1000 * SECONDS));
    const { packets, firstNs, lastNs } = await sent;
    await sink.stop();
    return { busyPercent: 100 * busy, packetsPerSec: (packets * 1e9) / (lastNs - firstNs) };
  } finally {
    await end();
  }
}

/** Single packets, so that each is a wake-up. */
async function sendEarlier(lab: Lab): Promise<void> {
  const rateBitsPerSec = EARLIER_PACKETS_PER_SEC * SMALL_BYTES * 8;
  await sendUdp(lab.client, lab.server, {
    ...{ port: PORT, lengthBytes: SMALL_BYTES, rateBitsPerSec, flows: 16, seconds: EARLIER_SECONDS },
  });
}

interface CostResult {
  readonly load: string;
  readonly shaper: string;
  readonly packetsPerSec: number;
  /** Of one processor, above the same traffic without a shaper, round by round. */
  readonly percent: Spread;
  readonly microsecondsPerPacket: number;
}

async function measureLoad(lab: Lab, load: Load, shapers: readonly CostShaper[]): Promise<CostResult[]> {
  const found = new Map(shapers.map(({ key }) => [key, [] as Measured[]]));
  for (let round = 0; round < ROUNDS; round++)
    for (const shaper of shapers) found.get(shaper.key)!.push(await measure(lab, load, shaper));
  const nothing = found.get(NOTHING)!;
  return shapers.map(({ key }) => {
    const all = found.get(key)!;
    const above = all.map(({ busyPercent }, i) => busyPercent - nothing[i]!.busyPercent);
    const packetsPerSec = median(all.map((one) => one.packetsPerSec));
    const percent = key === NOTHING ? spread(all.map((one) => one.busyPercent)) : spread(above);
    return {
      ...{ load: load.key, shaper: key, packetsPerSec, percent },
      microsecondsPerPacket: (percent.median * 1e4) / packetsPerSec,
    };
  });
}

/** How much of a processor the program takes while no packets come, in percent. */
async function measureIdle(lab: Lab): Promise<number> {
  const idle = COST_SHAPERS.find(({ key }) => key === 'shaper')!;
  const nothing = await busyProcessors(() => sleep(1000 * IDLE_SECONDS));
  const end = await idle.start(lab, PORT);
  const sink = await startSink(lab.server, { port: PORT, hold: true });
  await sendEarlier(lab);
  await sink.stop();
  await sleep(1000 * IDLE_SECONDS);
  const running = await busyProcessors(() => sleep(2000 * IDLE_SECONDS));
  await end();
  return 100 * (running - nothing);
}

const BOUNDS: readonly { load: string; by: string; limit: number }[] = [
  { load: '500-bursts', by: 'c256', limit: 1.15 },
  { load: '20-even', by: 'c1', limit: 2 },
  { load: 'small-even', by: 'c256', limit: 1.2 },
];

function judge(results: readonly CostResult[]): Goal[] {
  const of = (load: string, shaper: string): number | undefined =>
    results.find((one) => one.load === load && one.shaper === shaper)?.percent.median;
  return BOUNDS.flatMap(({ load, by, limit }) => {
    const [ours, theirs] = [of(load, 'shaper'), of(load, by)];
    if (ours === undefined || theirs === undefined) return [];
    return [atMost(`${load}: shaper by ${by}`, ours / theirs, limit)];
  });
}

function print(results: readonly CostResult[], shapers: readonly CostShaper[]): void {
  const loads = LOADS.filter(({ key }) => results.some(({ load }) => load === key));
  const rows = loads.map(({ key, label }) => {
    const one = results.filter(({ load }) => load === key);
    const cell = ({ percent, microsecondsPerPacket: us }: CostResult): string =>
      `${percent.median.toFixed(1)} (${us.toFixed(1)})`;
    return [
      label,
      one[0]!.packetsPerSec.toFixed(0),
      ...shapers.map((s) => cell(one.find((r) => r.shaper === s.key)!)),
    ];
  });
  const head = ['% of a processor (us a packet)', 'packets/s', ...shapers.map(({ label }) => label)];
  console.log(`\n${renderTable(head, rows, true)}`);
  console.log('\nnothing: the traffic itself. All others: above that.');
}

async function main(): Promise<void> {
  await warnOfOthers();
  const lab = await createLab();
  try {
    const shapers: CostShaper[] = [];
    for (const shaper of COST_SHAPERS) if (await shaper.isHere(lab)) shapers.push(shaper);
    const results: CostResult[] = [];
    for (const load of LOADS) {
      if (!parts.includes(load.key)) continue;
      if (!quick) console.error(`cost: ${load.label}`);
      results.push(...(await measureLoad(lab, load, shapers)));
    }
    const idlePercent = await measureIdle(lab);
    const goals = [...judge(results), atMost('idle, % of a processor', idlePercent, 0.1)];
    if (quick) {
      console.log(JSON.stringify({ results, idlePercent, goals }));
      return;
    }
    print(results, shapers);
    printGoals(goals);
    writeResults('cost', { seconds: SECONDS, rounds: ROUNDS, results, idlePercent, goals });
  } finally {
    await lab.close();
  }
}

await main();
