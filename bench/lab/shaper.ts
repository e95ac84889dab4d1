/** Starts the real program in a host of the lab and speaks to it as a user would: log lines, CLI, signals. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { call } from '../../src/client/client.ts';
import type { ClassReport, StatusReport } from '../../src/control/status.ts';
import type { Host, Lab } from './lab.ts';
import { CommandError, ended, type Finished, until } from './process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSX_LOADER = join(ROOT, 'node_modules/tsx/dist/loader.mjs');
/** What comes at all comes much sooner, but for a very busy machine. */
const PATIENCE_MS = 30_000;
const READY_MS = 60_000;
let started = 0;

export interface ShaperOptions {
  /** Default: the router. */
  readonly host?: Host;
  /**
   * `dist`: the output of npm run build. `tsx`: the sources. Default: dist, and an error if a source is
   * newer.
   */
  readonly entry?: 'dist' | 'tsx';
  readonly arguments?: readonly string[];
  /** How long `ready` may take; default 60 s. */
  readonly readyMs?: number;
}

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** What `status --json` prints. Asked for over the socket: starting node costs more than the answer. */
export type Status = StatusReport;

export interface Stopped {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the signal to the end of the process. */
  readonly tookMs: number;
}

export interface RunningShaper {
  readonly child: ChildProcess;
  /** The process itself: `ip netns exec` becomes it. */
  readonly pid: number;
  readonly logs: readonly LogLine[];
  readonly stderr: () => string;
  readonly socketPath: string;
  readonly configPath: string;
  /** Runs the CLI with these arguments in the same namespace. */
  cli(args: readonly string[]): Promise<Finished>;
  status(): Promise<Status>;
  /** Waits for a log line with this message. */
  logged(msg: string, timeoutMs?: number): Promise<LogLine>;
  /** Sends the signal and waits for the end (30 s, then SIGKILL and an error). */
  stop(signal?: NodeJS.Signals): Promise<Stopped>;
  /** SIGKILL. */
  kill(): Promise<Stopped>;
}

const SOURCES = join(ROOT, 'src');
let newestChangeMs: number | undefined;

/** Looked for once: a process that tests starts the program many times. */
function newestSourceMs(): number {
  newestChangeMs ??= newestChange(SOURCES);
  return newestChangeMs;
}

function newestChange(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

/** The command that starts the program: node and its script. */
export function shaperCommand(entry?: 'dist' | 'tsx'): string[] {
  if (entry === 'tsx') return [process.execPath, '--import', TSX_LOADER, join(ROOT, 'src/shaper.ts')];
  const dist = join(ROOT, 'dist/shaper.js');
  if (!existsSync(dist)) throw new Error('dist/shaper.js is missing: npm run build');
  if (entry === undefined && statSync(dist).mtimeMs < newestSourceMs()) {
    throw new Error("dist/ is older than src/, so this would test yesterday's program: npm run build");
  }
  return [process.execPath, dist];
}

/** The class with that path; throws with the paths there are. */
export function classOf(status: Status, path: string): ClassReport {
  const found = status.classes.find((c) => c.path === path);
  if (!found) throw new Error(`no class ${path} among ${status.classes.map((c) => c.path).join(', ')}`);
  return found;
}

/** Collects log lines and other output; returns views that grow. */
function watchOutput(child: ChildProcess): { logs: LogLine[]; stderr: () => string } {
  const logs: LogLine[] = [];
  let rest = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) logs.push(JSON.parse(line) as LogLine);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { logs, stderr: () => stderr };
}

/**
 * Writes the configuration (with a control socket of its own unless it names one), starts the program and
 * resolves when it has logged `ready`. Rejects with its output if it ends before that.
 */
export async function startShaper(
  lab: Pick<Lab, 'folder' | 'router'>,
  config: string,
  options: ShaperOptions = {},
): Promise<RunningShaper> {
  const host = options.host ?? lab.router;
  const command = shaperCommand(options.entry);
  const id = ++started;
  const configPath = join(lab.folder, `shaper-${id}.yaml`);
  const own = /^control:\s*(?:\{\s*socket:|\n\s+socket:)\s*"?([^\s"}]+)/m.exec(config)?.[1];
  const socketPath = own ?? join(lab.folder, `shaper-${id}.sock`);
  writeFileSync(configPath, own ? config : `${config}\ncontrol: { socket: ${socketPath} }\n`);
  const child = host.spawn([...command, '--conf', configPath, ...(options.arguments ?? [])]);
  const { logs, stderr } = watchOutput(child);
  const find = (msg: string): LogLine | undefined => logs.find((line) => line.msg === msg);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const logged = async (msg: string, timeoutMs = PATIENCE_MS): Promise<LogLine> => {
    await until(`log line "${msg}"`, () => find(msg) !== undefined || hasEnded(), timeoutMs);
    const line = find(msg);
    if (line) return line;
    const stdout = logs.map((entry) => JSON.stringify(entry)).join('\n');
    throw new CommandError(command, {
      stdout,
      stderr: stderr() || stdout,
      code: child.exitCode,
      signal: child.signalCode,
    });
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Stopped> => {
    const before = performance.now();
    child.kill(signal);
    if (!(await ended(child, PATIENCE_MS))) {
      child.kill('SIGKILL');
      throw new Error(`the shaper did not end within ${PATIENCE_MS / 1000} s of ${signal}\n${stderr()}`);
    }
    return { code: child.exitCode, signal: child.signalCode, tookMs: performance.now() - before };
  };
  const cli = (args: readonly string[]): Promise<Finished> =>
    host.exec([...command, ...args], { check: false });
  const status = (): Promise<Status> => call<Status>(socketPath, 'GET', '/v1/status');

  try {
    await logged('ready', options.readyMs ?? READY_MS);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    child,
    pid: child.pid!,
    logs,
    stderr,
    socketPath,
    configPath,
    cli,
    status,
    logged,
    stop,
    kill: () => stop('SIGKILL'),
  };
}
