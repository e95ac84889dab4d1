/** `shaper top` in a pseudo-terminal that script(1) makes, in front of an emulator that the test reads. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../../../bench/lab/process.ts';
import { Emulator } from './emulator.ts';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** A busy machine takes its time to load a program. */
const PATIENCE_MS = 90_000;

export interface TerminalBed {
  readonly emulator: Emulator;
  type(keys: string): void;
  /** Waits until the screen has the text. */
  shows(text: string | RegExp): Promise<void>;
  /** Waits until the normal screen has the text, and returns the match. */
  logs(pattern: RegExp): Promise<RegExpExecArray>;
  resize(columns: number, rows: number): void;
  /** Of the terminal, as stty prints it in one word. */
  modes(): string;
  kill(signal: NodeJS.Signals): void;
  close(): void;
}

/** Words of a command that runs the program from its sources, in one process. */
export const SHAPER = `node --import tsx ${join(ROOT, 'src/shaper.ts')}`;

/**
 * Runs a script of bash in a terminal of 80x24. `run COMMAND` runs a command and says its process id
 * first.
 */
export async function terminalBed(script: string, env: Record<string, string> = {}): Promise<TerminalBed> {
  const emulator = new Emulator();
  const run = `run() { bash -c 'echo "PID $$."; exec "$@"' run "$@"; }`;
  const line = [run, 'stty rows 24 cols 80', 'echo "TTY $(tty)."', 'read -r go', script].join('\n');
  const child: ChildProcess = spawn('script', ['-qfec', `bash -c "$SCRIPT"`, '/dev/null'], {
    cwd: ROOT,
    env: { ...process.env, TERM: 'xterm', SHELL: '/bin/bash', ...env, SCRIPT: line },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout!.setEncoding('utf8').on('data', (text: string) => emulator.write(text));
  child.stdin!.on('error', () => undefined);
  const wait = (what: string, isThere: () => boolean): Promise<void> =>
    until(what, isThere, PATIENCE_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n--- screen\n${emulator.text}\n--- log\n${emulator.log}`);
    });
  const logs = async (pattern: RegExp): Promise<RegExpExecArray> => {
    await wait(`the log has ${pattern}`, () => pattern.test(emulator.log));
    return pattern.exec(emulator.log)!;
  };
  const [, tty = ''] = await logs(/TTY (\S+)\./);
  const stty = (...words: string[]): string =>
    spawnSync('stty', ['-F', tty, ...words], { encoding: 'utf8' }).stdout.trim();
  return {
    emulator,
    logs,
    type: (keys) => child.stdin!.write(keys),
    shows: (text) =>
      wait(`the screen shows ${text}`, () =>
        typeof text === 'string' ? emulator.text.includes(text) : text.test(emulator.text),
      ),
    resize: (columns, rows) => {
      emulator.columns = columns;
      emulator.rows = rows;
      stty('rows', String(rows), 'cols', String(columns));
    },
    modes: () => stty('-g'),
    kill: (signal) => {
      const pid = Number(/[\s\S]*PID (\d+)\./.exec(emulator.log)![1]);
      process.kill(pid, signal);
    },
    close: () => {
      child.stdin!.destroy();
      child.kill('SIGKILL');
    },
  };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'shaper-top-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
