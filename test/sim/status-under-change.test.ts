/** `status` from a real control thread is right at every moment while classes come, go and move. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { runs } from '../effort.ts';

const CHANGES = runs(2000);

test(`${CHANGES} changes under traffic: every reply is of one generation, balances, and takes nothing back`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shaper-test-'));
  const script = fileURLToPath(new URL('./status-under-change.ts', import.meta.url));
  const args = ['--import', 'tsx', script, join(folder, 'x.sock'), String(CHANGES), process.env.SEED ?? '1'];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 110_000 });
    const outcome = JSON.parse(stdout) as Record<'replies' | 'lost' | 'generations', number>;
    expect(outcome).toMatchObject({ problems: [] });
    expect(outcome.lost).toBeGreaterThan(0);
    // Readers and changes take turns, so that a good part of the generations is seen.
    expect(outcome.replies).toBeGreaterThan(CHANGES / 10);
    expect(outcome.generations).toBeGreaterThan(CHANGES / 20);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
