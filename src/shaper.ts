#!/usr/bin/env node
/** The program. No other file may end the process. */

/** Width of output that goes to a file or a program: wide enough for tables, narrow enough for a letter. */
const COLUMNS_OF_A_PIPE = 100;

// Node opens its debugger on SIGUSR1 unless somebody listens for the signal. No module is loaded before this
// line.
process.on('SIGUSR1', () => undefined);
// While Node itself started, the signal may have opened the debugger already. One that was asked for stays.
if (!/--inspect|--debug/.test(`${process.execArgv} ${process.env.NODE_OPTIONS}`)) {
  const { close, url } = process.getBuiltinModule('node:inspector');
  const shut = (): void => void (url() !== undefined && close());
  shut();
  setImmediate(shut);
}

/** Node's loader opens many files at once. If it may not, it says EMFILE or that a package is not there. */
const FILES_MIN = 128;

const explainShortage = async (error: unknown): Promise<never> => {
  if (!isEmfile(error) && !(await mayOpenFew())) throw error;
  process.stderr.write(
    'shaper: too few files may be open here\n  raise the limit: ulimit -n 1024, or LimitNOFILE= of systemd\n',
  );
  process.exit(3);
};

const isEmfile = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'EMFILE';

/** /proc/self/limits has a line `Max open files  1024  4096  files`. */
async function mayOpenFew(): Promise<boolean> {
  const { readFile } = process.getBuiltinModule('node:fs/promises');
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]) < FILES_MIN;
  } catch (error) {
    return isEmfile(error);
  }
}

const [{ main }, { drained, toleratesLostReader }, { widenInlining }] = await Promise.all([
  import('./cli/main.ts'),
  import('./cli/output.ts'),
  import('./live/inlining.ts'),
]).catch(explainShortage);
widenInlining();
for (const stream of [process.stdout, process.stderr]) toleratesLostReader(stream);
const code = await main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  isInteractive: process.stdout.isTTY === true,
  isErrInteractive: process.stderr.isTTY === true,
  hasColor: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  columns: process.stdout.columns ?? COLUMNS_OF_A_PIPE,
  stopJob: () => process.kill(0, 'SIGTSTP'),
  endBy: (signal) => process.kill(process.pid, signal),
  exitNow: (exitCode) => process.exit(exitCode),
}).catch(explainShortage);
await Promise.all([drained(process.stdout), drained(process.stderr)]);
process.exit(code);
