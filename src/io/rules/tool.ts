/**
 * Runs a tool that edits rules to its end, without a shell, within a bounded time, with messages in English.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { RulesError } from './errors.ts';

/** A tool that takes longer waits for a lock that nobody will give up. */
const TOOL_TIMEOUT_MS = 30_000;

/** Runs of a tool that signals end. One is enough; the bound is for somebody who ends every tool. */
const RUNS_MAX = 3;

const PACKAGES: Record<string, string> = { nft: 'nftables', sh: 'dash' };

export interface ToolResult {
  /** Exit status. 1 if a signal ended the tool. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();

/**
 * Kills the child if this process ends before it, however early. A stopped child dies as well, which would
 * else keep its table, and a tool adds no rules after we have gone.
 */
export function diesWithUs(child: ChildProcess): void {
  if (running.size === 0) process.on('exit', killRunning);
  running.add(child);
  child.once('close', () => {
    running.delete(child);
    if (running.size === 0) process.off('exit', killRunning);
  });
}

function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** The tools are in sbin, which some ways to become root do not put into PATH. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    TERM: 'dumb',
    // `nft -i` would keep a history file in HOME. Below /dev/null it cannot.
    HOME: '/dev/null',
  };
}

export function missingTool(tool: string): RulesError {
  const packageName = PACKAGES[tool] ?? 'iptables';
  return new RulesError('missing', `${tool}: command not found`, `install the package ${packageName}`);
}

/**
 * Runs a tool to its end. The caller judges a status other than 0.
 *
 * A signal for our group, from timeout(1) or Ctrl-C, reaches a child that has no group of its own yet. The
 * kernel delivers it before the child becomes the tool, which has done nothing then and runs once more.
 * @throws RulesError `missing` if the tool is not installed, `failed` if it does not end in time
 */
export async function runTool(tool: string, args: readonly string[], input = ''): Promise<ToolResult> {
  for (let run = 1; ; run++) {
    const { signal, ...result } = await runOnce(tool, args, input);
    if (signal === null || run === RUNS_MAX) return result;
  }
}

interface Ended extends ToolResult {
  readonly signal: NodeJS.Signals | null;
}

function runOnce(tool: string, args: readonly string[], input: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A process group of its own: signals for our group must not end a tool in the middle of its edit.
    const child = spawn(tool, args, { stdio: 'pipe', env: toolEnvironment(), detached: true });
    diesWithUs(child);
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), TOOL_TIMEOUT_MS);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A tool may end before it has read all input. Its status and message say why.
    child.stdin.on('error', (error) => {
      stderr += `${error.message}\n`;
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const reason = error.code === 'ENOENT' ? missingTool(tool) : new RulesError('failed', error.message);
      reject(reason);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') {
        reject(new RulesError('failed', `${tool} was killed or did not end in ${TOOL_TIMEOUT_MS / 1000} s`));
      } else resolve({ status: status ?? 1, stdout, stderr, signal });
    });
    child.stdin.end(input);
  });
}
