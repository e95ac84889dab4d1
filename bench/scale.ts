/**
 * npm run bench -- scale: what many flows, hosts and classes cost against one, in the decision loop alone
 * (`loop`, with memory and the simulator's speed) and, as root, on real packets (`packets`). `--quick`
 * is for tests: it measures little and prints one line of JSON.
 */
import { compiledScript } from './compiled.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { run } from './lab/process.ts';
import { MEMORY_CASES, MEMORY_KEYS, type MemoryKey, SCALE_CASES } from './scale-cases.ts';
import type { CoreResult, MemoryResult, SimulatorResult } from './scale-core.ts';
import {
  judgePackets,
  measurePackets,
  type PacketsPlan,
  type PacketsResult,
  printPackets,
} from './scale-packets.ts';
import { renderTable, type Spread, spread } from './table.ts';
import { readWords } from './words.ts';

const MODES = ['pass', 'wait'] as const;
type Mode = (typeof MODES)[number];
const MODE_TEXT: Record<Mode, string> = { pass: 'passing at once', wait: '16,384 waiting' };

const SCENARIOS = ['eight-flows', 'flats-300'] as const;

interface Plan {
  readonly cases: readonly string[];
  readonly rounds: number;
  readonly slices: number;
  readonly simulatedSeconds: number;
  readonly memoryFlows: number;
  readonly packets: PacketsPlan;
}
const FULL: Plan = {
  cases: SCALE_CASES.map(({ key }) => key),
  rounds: 3,
  slices: 240,
  simulatedSeconds: 40,
  memoryFlows: 125_000,
  // V8 does not optimise further after 200,000 packets.
  packets: { many: ['flows', 'hosts', 'classes'], packets: 20_000, warmups: 10, rounds: 7 },
};
const QUICK: Plan = {
  cases: ['flow', 'flows'],
  rounds: 1,
  slices: 12,
  simulatedSeconds: 1,
  memoryFlows: 100_000,
  packets: { many: ['flows', 'hosts', 'classes'], packets: 20_000, warmups: 0, rounds: 1 },
};

interface CaseResult {
  readonly key: string;
  readonly label: string;
  readonly mode: Mode;
  /** The best slice of every round. */
  readonly nsPerPacket: Spread;
  /** The best of all by the best of the baseline: what other load on the machine disturbs least. */
  readonly toBaseline: number | null;
  /** Round by round. */
  readonly toBaselineByRound: Spread | null;
  readonly last: CoreResult;
}

interface LoopResult {
  readonly cases: readonly CaseResult[];
  readonly memory: Record<MemoryKey, MemoryResult>;
  readonly simulator: Record<string, SimulatorResult>;
}

const { quick, parts } = readWords({ parts: ['loop', 'packets'] });
const isRoot = process.getuid?.() === 0;
const say = (text: string): void => {
  if (!quick) console.error(text);
};

async function child<Result>(...args: readonly (string | number)[]): Promise<Result> {
  const { stdout } = await run(await compiledScript('scale-core', ...args), { timeoutMs: 120_000 });
  return JSON.parse(stdout) as Result;
}

/** Cases take turns within every round, so that what else the machine does hits them alike. */
async function measureCases(plan: Plan): Promise<CaseResult[]> {
  const found = new Map<string, CoreResult[]>();
  const at = (key: string, mode: Mode): CoreResult[] => found.get(`${key} ${mode}`) ?? [];
  for (let round = 0; round < plan.rounds; round++) {
    say(`bench: round ${round + 1} of ${plan.rounds}`);
    for (const key of plan.cases) {
      for (const mode of MODES) {
        const result = await child<CoreResult>(key, mode, plan.slices);
        found.set(`${key} ${mode}`, [...at(key, mode), result]);
      }
    }
  }
  const cases = SCALE_CASES.filter(({ key }) => plan.cases.includes(key));
  return MODES.flatMap((mode) =>
    cases.map(({ key, label, baseline }) => {
      const best = at(key, mode).map((one) => one.nsPerPacket.min);
      const base = baseline === null ? null : at(baseline, mode).map((one) => one.nsPerPacket.min);
      return {
        key,
        label,
        mode,
        nsPerPacket: spread(best),
        toBaseline: base === null ? null : Math.min(...best) / Math.min(...base),
        toBaselineByRound: base === null ? null : spread(best.map((ns, round) => ns / base[round]!)),
        last: at(key, mode).at(-1)!,
      };
    }),
  );
}

async function measureSimulator(plan: Plan): Promise<Record<string, SimulatorResult>> {
  const results: Record<string, SimulatorResult> = {};
  for (const scenario of SCENARIOS) {
    say(`bench: simulating ${scenario}`);
    for (let round = 0; round < plan.rounds; round++) {
      const result = await child<SimulatorResult>('simulate', scenario, plan.simulatedSeconds);
      const best = results[scenario];
      if (!best || result.packetsPerSec > best.packetsPerSec) results[scenario] = result;
    }
  }
  return results;
}

async function measureMemory({ memoryFlows }: Plan): Promise<Record<MemoryKey, MemoryResult>> {
  const results: Partial<Record<MemoryKey, MemoryResult>> = {};
  for (const key of MEMORY_KEYS) results[key] = await child<MemoryResult>('memory', key, memoryFlows);
  return results as Record<MemoryKey, MemoryResult>;
}

async function measureLoop(plan: Plan): Promise<LoopResult> {
  const cases = await measureCases(plan);
  return { cases, memory: await measureMemory(plan), simulator: await measureSimulator(plan) };
}

/** What many cost against one is judged by real packets; of the loop, a tenth of that, the table shows it. */
function judgeLoop({ cases, memory, simulator }: LoopResult): Goal[] {
  const goals: Goal[] = [];
  for (const { key, mode, nsPerPacket } of cases) {
    if (key === 'tree' && mode === 'pass')
      goals.push(atMost(`full tree, ${MODE_TEXT[mode]}: ns/packet`, nsPerPacket.min, 500));
  }
  for (const key of MEMORY_KEYS) {
    const { label, bytesMax } = MEMORY_CASES[key];
    goals.push(atMost(`memory per ${label}, bytes`, memory[key].bytesPerFlow, bytesMax));
  }
  for (const [scenario, { packetsPerSec }] of Object.entries(simulator))
    goals.push(atMost(`simulator, ${scenario}: ns/packet`, 1e9 / packetsPerSec, 1e9 / 300_000));
  return goals;
}

function printLoop({ cases, simulator }: LoopResult): void {
  const mebi = (bytes: number): string => (bytes / 1048576).toFixed(0);
  for (const mode of MODES) {
    const rows = cases
      .filter((one) => one.mode === mode)
      .map(({ label, nsPerPacket: ns, toBaseline, toBaselineByRound, last }) => [
        label,
        ns.min.toFixed(0),
        ns.median.toFixed(0),
        toBaseline?.toFixed(2) ?? '-',
        toBaselineByRound?.median.toFixed(2) ?? '-',
        `${(100 * last.droppedRatio).toFixed(2)} %`,
        `${mebi(last.rssBytes.before)} > ${mebi(last.rssBytes.idle)} > ${mebi(last.rssBytes.end)}`,
      ]);
    const head = [
      `decision loop, ${MODE_TEXT[mode]}`,
      'ns/packet, best',
      'median of rounds',
      'by one',
      'median',
      'dropped',
      'RSS MiB: before, idle, end',
    ];
    console.log(`\n${renderTable(head, rows, true)}`);
  }
  const rows = Object.entries(simulator).map(([scenario, one]) => [
    scenario,
    `${(one.packetsPerSec / 1000).toFixed(0)}`,
    one.warmUpSec.toFixed(1),
    `${one.packets}`,
    (one.packets / one.batches).toFixed(2),
  ]);
  console.log(
    `\n${renderTable(['simulator, warm', 'packets/s of CPU, thousands', 'warm-up, s', 'packets', 'per batch'], rows, true)}`,
  );
}

/** null where it cannot be. */
function measurePacketsHere(plan: Plan): Promise<PacketsResult[]> | null {
  if (isRoot) return measurePackets(plan.packets, say);
  console.error('bench: real packets are left out, they need root: sudo npm run bench -- scale');
  return null;
}

async function main(): Promise<void> {
  const plan = quick ? QUICK : FULL;
  const loop = parts.includes('loop') ? await measureLoop(plan) : null;
  const packets = parts.includes('packets') ? await measurePacketsHere(plan) : null;
  if (!loop && !packets) process.exit(3);
  const goals = [...(loop ? judgeLoop(loop) : []), ...(packets ? judgePackets(packets) : [])];
  const result = { node: process.version, plan, ...loop, packets, goals };
  if (quick) {
    console.log(JSON.stringify(result));
    return;
  }
  if (loop) printLoop(loop);
  if (packets) printPackets(packets, plan.packets);
  printGoals(goals);
  writeResults('scale', result);
}

await main();
