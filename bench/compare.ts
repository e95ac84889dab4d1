/**
 * npm run bench -- compare [--seconds N] [--runs N] [--shapers a,b] [--loads a,b] [--quick]
 *
 * The kernel's fq_codel, CAKE and RED against this program, on the same traffic: 20 Mbit/s behind 20 ms,
 * inside a full kernel in virtual time (lab/fullkernel.ts), so that the figures hardly depend on what else
 * this machine does. Prints tables and writes bench/results/compare.json; --quick measures little, once, and
 * prints one line of JSON. Exits with 2 for unknown words, and with 3 if the tool for that
 * kernel is missing or fails.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cell } from './compare/guest.ts';
import { compiledScript, NotHereError, runMachine } from './compare/machine.ts';
import { type Options, readOptions, UsageError } from './compare/options.ts';
import { renderRepeats, renderRows, rowsOf, runsText } from './compare/report.ts';
import { RATE_BITS_PER_SEC } from './compare/shapers.ts';
import { writeResults } from './goals.ts';
import { FULLKERNEL_MISSING, findFullkernel } from './lab/fullkernel.ts';
import { nativeProgram } from './lab/native.ts';
import { onProcessEnd } from './lab/process.ts';
import { shaperCommand } from './lab/shaper.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_HERE = 3;
/** Real time for one machine: emulated at a tenth of the speed, on processors that others use too. */
const MACHINE_SECONDS = { full: 4500, quick: 380 };
const MACHINES_AT_ONCE = 2;

/** One machine; rejects with what it said. */
async function measure(
  tool: string,
  script: string,
  task: Options,
  onText: (text: string) => void,
): Promise<Cell[]> {
  const seconds = task.quick ? MACHINE_SECONDS.quick : MACHINE_SECONDS.full;
  const name = task.shapers.join(', ');
  return (await runMachine({ tool, script, task, name, seconds, isFirst: task.quick, onText })) as Cell[];
}

interface Outcome {
  readonly cells: Cell[];
  /** What failed, where other machines went on. */
  readonly failures: string[];
}

/** A machine for every run of every shaper, two at a time, as they disturb each other little. */
async function measureAll(tool: string, script: string, chosen: Options): Promise<Outcome> {
  const waiting: Options[] = [];
  if (chosen.quick) waiting.push(chosen);
  else {
    for (let n = 0; n < chosen.runs; n++) {
      for (const shaper of chosen.shapers) waiting.push({ ...chosen, shapers: [shaper] });
    }
  }
  const all = chosen.runs * chosen.shapers.length * chosen.loads.length;
  let done = 0;
  const onText = (text: string): void => {
    done += text.split('\n').length - 1;
    if (!chosen.quick) process.stderr.write(`\rcompare: ${done} of ${all} measured`);
  };
  const cells: Cell[] = [];
  const failures: string[] = [];
  const work = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      try {
        cells.push(...(await measure(tool, script, task, onText)));
      } catch (error) {
        if (error instanceof NotHereError) throw error;
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: MACHINES_AT_ONCE }, work));
  return { cells, failures };
}

function print(chosen: Options, cells: readonly Cell[]): void {
  const rows = rowsOf(cells);
  if (chosen.quick) {
    console.log(JSON.stringify(rows));
    return;
  }
  console.log(
    `\n${RATE_BITS_PER_SEC / 1e6} Mbit/s of IP bytes, 20 ms, cubic; ${chosen.seconds} s after ${chosen.warmSeconds} s, ` +
      `virtual time; ${runsText(rows)}, medians of several.\nping: milliseconds above the bare line's round trip.\n\n${renderRows(rows)}\n\n${renderRepeats(rows)}`,
  );
  writeResults('compare', { plan: chosen, rows, cells });
}

/** Says what is wrong with the words; null then. */
function optionsOrNull(): Options | null {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`compare: ${error.message}`);
    return null;
  }
}

async function main(): Promise<number> {
  const chosen = optionsOrNull();
  if (chosen === null) return EXIT_USAGE;
  const tool = findFullkernel();
  if (tool === undefined) {
    console.error(`compare: ${FULLKERNEL_MISSING}`);
    return EXIT_NOT_HERE;
  }
  shaperCommand(); // throws when dist/ is not of these sources
  // Built here: a compiler takes its time in an emulated machine.
  await Promise.all([nativeProgram('udpgen'), nativeProgram('udpsink')]);
  const folder = mkdtempSync(join(tmpdir(), 'shaper-compare-'));
  onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const { cells, failures } = await measureAll(tool, await compiledScript(folder, 'guest'), chosen);
    if (cells.length > 0) print(chosen, cells);
    for (const failure of failures) console.error(`compare: ${failure}`);
    return failures.length > 0 ? EXIT_FAILED : 0;
  } catch (error) {
    console.error(`compare: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof NotHereError ? EXIT_NOT_HERE : EXIT_FAILED;
  }
}

process.exitCode = await main();
