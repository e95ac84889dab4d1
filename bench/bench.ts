/**
 * npm run bench: everything in one run, so that the numbers belong together. Prints tables, and JSON into
 * bench/results/. `--quick` is for tests: it measures little, prints one line of JSON and shows
 * that everything runs.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { listContenders, queueRule, startContender, WHOLE_PROGRAM } from './contenders.ts';
import { type Drained, drainInTurns, fillAndDrain, placeDrainer } from './drain.ts';
import { atLeast, atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { createLab, type Lab } from './lab/lab.ts';
import { startShaper } from './lab/shaper.ts';
import { startSink } from './lab/udp.ts';
import { type Lateness, measureLateness } from './lateness.ts';
import { rate, renderTable, type Spread, spread } from './table.ts';
import { measureThroughput, type Throughput } from './throughput.ts';
import { readWords } from './words.ts';

interface Plan {
  readonly packets: number;
  readonly lengthBytes: number;
  readonly flows: readonly number[];
  readonly warmups: number;
  readonly rounds: number;
  readonly tcpRounds: number;
  readonly tcpSeconds: number;
  readonly latenessSeconds: number;
}
const FULL: Plan = {
  packets: 20_000,
  lengthBytes: 300,
  flows: [1000, 1],
  warmups: 3,
  rounds: 9,
  tcpRounds: 5,
  tcpSeconds: 2,
  latenessSeconds: 5,
};
const QUICK: Plan = {
  packets: 5000,
  lengthBytes: 300,
  flows: [1000],
  warmups: 1,
  rounds: 2,
  tcpRounds: 1,
  tcpSeconds: 1,
  latenessSeconds: 1,
};

interface DrainResult {
  readonly label: string;
  readonly cpuNsPerPacket: Spread;
  readonly packetsPerSec: Spread;
  /** CPU of this contender by CPU of the C loop with 256 verdicts per send, round by round. */
  readonly toCLoop: Spread;
  /** Its best round by the best round of that loop: the figure that other load disturbs least. */
  readonly bestToBest: number;
  /** The same by the npm package. */
  readonly toNpm: Spread | null;
}
type DrainResults = Record<string, Record<string, DrainResult>>;

const { quick } = readWords();
const say = (text: string): void => {
  if (!quick) console.error(text);
};

interface Running {
  readonly key: string;
  readonly label: string;
  readonly lab: Lab;
  readonly child: ChildProcess;
  readonly queue: number;
  readonly port: number;
}

function summarise(rounds: ReadonlyMap<Running, readonly Drained[]>): DrainResults[string] {
  const cpu = (wanted: string): number[] | undefined =>
    [...rounds].find(([{ key }]) => key === wanted)?.[1].map((d) => d.cpuNsPerPacket);
  const yardstick = cpu('c256')!;
  const npm = cpu('npm');
  const results: DrainResults[string] = {};
  for (const [{ key, label }, drained] of rounds) {
    const own = cpu(key)!;
    results[key] = {
      label,
      cpuNsPerPacket: spread(own),
      packetsPerSec: spread(drained.map((d) => d.packetsPerSec)),
      toCLoop: spread(own.map((ns, i) => ns / yardstick[i]!)),
      bestToBest: Math.min(...own) / Math.min(...yardstick),
      toNpm: npm ? spread(own.map((ns, i) => ns / npm[i]!)) : null,
    };
  }
  return results;
}

async function startAll(lab: Lab, programLab: Lab): Promise<Running[]> {
  const running: Running[] = [];
  for (const { key, label, command, missing, queue, port } of await listContenders(lab)) {
    if (command === null) {
      say(`  skipped: ${label} (${missing})`);
      continue;
    }
    await queueRule(lab, { protocol: 'udp', port }, queue);
    await startSink(lab.server, { port, hold: true });
    running.push({ key, label, lab, child: await startContender(lab, command), queue, port });
  }
  const { key, label, config, queue, port } = WHOLE_PROGRAM;
  const { child } = await startShaper(programLab, config, { entry: 'dist' });
  await startSink(programLab.server, { port, hold: true });
  running.push({ key, label, lab: programLab, child, queue, port });
  for (const one of running) await placeDrainer(one.child.pid!);
  return running;
}

async function measureDrains(plan: Plan): Promise<DrainResults> {
  const lab = await createLab();
  const programLab = await createLab();
  try {
    const running = await startAll(lab, programLab);
    const results: DrainResults = {};
    for (const flows of plan.flows) {
      const fill = { packets: plan.packets, flows, lengthBytes: plan.lengthBytes };
      const drain = ({ lab: where, child, queue, port }: Running): Promise<Drained> =>
        fillAndDrain(where, child, queue, { ...fill, port });
      await drainInTurns(running, plan.warmups, drain);
      results[`flows${flows}`] = summarise(await drainInTurns(running, plan.rounds, drain));
    }
    return results;
  } finally {
    await programLab.close();
    await lab.close();
  }
}

function judge(drains: DrainResults, throughput: Throughput, lateness: Lateness): Goal[] {
  const goals: Goal[] = [];
  for (const [flows, results] of Object.entries(drains)) {
    for (const key of ['core', WHOLE_PROGRAM.key]) {
      const { toCLoop, toNpm } = results[key]!;
      goals.push(atMost(`CPU of ${key} by C loop, ${flows}`, toCLoop.median, 1.25));
      if (toNpm) goals.push(atMost(`CPU of ${key} by npm nfqueue, ${flows}`, toNpm.median, 1 / 3));
    }
  }
  goals.push(atLeast('TCP through the program by C loop', throughput.toCLoop.median, 0.8));
  goals.push(atMost('release lateness p99, microseconds', lateness.engineMicroseconds.p99, 300));
  return goals;
}

function printDrains(drains: DrainResults, plan: Plan): void {
  for (const [flows, results] of Object.entries(drains)) {
    const rows = Object.values(results).map(
      ({ label, cpuNsPerPacket: ns, packetsPerSec, toCLoop, bestToBest, toNpm }) => [
        label,
        ns.median.toFixed(0),
        `${ns.min.toFixed(0)}-${ns.max.toFixed(0)}`,
        `${(packetsPerSec.median / 1000).toFixed(0)}`,
        toCLoop.median.toFixed(2),
        bestToBest.toFixed(2),
        toNpm ? toNpm.median.toFixed(2) : '-',
      ],
    );
    const head = [
      `${flows}: drained queue`,
      'CPU ns/packet',
      'min-max',
      'kpps',
      'by C loop',
      'best by best',
      'by npm',
    ];
    console.log(`\n${renderTable(head, rows, true)}`);
  }
  console.log(
    `(${plan.packets} packets of ${plan.lengthBytes} B per fill, medians of ${plan.rounds} rounds)`,
  );
}

function printRest(throughput: Throughput, lateness: Lateness, goals: readonly Goal[]): void {
  const tcp = ([label, s]: [string, Spread]): string[] => [label, rate(s.median), rate(s.min), rate(s.max)];
  const rows = (
    [
      ['no queue', throughput.noQueue],
      ['C loop, superpackets', throughput.cLoopGso],
      ['shaper, rate not reached', throughput.shaper],
    ] satisfies [string, Spread][]
  ).map(tcp);
  console.log(`\n${renderTable(['forwarded TCP', 'median', 'min', 'max'], rows, true)}`);
  const { engineMicroseconds: engine, receiverMicroseconds: receiver } = lateness;
  const late = [
    ['as the engine counts it', `${engine.p50} us`, `${engine.p99} us`],
    ['as the receiver sees it', `${receiver.p50.toFixed(0)} us`, `${receiver.p99.toFixed(0)} us`],
  ];
  console.log(`\n${renderTable(['lateness at 20 Mbit/s', 'p50', 'p99'], late, true)}`);
  const cpu = (lateness.cpuNsPerPacket / 1000).toFixed(1);
  console.log(
    `(${rate(lateness.bitsPerSec)} passed of twice the rate offered; ${cpu} us CPU per packet read)`,
  );
  printGoals(goals);
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'unknown'; // not a git checkout
  }
}

async function main(): Promise<void> {
  const plan = quick ? QUICK : FULL;
  say('bench: filling and draining queues');
  const drains = await measureDrains(plan);
  say('bench: forwarded TCP');
  const throughput = await measureThroughput(plan.tcpRounds, plan.tcpSeconds);
  say('bench: lateness of releases');
  const lateness = await measureLateness(plan.latenessSeconds);
  const goals = judge(drains, throughput, lateness);
  const cpu = cpus();
  const machine = { kernel: release(), cpu: cpu[0]?.model ?? '', cores: cpu.length, node: process.version };
  const result = { commit: commit(), machine, plan, drains, throughput, lateness, goals };
  if (quick) {
    console.log(JSON.stringify(result));
    return;
  }
  console.log(`\n${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`);
  printDrains(drains, plan);
  printRest(throughput, lateness, goals);
  writeResults('latest', result);
}

await main();
