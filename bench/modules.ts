/**
 * npm run bench -- modules: what modules cost in the decision loop: without one, with an empty one, and with
 * one that reads five fields and sets the DSCP. `--quick` is for tests: it measures little and prints one
 * line of JSON.
 */
import { compiledScript } from './compiled.ts';
import { atMost, type Goal, printGoals, writeResults } from './goals.ts';
import { run } from './lab/process.ts';
import type { ModulesCost } from './modules-core.ts';
import { median } from './statistics.ts';
import { renderTable } from './table.ts';
import { readWords } from './words.ts';

const { quick } = readWords({ parts: [] });
const MODES = ['none', 'empty', 'reads'] as const;
type Mode = (typeof MODES)[number];
const FLOWS = quick ? [100] : [1000, 100_000];
const ROUNDS = quick ? 1 : 5;
const SLICES = quick ? 12 : 240;
const TIMEOUT_MS = 600_000;
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

const results = await measure();
const costOf = (flows: number, mode: Mode): number =>
  median(results.find((one) => one.flows === flows && one.mode === mode)!.bestNs);
if (quick) console.log(JSON.stringify(results));
else {
  const rows = results.map(({ flows, mode, bestNs }) => [
    String(flows),
    mode,
    `${median(bestNs).toFixed(0)} ns`,
    mode === 'none' ? '' : `${(median(bestNs) - costOf(flows, 'none')).toFixed(0)} ns`,
  ]);
  console.log(renderTable(['flows', 'module', 'a packet', 'more than none'], rows, true));
  const goals: Goal[] = FLOWS.map((flows) =>
    atMost(
      `an empty module, ns a packet, ${flows} flows`,
      costOf(flows, 'empty') - costOf(flows, 'none'),
      EMPTY_NS_MAX,
    ),
  );
  printGoals(goals);
  writeResults('modules', { results, goals });
}
