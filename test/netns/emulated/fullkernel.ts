/** Runs a command under a kernel that has what this machine's lacks, where a tool for that is at hand. */
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';
import {
  FULLKERNEL_FAILED,
  FULLKERNEL_MISSING,
  findFullkernel,
  underFullkernelCommand,
} from '../../../bench/lab/fullkernel.ts';
import { type Finished, run } from '../../../bench/lab/process.ts';

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * The result of the command; skips the test, saying why, where there is no such tool or it cannot do it. In real time: in
 * virtual time, waiting for a file of a busy host lets time limits run out.
 */
export async function underFullkernel(
  context: TestContext,
  seconds: number,
  command: readonly string[],
): Promise<Finished> {
  const tool = findFullkernel();
  if (tool === undefined) context.skip(FULLKERNEL_MISSING);
  const wrapped = underFullkernelCommand(tool, command, { seconds });
  const finished = await run(wrapped, { timeoutMs: (seconds + 20) * 1000, check: false });
  if (finished.code === FULLKERNEL_FAILED)
    context.skip(`fullkernel failed: ${finished.stderr.slice(0, 200)}`);
  return finished;
}
