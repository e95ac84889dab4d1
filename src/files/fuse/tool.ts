/** Runs a tool to its end, without a shell, within a bounded time, with messages in English. */
import { spawn } from 'node:child_process';

export interface ToolResult {
  /** Exit status. null: it did not end in time, or a signal ended it. */
  readonly status: number | null;
  readonly stderr: string;
}

/** The tool gets `fd`, if there is one, as its descriptor 3. Rejects if there is no such tool. */
export function runTool(
  tool: string,
  args: readonly string[],
  timeMs: number,
  fd?: number,
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...(fd === undefined ? [] : [fd])],
      // Tools are in sbin, which some ways to become root do not put into PATH.
      env: { PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`, LC_ALL: 'C' },
      // Ctrl-C is for us, not for a tool in the middle of its work.
      detached: true,
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A tool that hangs in the kernel does not end by a signal either, so nobody waits for it.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.unref();
      child.stderr?.destroy();
      resolve({ status: null, stderr });
    }, timeMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stderr: stderr.trim() });
    });
  });
}
