/** Runs a command under a kernel that has what this machine's lacks, where a tool for that is at hand. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';
import { type Finished, run } from '../../../bench/lab/process.ts';

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
/** Called as `fullkernel -t SECONDS -- COMMAND…`. In virtual time (-V) waiting for a file of a busy host lets timeouts run out. */
const FULLKERNEL = process.env.SHAPER_FULLKERNEL ?? join(REPOSITORY, '../shared/tools/fullkernel');
/** Its exit status when the fault is its own. */
const FULLKERNEL_FAILED = 125;

/** The result of the command; skips the test, saying why, where there is no such tool or it cannot do it. */
export async function underFullkernel(
  context: TestContext,
  seconds: number,
  command: readonly string[],
): Promise<Finished> {
  if (!existsSync(FULLKERNEL)) context.skip('no fullkernel tool (SHAPER_FULLKERNEL)');
  // An empty environment: what it names may cost time at every start inside.
  const wrapped = [
    'env',
    '-i',
    `PATH=${process.env.PATH}`,
    FULLKERNEL,
    '-t',
    String(seconds),
    '--',
    ...command,
  ];
  const finished = await run(wrapped, { timeoutMs: (seconds + 20) * 1000, check: false });
  if (finished.code === FULLKERNEL_FAILED)
    context.skip(`fullkernel failed: ${finished.stderr.slice(0, 200)}`);
  return finished;
}
