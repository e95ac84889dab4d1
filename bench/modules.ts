/**
 * npm run bench -- modules: what modules cost. `loop`: in the decision loop, without one, with an empty one,
 * and with one that reads five fields and sets the DSCP. `packets`: real packets through a module with
 * `payload`, beside a C loop that has them copied whole, as root. `--quick` is for tests: it measures little
 * and prints one line of JSON.
 */
import { compiledScript } from './compiled.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { run } from './lab/process.ts';
import type { ModulesCost } from './modules-core.ts';
import { measurePayload, type PayloadCost } from './modules-packets.ts';
import { median } from './statistics.ts';
import { renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick, parts } = readWords({ parts: ['loop', 'packets'] });
const MODES = ['none', 'empty', 'reads'] as const;
type Mode = (typeof MODES)[number];
const FLOWS = quick ? [100] : [1000, 100_000];
const ROUNDS = quick ? 1 : 5;
const SLICES = quick ? 12 : 240;
const TIMEOUT_MS = 600_000;
const PLAN = quick ? { packets: 2000, warmups: 0, rounds: 1 } : { packets: 20_000, warmups: 3, rounds: 15 };
/** Of the C loop's cost. */
const PAYLOAD_MAX = 1.5;
/** What an empty module may cost a packet. */
const EMPTY_NS_MAX = 300;

interface Result {
  readonly flows: number;
  readonly mode: Mode;
  /** The best slice of each round: what other load disturbs least. */
  readonly bestNs: readonly number[];
}

/** Modes take turns in every round, so that other load hits them alike. */
async function measure(): Promise<Result[]> {
  const results: Result[] = [];
  for (const flows of FLOWS) {
    const found = new Map<Mode, number[]>(MODES.map((mode) => [mode, []]));
    for (let round = 0; round < ROUNDS; round++)
      for (const mode of MODES) {
        const command = await compiledScript('modules-core', mode, flows, SLICES);
        const { stdout } = await run(command, { timeoutMs: TIMEOUT_MS });
        found.get(mode)!.push((JSON.parse(stdout) as ModulesCost).nsPerPacket.min);
      }
    for (const [mode, bestNs] of found) results.push({ flows, mode, bestNs });
  }
  return results;
}

function printLoop(results: readonly Result[]): Goal[] {
  const costOf = (flows: number, mode: Mode): number =>
    median(results.find((one) => one.flows === flows && one.mode === mode)!.bestNs);
  const rows = results.map(({ flows, mode, bestNs }) => [
    String(flows),
    mode,
    `${median(bestNs).toFixed(0)} ns`,
    mode === 'none' ? '' : `${(median(bestNs) - costOf(flows, 'none')).toFixed(0)} ns`,
  ]);
  console.log(renderTable(['flows', 'module', 'a packet', 'more than none'], rows, true));
  return FLOWS.map((flows) =>
    atMost(
      `an empty module, ns a packet, ${flows} flows`,
      costOf(flows, 'empty') - costOf(flows, 'none'),
      EMPTY_NS_MAX,
    ),
  );
}

function printPayload({ loop, module, ratio }: PayloadCost): Goal[] {
  const rows = [
    ['C loop, whole packets', `${loop.median.toFixed(0)} ns`],
    ['module with payload', `${module.median.toFixed(0)} ns`],
  ];
  console.log(`\n${renderTable(['real packets of 1000 bytes', 'a packet'], rows, true)}`);
  return [atMost('a module with payload by the C loop', ratio, PAYLOAD_MAX)];
}

const inLoop = parts.includes('loop') ? await measure() : null;
const payload = parts.includes('packets') ? await measurePayload(PLAN) : null;
if (quick) console.log(JSON.stringify({ loop: inLoop, payload }));
else {
  const goals = [...(inLoop ? printLoop(inLoop) : []), ...(payload ? printPayload(payload) : [])];
  printGoals(goals);
  writeResults('modules', { loop: inLoop, payload, goals });
}
