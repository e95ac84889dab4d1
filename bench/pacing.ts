/**
 * npm run bench -- pacing [--seconds N] [--warm N] [--shapers a,b] [--cases a,b]
 *
 * TCP rate control beside the kernel's FIFO, fq_codel and CAKE at the same rate: bulk transfers 20 ms away,
 * CUBIC, in a full kernel in virtual time. Prints a table for each case and writes
 * bench/results/pacing.json. Exits with 2 for unknown words, and with 3 if the tool for that kernel is
 * missing or fails.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compiledScript, NotHereError, runMachine } from './compare/machine.ts';
import { PACED_SHAPERS } from './compare/paced-shapers.ts';
import { PACED_CASES, type PacedRow, type PacedTask } from './compare/paced-task.ts';
import { writeResults } from './goals.ts';
import { FULLKERNEL_MISSING, findFullkernel } from './lab/fullkernel.ts';
import { nativeProgram } from './lab/native.ts';
import { onProcessEnd } from './lab/process.ts';
import { shaperCommand } from './lab/shaper.ts';
import { renderTable } from './table.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_HERE = 3;
/** Real time for one shaper and all cases. */
const MACHINE_SECONDS = 4500;
const MACHINES_AT_ONCE = 2;

/** Throws TypeError for words that it does not know. */
function readTask(args: readonly string[]): PacedTask {
  const text = { type: 'string' } as const;
  const options = { seconds: text, warm: text, shapers: text, cases: text } as const;
  const { values } = parseArgs({ args: [...args], options });
  const keys = (given: string | undefined, known: readonly { readonly key: string }[]): string[] => {
    const all = known.map(({ key }) => key);
    const chosen = given?.split(',') ?? all;
    const unknown = chosen.find((key) => !all.includes(key));
    if (unknown !== undefined) throw new TypeError(`no '${unknown}'; there are ${all.join(', ')}`);
    return chosen;
  };
  const positive = (name: 'seconds' | 'warm', byDefault: number): number => {
    const value = Number(values[name] ?? byDefault);
    if (!(value > 0)) throw new TypeError(`--${name} takes a number above 0, not '${values[name]}'`);
    return value;
  };
  return {
    seconds: positive('seconds', 30),
    warmSeconds: positive('warm', 10),
    shapers: keys(values.shapers, PACED_SHAPERS),
    cases: keys(values.cases, PACED_CASES),
  };
}

function tableOf(key: string, rows: readonly PacedRow[]): string {
  const percent = (ratio: number, digits: number): string => `${(100 * ratio).toFixed(digits)} %`;
  const head = [
    key,
    'of the rate',
    'Jain',
    'sent again',
    'queue p50',
    'p99 ms',
    'from the start: again',
    'p99 ms',
    'edits',
  ];
  const lines = PACED_SHAPERS.flatMap(({ key: shaper, label }) =>
    rows
      .filter((row) => row.shaper === shaper)
      .map((row) => [
        label,
        percent(row.goodput, 1),
        row.jain.toFixed(3),
        percent(row.again, 2),
        row.waitP50Ms.toFixed(1),
        row.waitP99Ms.toFixed(1),
        percent(row.againFromStart, 2),
        row.waitP99FromStartMs.toFixed(1),
        row.violations.length === 0 ? 'right' : `WRONG: ${row.violations.length}`,
      ]),
  );
  return renderTable(head, lines, true);
}

async function measureAll(tool: string, script: string, task: PacedTask): Promise<PacedRow[]> {
  const waiting = [...task.shapers];
  const rows: PacedRow[] = [];
  const work = async (): Promise<void> => {
    for (let shaper = waiting.shift(); shaper !== undefined; shaper = waiting.shift()) {
      const own = { ...task, shapers: [shaper] };
      const onText = (): void => void process.stderr.write('.');
      const common = { tool, script, seconds: MACHINE_SECONDS, isFirst: false, onText };
      rows.push(...((await runMachine({ ...common, task: own, name: shaper })) as PacedRow[]));
    }
  };
  await Promise.all(Array.from({ length: MACHINES_AT_ONCE }, work));
  return rows;
}

async function run(task: PacedTask, tool: string): Promise<void> {
  shaperCommand(); // throws when dist/ is not of these sources
  // Built here: a compiler takes its time in an emulated machine.
  await nativeProgram('capture');
  const folder = mkdtempSync(join(tmpdir(), 'shaper-pacing-'));
  onProcessEnd(() => rmSync(folder, { recursive: true, force: true }));
  const rows = await measureAll(tool, await compiledScript(folder, 'paced-guest'), task);
  console.log(`\n20 ms away, cubic; ${task.seconds} s after ${task.warmSeconds} s, virtual time.`);
  for (const key of task.cases)
    console.log(
      `\n${tableOf(
        key,
        rows.filter((row) => row.case === key),
      )}`,
    );
  writeResults('pacing', { task, rows });
}

async function main(): Promise<number> {
  const tool = findFullkernel();
  if (tool === undefined) {
    console.error(`pacing: ${FULLKERNEL_MISSING}`);
    return EXIT_NOT_HERE;
  }
  try {
    await run(readTask(process.argv.slice(2)), tool);
    return 0;
  } catch (error) {
    console.error(`pacing: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof TypeError) return EXIT_USAGE;
    return error instanceof NotHereError ? EXIT_NOT_HERE : EXIT_FAILED;
  }
}

process.exitCode = await main();
