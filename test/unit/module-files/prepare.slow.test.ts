/** Modules of a configuration in a temporary folder: what is made of them, and where problems are told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/config.ts';
import { type PreparedModule, prepareModules } from '../../../src/module-files/prepare.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-prepare-'));
  const module = (name: string, body: string): void =>
    writeFileSync(
      join(folder, name),
      `import { ACCEPT, defineModule } from 'nfqueue-shaper/module';\nexport default defineModule<Record<string, never>>({\n${body}\n});\n`,
    );
  module(
    'mine.ts',
    `label: 'mine', hooks: ['forward', 'postrouting'], interest: ({ n }) => ({ dport: n }),
     options: { n: { type: 'integer', default: 80, min: 1, help: 'a port' }, at: { type: 'duration', default: '1s', help: 'a time' } },
     create: () => ({ process: () => ACCEPT }), kernel: ({ n }) => ({ forward: ['tcp dport ' + n + ' counter'] }),`,
  );
  module(
    'throws.ts',
    `label: 'throws', hooks: ['input'], create: () => ({}),\n interest() {\n  throw new Error('mine');\n },`,
  );
  module('ever.ts', `label: 'ever', hooks: ['input'], create: () => ({}), interest() { for (;;); },`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const HEAD = 'links: { w: { device: e, up: 9mbit, down: 9mbit } }\n';

function prepare(modules: string, more = ''): Promise<PreparedModule[]> {
  const file = join(folder, 'shaper.yaml');
  return prepareModules(loadConfig(`${HEAD}modules:\n${modules}\n${more}`, file), file, { accounts: null });
}

async function problemsOf(modules: string, more = ''): Promise<string[]> {
  const error = await prepare(modules, more).catch((one: unknown) => one);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.map(({ line, column, message }) =>
    `${line}:${column} ${message}`.replaceAll(folder, 'FOLDER'),
  );
}

it('are in the order in which packets pass them, each with a name of its own', async () => {
  const modules = await prepare(
    '  - { use: ./mine.ts, priority: 50, options: { n: 443, at: 20ms } }\n  - { use: ./mine.ts, priority: 5, run: kernel }\n  - { use: mine.ts, priority: 20, enabled: false }',
  );
  expect(modules.map(({ spec: { name, run, priority } }) => [name, run, priority])).toEqual([
    ['mine-2', 'kernel', 5],
    ['mine-3', 'user', 20],
    ['mine', 'user', 50],
  ]);
  expect(modules[2]).toMatchObject({
    options: { n: 443, at: 20e6 },
    source: join(folder, 'mine.ts'),
    spec: { hooks: ['forward', 'postrouting'], interest: [{ dport: [{ from: 443, to: 443 }] }] },
  });
  expect(modules[0]!.spec.kernelRules).toEqual({ forward: ['tcp dport 80 counter'] });
});

describe('problems', () => {
  it('of options, at each', async () => {
    expect(
      await problemsOf(
        '  - use: ./mine.ts\n    options:\n      n: 0\n      nn: 5\n  - { use: ./mine.ts, options: { at: 5 } }',
      ),
    ).toEqual([
      "6:11 unknown option 'nn' of mine; it has: n, at",
      '5:10 n: is less than 1, the least',
      expect.stringMatching(/^7:38 at: '5' has no unit/),
    ]);
  });

  it('of files', async () => {
    expect(await problemsOf('  - { use: ./no.ts }\n  - { use: throws.ts }\n  - { use: ever.ts }')).toEqual([
      '3:12 FOLDER/no.ts: there is no such file',
      '4:12 FOLDER/throws.ts:5:9: it throws: mine',
      '5:12 interest() or kernel() does not end: it has not returned after 1000 ms',
    ]);
    expect((await problemsOf('  - { use: deley }'))[0]).toMatch(
      /^3:12 Could not resolve "deley"; a file is written/,
    );
  });

  it('of the form and of the order', async () => {
    expect(await problemsOf('  - { use: ./throws.ts, run: kernel }')).toEqual([
      '3:30 it has no kernel-run form: kernel() is not there',
    ]);
    expect(
      await problemsOf(
        '  - { use: ./mine.ts, priority: 10 }\n  - { use: ./mine.ts, run: kernel, priority: 11 }',
      ),
    ).toEqual([
      expect.stringMatching(/^4:46 priority: mine-2 has priority 11 and runs in the kernel, so at forward/),
    ]);
  });

  it('of what quotas name', async () => {
    const quota = (module: string): string =>
      `quotas: { q: { windows: { over: 4h, up: 5GB }, then: { module: ${module} } } }`;
    for (const name of ['mine', './mine.ts']) await prepare('  - { use: ./mine.ts }', quota(name));
    expect(await problemsOf('  - { use: ./mine.ts }', quota('min'))).toEqual([
      '4:64 module: min is no module of modules; the nearest label is mine',
    ]);
    expect(await problemsOf('  - { use: ./mine.ts, run: kernel }', quota('mine'))).toEqual([
      '4:64 module: mine runs in the kernel, where nobody tells it',
    ]);
  });
});
