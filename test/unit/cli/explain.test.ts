import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explain } from '../../../src/cli/explain.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';

async function outputOf(
  key: string,
  options: { json?: boolean } = {},
): Promise<{ exitCode: number; out: string }> {
  const written: string[] = [];
  const terminal = { out: (text: string) => void written.push(text) } as Terminal;
  return { exitCode: await explain(key, options, terminal), out: written.join('') };
}

it('a key for people', async () => {
  expect(await outputOf('queue.limit')).toEqual({
    exitCode: 0,
    out: expect.stringMatching(
      /^queue\.limit \(of a class\)\n {2}How much may wait.*\n {2}takes {4}size\n {2}default {2}100ms.*\n {2}changes {2}while packets flow: shaper set, or shaper reload\n {2}example {2}queue: \{ limit: 60kB \}\n$/,
    ),
  });
});

it('as JSON', async () => {
  expect(JSON.parse((await outputOf('nfqueue.mark', { json: true })).out)).toMatchObject({
    keys: [
      { key: 'nfqueue.mark', of: 'the file', change: 'restart', example: 'nfqueue: { mark: 0x00ff0000 }' },
    ],
  });
});

it('a module with its options', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shaper-explain-'));
  try {
    const file = join(folder, 'mine.ts');
    writeFileSync(
      file,
      `import { defineModule } from 'nfqueue-shaper/module';
       export default defineModule<{ n: number; way: string }>({
         label: 'mine', about: 'an example', hooks: ['input', 'forward'], create: () => ({}),
         options: {
           n: { type: 'integer', default: 20, min: 1, help: 'how many' },
           way: { type: 'string', values: ['up', 'down'], help: 'which way' },
         },
       });`,
    );
    expect((await outputOf(file)).out).toBe(
      [
        'mine (a module)',
        '  about    an example',
        `  from     ${file}`,
        '  hooks    input, forward',
        '  runs     user',
        `  example  modules: [ { use: ${file} } ]`,
        '  options',
        '    n: how many (integer, at least 1, default 20)',
        '    way: which way (string, one of up, down, must be given)',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await outputOf(file, { json: true })).out)).toMatchObject({
      ...{ keys: [], modules: [{ label: 'mine', options: [{ name: 'n', default: 20 }, { name: 'way' }] }] },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
