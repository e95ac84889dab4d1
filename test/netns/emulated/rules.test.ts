/** The rules' scenarios over the nft queue statement, under a full kernel where this machine's own lacks it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { compileInto } from '../../../bench/compiled.ts';
import { findAddon } from '../../../src/io/nfqueue/addon.ts';
import { capabilities } from '../capabilities.ts';
import { describeNetns } from '../harness.ts';
import { SCENARIOS } from '../rules-scenarios.ts';
import { underFullkernel } from './fullkernel.ts';

/** 350 s were measured on two processors that ten processes wanted. */
const SECONDS = 560;

/** Starting tsx takes seconds in an emulated machine, so what runs there is translated before. */
async function translate(folder: string): Promise<string> {
  const files = ['./rules-script.ts', '../rules-driver.ts'].map((name) => join(import.meta.dirname, name));
  await compileInto(folder, files);
  return join(folder, 'test/netns/emulated/rules-script.js');
}

describeNetns('rules under a full kernel', () => {
  it('the nft back end passes the same scenarios', { timeout: 590_000 }, async (context) => {
    if ((await capabilities()).nft) context.skip('this kernel has the nft queue statement itself');
    const names = SCENARIOS.filter(({ differs }) => differs).map(({ name }) => name);
    assert.ok(names.length >= 5, 'there are scenarios to run');
    const folder = mkdtempSync(join(tmpdir(), 'shaper-rules-'));
    try {
      const addon = `SHAPER_ADDON=${findAddon() ?? ''}`;
      const command = ['env', addon, process.execPath, await translate(folder), ...names];
      const { code, stdout, stderr } = await underFullkernel(context, SECONDS, command);
      assert.equal(stdout, ['back end nft', ...names.map((name) => `ok ${name}`), ''].join('\n'), stderr);
      assert.equal(code, 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
