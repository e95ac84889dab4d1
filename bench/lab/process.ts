/** Child processes with a time limit, and undoing on every way out of this process. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Far longer than anything takes on a busy machine. Longer still where time itself jumps (bench/compare). */
const LIMIT_MS = Number(process.env.SHAPER_LAB_LIMIT_MS ?? 60_000);
/** A condition that comes ends the wait, so this costs time only where something is wrong. */
const PATIENCE_MS = 30_000;

export interface RunOptions {
  /** Ends the command with SIGKILL after this long; default 60 s, or what SHAPER_LAB_LIMIT_MS says. */
  readonly timeoutMs?: number;
  readonly input?: string;
  /** false: a failure is a result, not an exception. */
  readonly check?: boolean;
}

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly finished: Finished;

  constructor(command: readonly string[], finished: Finished) {
    const how = finished.signal ? `ended by ${finished.signal}` : `exit ${finished.code}`;
    super(`${command.join(' ')}: ${how}\n${finished.stderr || finished.stdout}`.trim());
    this.finished = finished;
  }
}

export function start(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('empty command');
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
}

/** Collects what a child prints until it ends. Rejects when it cannot be started. */
export function finish(child: ChildProcess, timeoutMs: number): Promise<Finished> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => {
      stderr += `\nkilled after ${timeoutMs} ms`;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ stdout, stderr, code, signal });
    });
  });
}

export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(command);
  // A command that ends early closes its input: its exit status says why, EPIPE does not.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  const finished = await finish(child, options.timeoutMs ?? LIMIT_MS);
  if (options.check !== false && finished.code !== 0) throw new CommandError(command, finished);
  return finished;
}

/** Resolves with true when the child has ended, false when it has not within the time. */
export function ended(child: ChildProcess, timeoutMs: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(false), timeoutMs);
    const onExit = (): void => done(true);
    const done = (value: boolean): void => {
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve(value);
    };
    child.once('exit', onExit);
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until the condition holds; throws with `what` after the time, by default 30 s. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(5);
  }
}

const undoings = new Set<() => void>();
const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let listening = false;

function undoAll(): void {
  for (const undo of [...undoings].reverse()) undo();
  undoings.clear();
}

function onFatalSignal(signal: NodeJS.Signals): void {
  undoAll();
  // Our listener replaced the default action. Unless another listener decides, as a test runner's does, die
  // of the signal.
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onFatalSignal);
  process.kill(process.pid, signal);
}

/**
 * Runs `undo` (synchronous, once) when this process ends in any way but SIGKILL: return, exit, exception,
 * INT, TERM, HUP. Returns the function that forgets it.
 */
export function onProcessEnd(undo: () => void): () => void {
  if (!listening) {
    listening = true;
    process.on('exit', undoAll);
    for (const signal of FATAL_SIGNALS) process.on(signal, onFatalSignal);
  }
  undoings.add(undo);
  return () => undoings.delete(undo);
}
