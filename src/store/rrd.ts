/**
 * Writes history as round-robin databases of rrdtool (https://oss.oetiker.ch/rrdtool), one for each host.
 * The program itself is asked, through one pipe.
 *
 * The data sources are gauges of bytes a second: history already has the mean of each step, which rrdtool
 * takes as it is. ABSOLUTE would divide bytes by the time since the update before, which is another one
 * than the step wherever time is unknown, and would make a low rate of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EXIT_FAILED, EXIT_IMPOSSIBLE, EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import type { HistoryPoint, Level } from './batch.ts';
import type { HistoryFile } from './history-file.ts';

/** Updates in one line to rrdtool. */
const UPDATES_PER_LINE = 200;
const HOUSE_NAME = 'house';

/** Returns the files that were written. Rejects with OperatingError; files of hosts before stay. */
export async function exportRrd(history: HistoryFile, folder: string): Promise<string[]> {
  const span = history.span();
  const levels = history.levels();
  if (span === null || levels.length === 0)
    throw new OperatingError(EXIT_USAGE, 'there is no history to export yet');
  makeFolder(folder);
  const tool = new RrdTool();
  try {
    const files: string[] = [];
    for (const host of [null, ...history.hosts().map(({ id }) => id)]) {
      const file = join(folder, `${host === null ? HOUSE_NAME : safeName(host)}.rrd`);
      if (existsSync(file))
        throw new OperatingError(
          EXIT_USAGE,
          `${printable(file)} is there already`,
          'name an empty folder, or remove the files of the export before',
        );
      await exportHost(tool, history, host, file, levels, span);
      files.push(file);
    }
    return files;
  } finally {
    await tool.end();
  }
}

/** Not with folders around it: where the kernel refuses, as in /proc, Node would try for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  try {
    mkdirSync(folder);
  } catch (error) {
    const hint = 'name a folder in one that is there and may be written';
    throw new OperatingError(EXIT_USAGE, `${printable(folder)} cannot be made (${reasonOf(error)})`, hint);
  }
}

async function exportHost(
  tool: RrdTool,
  history: HistoryFile,
  host: string | null,
  file: string,
  levels: readonly Level[],
  span: { readonly fromMs: number; readonly toMs: number },
): Promise<void> {
  const [{ stepSeconds }] = levels as [Level];
  await tool.ask(createLine(file, levels, Math.floor(span.fromMs / 1000 / stepSeconds) * stepSeconds));
  const updates: string[] = [];
  let lastSeconds = 0;
  for (const piece of questionsOf(levels, span))
    for (const point of history.points({ host, ...piece })) {
      const endSeconds = point.at / 1000 + piece.stepSeconds;
      // Steps of two levels that do not fit into each other overlap; rrdtool only goes forward.
      if (endSeconds > lastSeconds) updates.push(updateOf(point, piece.stepSeconds));
      lastSeconds = Math.max(lastSeconds, endSeconds);
    }
  for (let at = 0; at < updates.length; at += UPDATES_PER_LINE)
    await tool.ask(`update ${quoted(file)} ${updates.slice(at, at + UPDATES_PER_LINE).join(' ')}`);
}

/** Older times in the steps in which they are kept, so that nothing is asked twice. The oldest first. */
export function questionsOf(
  levels: readonly Level[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
) {
  const questions: { fromMs: number; toMs: number; stepSeconds: number }[] = [];
  let endMs = toMs;
  levels.forEach(({ stepSeconds, keepSeconds }, i) => {
    const coarserMs = (levels[i + 1]?.stepSeconds ?? stepSeconds) * 1000;
    const keptMs = Math.ceil(Math.max(fromMs, toMs - keepSeconds * 1000) / coarserMs) * coarserMs;
    const beginMs = i === levels.length - 1 ? Math.min(fromMs, endMs) : Math.min(keptMs, endMs);
    if (beginMs < endMs) questions.push({ fromMs: beginMs, toMs: endMs, stepSeconds });
    endMs = beginMs;
  });
  return questions.reverse();
}

/** Archives as history has its levels: each of `keep` steps, which rrdtool makes of the finest one. */
export function createLine(file: string, levels: readonly Level[], beginSeconds: number): string {
  const [{ stepSeconds }] = levels as [Level];
  const longest = Math.max(...levels.map((level) => level.stepSeconds));
  const sources = ['up', 'down'].map((name) => `DS:${name}:GAUGE:${2 * longest}:0:U`);
  const archives = levels.map((level) => {
    const steps = Math.max(1, Math.round(level.stepSeconds / stepSeconds));
    return `RRA:AVERAGE:0.5:${steps}:${Math.ceil(level.keepSeconds / level.stepSeconds) + 1}`;
  });
  const begin = beginSeconds - 1;
  return ['create', quoted(file), '--step', stepSeconds, '--start', begin, ...sources, ...archives].join(' ');
}

/** The end of a step, and the mean rate in it. U is what rrdtool calls unknown. */
function updateOf({ at, upBytes, downBytes }: HistoryPoint, stepSeconds: number): string {
  const rate = (bytes: number | null): string => (bytes === null ? 'U' : String(bytes / stepSeconds));
  return `${at / 1000 + stepSeconds}:${rate(upBytes)}:${rate(downBytes)}`;
}

/** A name of a file for a host: nothing but letters, digits, dots, hyphens and underlines, and no colon. */
export function safeName(host: string): string {
  const name = host
    .replaceAll(':', '-')
    .replaceAll(/[^\w.-]/g, (sign) => `_${sign.codePointAt(0)!.toString(16)}`);
  return name === HOUSE_NAME || /^\.*$/.test(name) ? `_${name}` : name.slice(0, 200);
}

function quoted(file: string): string {
  if (/["\n\\]/.test(file))
    throw new OperatingError(
      EXIT_USAGE,
      `rrdtool cannot read the path ${printable(file)}`,
      'name another folder',
    );
  return `"${file}"`;
}

/** `rrdtool -`: a line is a command; its answer ends with a line that begins with OK or ERROR. */
class RrdTool {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #failure: Error | null = null;

  constructor() {
    this.#child = spawn('rrdtool', ['-'], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.once('error', (error) => {
      this.#failure = error;
    });
    this.#child.stdin?.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
  }

  async ask(command: string): Promise<void> {
    this.#child.stdin?.write(`${command}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw this.#gone();
      if (value.startsWith('OK')) return;
      if (value.startsWith('ERROR')) throw new OperatingError(EXIT_FAILED, `rrdtool: ${value.slice(7)}`);
    }
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode !== null || this.#failure !== null) return;
    await new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
  }

  #gone(): OperatingError {
    const isMissing = isSystemError(this.#failure) && this.#failure.code === 'ENOENT';
    return isMissing
      ? new OperatingError(EXIT_IMPOSSIBLE, 'rrdtool is not installed', 'install it: apt install rrdtool')
      : new OperatingError(EXIT_FAILED, `rrdtool ended: ${this.#failure?.message ?? 'without a word'}`);
  }
}
