/**
 * Runs a tool that edits rules to its end, without a shell, within a bounded time, with messages in English.
 */
import { spawn } from 'node:child_process';
import { RulesError } from './errors.ts';

/** A tool that takes longer waits for a lock that nobody will give up. */
const TOOL_TIMEOUT_MS = 10_000;

const PACKAGES: Record<string, string> = { nft: 'nftables', sh: 'dash' };

export interface ToolResult {
  /** Exit status. 1 if a signal ended the tool. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
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
 * @throws RulesError `missing` if the tool is not installed, `failed` if it does not end in time
 */
export function runTool(tool: string, args: readonly string[], input = ''): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: 'pipe', env: toolEnvironment() });
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
      } else resolve({ status: status ?? 1, stdout, stderr });
    });
    child.stdin.end(input);
  });
}
