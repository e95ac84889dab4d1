/** Modules from files in a temporary folder: what they may import, and what is said of wrong ones. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kindOfUse, loadModule, ModuleFileError } from '../../../../src/io/modules/loader.ts';
import type { Itm, Packet } from '../../../../src/modules/api/index.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-modules-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const NO_ITM = {} as Itm;
const NO_PACKET = {} as Packet;

async function faultsOf(use: string): Promise<readonly string[]> {
  const error = await loadModule(use, folder).catch((one: unknown) => one);
  expect(error).toBeInstanceOf(ModuleFileError);
  return (error as ModuleFileError).faults.map((fault) => fault.replaceAll(folder, 'FOLDER'));
}

const HEAD = `import { ACCEPT, defineModule, DROP } from 'nfqueue-shaper/module';`;

describe('a module that is right', () => {
  test('has the API, its own files, packages beside it, JSON, and built-in modules of Node', async () => {
    write('lib/parts.ts', 'export const enum Kind { A = 7 }\nexport const seven: number = Kind.A;');
    write('node_modules/esm-part/package.json', '{ "name": "esm-part", "type": "module", "main": "x.js" }');
    write('node_modules/esm-part/x.js', 'export const eight = 8;');
    write('node_modules/cjs-part/index.js', `module.exports = { path: require('path') };`);
    write('nine.json', '{ "nine": 9 }');
    const file = write(
      'whole.ts',
      `${HEAD}
       import { basename } from 'node:path';
       import cjs from 'cjs-part';
       import { eight } from 'esm-part';
       import { seven } from './lib/parts.ts';
       import nine from './nine.json';
       export default defineModule<{ n: number }>({
         label: 'whole', hooks: ['forward'], options: { n: { type: 'integer', help: 'a number' } },
         create: (_itm, { n }) => ({
           classify: () => seven + eight + nine.nine + n,
           process: () => (basename(new URL(import.meta.url).pathname) === 'whole.ts' ? ACCEPT : DROP),
           log() { if (cjs.path.basename('/a/b') !== 'b') throw new Error('no require'); },
         }),
       });`,
    );
    const { definition, source } = await loadModule('./whole.ts', folder);
    expect(source).toBe(file);
    expect(definition.label).toBe('whole');
    const instance = definition.create!(NO_ITM, { n: 1 });
    expect(instance.classify!(NO_PACKET)).toBe(7 + 8 + 9 + 1);
    expect(instance.process!(NO_PACKET, 1)).toBe(1);
    instance.log!(NO_PACKET);
  });

  test('is read anew at each load, and its fingerprint tells whether anything differs', async () => {
    const text = (n: number): string =>
      `export const loads = { n: 0 };\nexport default { label: 'again', hooks: ['input'], create() { return { classify: () => ++loads.n + ${n} }; } };`;
    write('again.js', text(0));
    const loaded = [await loadModule('./again.js', folder), await loadModule('./again.js', folder)];
    write('again.js', text(10));
    loaded.push(await loadModule('./again.js', folder));
    const classes = loaded.map(({ definition }) => definition.create!(NO_ITM, {}).classify!(NO_PACKET));
    expect(classes).toEqual([1, 1, 11]);
    expect(loaded[0]!.fingerprint).toBe(loaded[1]!.fingerprint);
    expect(loaded[0]!.fingerprint).not.toBe(loaded[2]!.fingerprint);
  });

  test('may be CommonJS, or a package', async () => {
    write('old.cjs', `module.exports = { label: 'old', hooks: ['input'], kernel: () => ({}) };`);
    write('node_modules/a-module/package.json', '{ "name": "a-module", "exports": "./m.ts" }');
    write(
      'node_modules/a-module/m.ts',
      `${HEAD} export default defineModule({ label: 'packed', hooks: ['output'], create: () => ({ process: () => DROP }) });`,
    );
    expect((await loadModule(join(folder, 'old.cjs'), '/')).definition.label).toBe('old');
    const { definition, source } = await loadModule('a-module', folder);
    expect([definition.label, source]).toEqual(['packed', 'package a-module']);
  });

  test('imports later what it needs later', async () => {
    write('later.ts', 'export const later: string = "later";');
    write(
      'lazy.ts',
      `export default { label: 'lazy', hooks: ['input'], create: () => ({ stop: async () => [(await import('./later.ts')).later, typeof (await import('node:fs')).statSync] }) };`,
    );
    const { definition } = await loadModule('./lazy.ts', folder);
    expect(await definition.create!(NO_ITM, {}).stop!()).toEqual(['later', 'function']);
  });
});

describe('errors', () => {
  test('name lines of the file, and of the files it imports', async () => {
    write(
      'throws/deep.ts',
      `interface Long {\n  a: number;\n}\n\nexport function deep(x: Long): void {\n  throw new Error(\`deep \${x.a}\`);\n}`,
    );
    const file = write(
      'throws/top.ts',
      `${HEAD}\nimport { deep } from './deep.ts';\n\ntype Unused = { b: string };\nexport default defineModule({\n  label: 'throws', hooks: ['input'],\n  create: () => ({\n    process() {\n      deep({ a: 1 });\n      return ACCEPT;\n    },\n  }),\n});`,
    );
    const { definition } = await loadModule(file, '/');
    const instance = definition.create!(NO_ITM, {});
    let stack: string[] = [];
    try {
      instance.process!(NO_PACKET, 1);
    } catch (error) {
      stack = (error as Error).stack!.split('\n');
    }
    expect(stack[0]).toBe('Error: deep 1');
    expect(stack[1]).toBe(`    at deep (${folder}/throws/deep.ts:6:9)`);
    expect(stack[2]).toMatch(/^ {4}at .*process \(.*\/throws\/top\.ts:9:7\)$/);
    expect(stack[3]).toContain('loader.slow.test.ts');
  });

  test('of other code are told as before', () => {
    const { stack } = new Error('mine');
    expect(stack).toMatch(/^Error: mine\n {4}at .*loader\.slow\.test\.ts:\d+:\d+/);
  });
});

describe('a module that is wrong', () => {
  test('has every fault of its text told, with line and column', async () => {
    write('syntax.ts', 'const a: number = 1;\nexport default { label: , hooks: [] };');
    expect(await faultsOf('./syntax.ts')).toEqual(['FOLDER/syntax.ts:2:25: Unexpected ","']);
    write('absent.ts', `import './no.ts';\nimport 'no-such-package';`);
    const faults = await faultsOf('./absent.ts');
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(/^FOLDER\/absent\.ts:1:8: Could not resolve "\.\/no\.ts"/);
    expect(faults[1]).toMatch(/^FOLDER\/absent\.ts:2:8: Could not resolve "no-such-package"/);
    write('await.ts', 'await 1;\nexport default {};');
    expect((await faultsOf('./await.ts'))[0]).toBe(
      'FOLDER/await.ts:1:1: a module cannot wait (await) in its outermost statements: wait in an async function that create() calls',
    );
  });

  test.each([
    [
      'no default',
      'export const x = 1;',
      'it has no default export; write: export default defineModule({ … })',
    ],
    [
      'no object',
      'export default 1;',
      'its default export is a number; write: export default defineModule({ … })',
    ],
  ])('%s', async (_, text, message) => {
    write('kind.ts', text);
    expect(await faultsOf('./kind.ts')).toEqual([`FOLDER/kind.ts: ${message}`]);
  });

  test('is no file, or is not there', async () => {
    expect(await faultsOf('./nothing.ts')).toEqual(['FOLDER/nothing.ts: there is no such file']);
    expect(await faultsOf('./lib')).toEqual(['FOLDER/lib: this is no file']);
    expect((await faultsOf('no-package'))[0]).toMatch(/^Could not resolve "no-package"/);
  });

  test('throws when it is loaded', async () => {
    write('bad.ts', `const n: number = 1;\n\nthrow new TypeError('never ' + n);\nexport default {};`);
    expect(await faultsOf('./bad.ts')).toEqual(['FOLDER/bad.ts:3:7: it throws when it is loaded: never 1']);
    write('odd.ts', 'throw null;\nexport default {};');
    expect(await faultsOf('./odd.ts')).toEqual(['FOLDER/odd.ts: it throws when it is loaded: null']);
  });

  test('does not end when it is loaded', async () => {
    write('ever.ts', 'for (;;) {}\nexport default {};');
    expect(await faultsOf('./ever.ts')).toEqual([
      'FOLDER/ever.ts: its outermost statements have not ended after 1000 ms',
    ]);
  });

  test('is ended while it loads as whoever loads it says', async () => {
    let runs = 0;
    const refused = await loadModule('./lib/../ever.ts', folder, () => `${++runs} look`).catch(String);
    expect(refused).toBe(
      `ModuleFileError: ${folder}/ever.ts: its outermost statements have not ended after 1 look`,
    );
  });
});

test('a load leaves no process behind', async () => {
  const parent = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) \S+ (\d+) .*$/s, '$1');
    } catch (error) {
      // It has ended while this looked.
      if (
        (error as NodeJS.ErrnoException).code === 'ENOENT' ||
        (error as NodeJS.ErrnoException).code === 'ESRCH'
      )
        return '';
      throw error;
    }
  };
  const children = (): string[] =>
    readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parent(pid) === String(process.pid));
  const before = children();
  write('gone.js', `export default { label: 'gone', hooks: ['input'], create: () => ({}) };`);
  await loadModule('./gone.js', folder);
  expect(children().filter((pid) => !before.includes(pid))).toEqual([]);
});

test('what use may name', () => {
  expect(['./a', '../a', '/a', 'a.ts', 'a/b.js', 'a', '@a/b'].map(kindOfUse)).toEqual([
    ...['file', 'file', 'file', 'file', 'file', 'package', 'package'],
  ]);
});
