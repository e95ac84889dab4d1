/** The package's declarations: what an editor and a compiler tell the author of a module. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
let folder = '';

/** A project that has the package installed, with strict settings. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shaper-types-'));
  const installed = join(folder, 'node_modules/nfqueue-shaper');
  mkdirSync(installed, { recursive: true });
  const { name, version, type, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name, version, type, exports }));
  const built = spawnSync(TSC, ['-p', join(ROOT, 'tsconfig.api.json'), '--outDir', join(installed, 'dist')], {
    encoding: 'utf8',
  });
  expect(built.stdout).toBe('');
  symlinkSync(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ target: 'ES2023', lib: ['ES2023'], module: 'NodeNext', types: [], strict: true, noEmit: true },
        ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noImplicitOverride: true },
        ...{ noUnusedLocals: true, allowImportingTsExtensions: true, skipLibCheck: false },
      },
      include: ['*.ts'],
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `LINE: message` of all that the compiler finds. */
function compile(text: string): string[] {
  writeFileSync(join(folder, 'mine.ts'), text);
  const { stdout } = spawnSync(TSC, ['-p', folder, '--pretty', 'false'], { encoding: 'utf8', cwd: folder });
  return stdout
    .split('\n')
    .filter((line) => line.includes('error TS'))
    .map((line) =>
      line.replace(/^(\S+)\((\d+),\d+\): error TS\d+: /, (_, file, at) =>
        file === 'mine.ts' ? `${at}: ` : `${file} `,
      ),
    );
}

const GOOD = readFileSync(join(import.meta.dirname, 'sample-module.txt'), 'utf8');

describe('a module with strict settings', () => {
  it('that uses all of the API is right', () => expect(compile(GOOD)).toEqual([]));

  it.each([
    ["type: 'integer', default: 20", "type: 'integr', default: 20", /Type '"integr"' is not assignable/],
    ['    threshold: {', '    treshold: {', /'treshold' does not exist/],
    ['hooks: ["postrouting"]', 'hooks: ["ingress"]', /Type '"ingress"' is not assignable to type 'Hook'/],
    ['return cls === LONG ? ACCEPT : DROP;', 'return "accept";', /is not assignable to type/],
    ['p.dscp = 8;', "p.dscp = 'cs1';", /Type 'string' is not assignable to type 'number'/],
    ['p.dscp = 8;', 'p.length = 8;', /Cannot assign to 'length' because it is a read-only property/],
    ['p.dscp = 8;', 'p.bytes[0] = 1;', /'p.bytes' is possibly 'null'/],
    [
      'options.threshold > 5',
      'options.threshold.length > 5',
      /Property 'length' does not exist on type 'number'/,
    ],
    [
      'itm.accept(handle)',
      'itm.accept(5)',
      /Argument of type '5' is not assignable|Argument of type 'number' is not/,
    ],
  ])('%s: not %s', (right, wrong, message) => {
    expect(GOOD).toContain(right);
    const found = compile(GOOD.replace(right, wrong));
    expect(found.length).toBeGreaterThan(0);
    expect(found.join('\n')).toMatch(message);
  });
});
