/**
 * Both builds read one list of sources, so the one by node-gyp must export what the one by cmake-js does. The
 * fuzzers run for a moment, too. Needs a compiler, and for node-gyp Node's own headers: each that is absent
 * makes a skip that names it.
 */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type Addon, findAddon, loadAddon } from '../../../../src/io/nfqueue/addon.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const nodeDir = dirname(dirname(realpathSync(process.execPath)));
const hasHeaders = existsSync(join(nodeDir, 'include/node/uv.h'));
const hasCompiler = spawnSync('g++', ['--version']).status === 0;
const NO_COMPILER = 'no g++';

/** The node-gyp that npm brings along; null: not found. */
function bundledNodeGyp(): string | null {
  const npm = spawnSync('npm', ['root', '-g'], { encoding: 'utf8' }).stdout?.trim();
  const path = npm ? join(npm, 'npm/node_modules/node-gyp/bin/node-gyp.js') : '';
  return existsSync(path) ? path : null;
}

test('every source is in the list', () => {
  const listed = readFileSync(join(ROOT, 'native/sources.txt'), 'utf8').trim().split('\n');
  const aside = ['build', 'fuzz', 'watchdog'].flatMap((name) => ['-path', `native/${name}`, '-prune', '-o']);
  const { stdout } = spawnSync('find', ['native', ...aside, '-name', '*.cc', '-printf', '%P\n'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(listed).toEqual(stdout.trim().split('\n').sort());
});

test('the node-gyp build exports the same as the one by cmake-js', async ({ skip }) => {
  if (!hasCompiler) skip(NO_COMPILER);
  if (!hasHeaders) skip('this Node came without its headers');
  if (findAddon() === undefined) skip('the addon is not built (npm run build:native)');
  const nodeGyp = bundledNodeGyp();
  if (!nodeGyp) return skip('npm brings no node-gyp');
  const copy = mkdtempSync(join(tmpdir(), 'shaper-gyp-'));
  try {
    cpSync(join(ROOT, 'native'), join(copy, 'native'), {
      recursive: true,
      filter: (path) => !/build$/.test(path),
    });
    for (const file of ['binding.gyp', 'package.json']) cpSync(join(ROOT, file), join(copy, file));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    // What it exports is asked for, not how fast it is: optimising takes half of the time.
    const env = { ...process.env, CFLAGS: '-O0', CXXFLAGS: '-O0' };
    await run(process.execPath, [nodeGyp, 'rebuild', '-j', '2', `--nodedir=${nodeDir}`], { cwd: copy, env });
    const built = createRequire(import.meta.url)(join(copy, 'build/Release/shaper.node')) as Addon;
    expect(existsSync(join(copy, 'build/Release/shaper-watchdog'))).toBe(true);
    const other = loadAddon();
    expect(built.layout).toEqual(other.layout);
    const members = (addon: Addon) => [
      Object.keys(addon),
      Object.getOwnPropertyNames(addon.NativeQueue.prototype),
    ];
    expect(members(built)).toEqual(members(other));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}, 120_000);

test('waits keep their promises; parser and verdict writer stand 200,000 mutated messages under the sanitizers', async ({
  skip,
}) => {
  if (!hasCompiler) skip(NO_COMPILER);
  const { stdout } = await run('bash', [join(ROOT, 'native/fuzz/run.sh'), '200000']);
  expect(stdout).toMatch(
    /^rounds 3000\nwaits: as promised\ninputs 200000 seed 1 malformed \d+ truncated \d+ refusals \d+\n$/,
  );
}, 120_000);
