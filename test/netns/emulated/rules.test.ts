/** The rules' scenarios over the nft queue statement, under a full kernel where this machine's own lacks it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { it } from 'vitest';
import { findAddon } from '../../../src/io/addon.ts';
import { capabilities } from '../capabilities.ts';
import { describeNetns, run } from '../harness.ts';
import { SCENARIOS } from '../rules-scenarios.ts';
import { REPOSITORY, underFullkernel } from './fullkernel.ts';

/** 350 s were measured on two processors that ten processes wanted. */
const SECONDS = 560;

/** Starting tsx takes seconds in an emulated machine, so what runs there is translated before. */
async function translate(folder: string): Promise<string> {
  const config = {
    extends: join(REPOSITORY, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      outDir: folder,
      rootDir: REPOSITORY,
      typeRoots: [join(REPOSITORY, 'node_modules/@types')],
    },
    include: [],
    files: ['./rules-script.ts', '../rules-driver.ts'].map((name) =>
      fileURLToPath(new URL(name, import.meta.url)),
    ),
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  await run([join(REPOSITORY, 'node_modules/.bin/tsc'), '-p', folder]);
  return join(folder, 'test/netns/emulated/rules-script.js');
}

describeNetns('rules under a full kernel', () => {
  it('the nft back end passes the same scenarios', { timeout: 590_000 }, async (context) => {
    if ((await capabilities()).nft) context.skip('this kernel has the nft queue statement itself');
    const names = SCENARIOS.filter(({ differs }) => differs).map(({ name }) => name);
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
