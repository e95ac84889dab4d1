/**
 * npm run bench -- hosts: what hosts and quotas cost, for 330 and for 10,000 hosts. `loop`: the decision loop
 * alone; `control`: the control thread and the thread of the store; `packets`: real packets, as root.
 * `--quick` is for tests: it measures little and prints one line of JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledScript } from './compiled.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import type { ControlCost } from './hosts-control.ts';
import type { LoopCost } from './hosts-core.ts';
import { HOST_MODES, type HostMode, measureHostPackets, type PacketCost } from './hosts-packets.ts';
import { run } from './lab/process.ts';
import { median } from './statistics.ts';
import { millis, renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick, parts } = readWords({ parts: ['loop', 'control', 'packets'] });
const HOSTS = quick ? [33] : [330, 10_000];
const ROUNDS = quick ? 1 : 5;
const SLICES = quick ? 12 : 240;
const FLUSHES = quick ? 1 : 6;
/** Buckets of the longest window that are filled: all of them. */
const FILLS = quick ? 2 : 240;
const PLAN = quick ? { packets: 2000, warmups: 0, rounds: 1 } : { packets: 20_000, warmups: 5, rounds: 41 };
const TIMEOUT_MS = 1_200_000;

interface LoopResult {
  readonly hosts: number;
  readonly mode: HostMode;
  /** The best slice of each round: what other load disturbs least. */
  readonly bestNs: readonly number[];
  readonly known: number;
  readonly limited: number;
}

async function child<Result>(name: string, ...args: readonly (string | number)[]): Promise<Result> {
  const { stdout } = await run(await compiledScript(name, ...args), { timeoutMs: TIMEOUT_MS });
  return JSON.parse(stdout) as Result;
}

/** Modes take turns in every round, so that other load hits them alike. */
async function measureLoop(): Promise<LoopResult[]> {
  const results: LoopResult[] = [];
  for (const hosts of HOSTS) {
    const found = new Map<HostMode, LoopCost[]>(HOST_MODES.map((mode) => [mode, []]));
    for (let round = 0; round < ROUNDS; round++)
      for (const mode of HOST_MODES)
        found.get(mode)!.push(await child<LoopCost>('hosts-core', hosts, mode, SLICES));
    for (const [mode, costs] of found) {
      const { hosts: known, limited } = costs[0]!;
      results.push({ hosts, mode, bestNs: costs.map((one) => one.nsPerPacket.min), known, limited });
    }
  }
  return results;
}

async function measureControl(): Promise<ControlCost[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-hosts-'));
  try {
    const results: ControlCost[] = [];
    for (const hosts of HOSTS)
      results.push(
        await child<ControlCost>('hosts-control', hosts, join(folder, `${hosts}.db`), FLUSHES, FILLS),
      );
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printLoop(results: readonly LoopResult[]): void {
  const rows = results.map(({ hosts, mode, bestNs }) => [
    ...[String(hosts), mode, median(bestNs).toFixed(0), Math.min(...bestNs).toFixed(0)],
  ]);
  console.log(`\n${renderTable(['hosts, decision loop', '', 'ns/packet', 'best'], rows, true)}`);
}

function printControl(results: readonly ControlCost[]): void {
  const rows = results.map((one) => [
    ...[String(one.hosts), `${one.corePercent.toFixed(2)} %`, millis(one.lookMs), millis(one.flushMs)],
    ...[`${(one.memoryBytesMax / 1e6).toFixed(0)} MB`, `${(one.fileBytes / 1e6).toFixed(1)} MB`],
  ]);
  const head = ['hosts, control and store', 'processor', 'a look', 'a flush', 'memory', 'file'];
  console.log(`\n${renderTable(head, rows, true)}`);
}

function printPackets(results: readonly PacketCost[]): void {
  const rows = results.map(({ hosts, mode, cpuNsPerPacket: ns, toOff, bestToBest }) => [
    ...[String(hosts), mode, ns.median.toFixed(0), `${ns.min.toFixed(0)}-${ns.max.toFixed(0)}`],
    ...[toOff.toFixed(3), bestToBest.toFixed(3)],
  ]);
  const head = ['hosts, real packets', '', 'CPU ns/packet', 'min-max', 'by off', 'best by best'];
  console.log(`\n${renderTable(head, rows, true)}`);
}

function judge(control: readonly ControlCost[], packets: readonly PacketCost[]): Goal[] {
  const bound = (hosts: number): number => (hosts > 1000 ? 10 : 1);
  return [
    ...control.flatMap(({ hosts, corePercent, memoryBytesMax }) => [
      atMost(`control and store, ${hosts} hosts, % of a core`, corePercent, bound(hosts)),
      atMost(`memory, ${hosts} hosts, MB`, memoryBytesMax / 1e6, 200),
    ]),
    ...packets
      .filter(({ mode }) => mode === 'limited')
      .map(({ hosts, toOff }) => atMost(`CPU per packet by that without, ${hosts} hosts`, toOff, 1.05)),
  ];
}

async function main(): Promise<void> {
  const isAsked = (part: string): boolean => parts.includes(part);
  const isRoot = process.getuid?.() === 0;
  const loop = isAsked('loop') ? await measureLoop() : [];
  const control = isAsked('control') ? await measureControl() : [];
  const packets = isAsked('packets') && isRoot ? await measureHostPackets(HOSTS, PLAN) : [];
  const goals = judge(control, packets);
  const result = { loop, control, packets, goals };
  if (quick) {
    console.log(JSON.stringify(result));
    return;
  }
  if (loop.length > 0) printLoop(loop);
  if (control.length > 0) printControl(control);
  if (packets.length > 0) printPackets(packets);
  if (isAsked('packets') && !isRoot) console.error('bench: real packets need root');
  printGoals(goals);
  writeResults('hosts', result);
}

await main();
