/** The checks themselves: each finds a bad sample and leaves a good one alone. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  checkCommentWidth,
  checkExit,
  checkFileCircles,
  checkFloors,
  checkLedger,
  checkLeftovers,
  checkLength,
  checkLock,
  checkPaths,
  checkPurity,
  checkRanks,
  checkReferences,
  checkRoomCircles,
  checkUnits,
  checkUnreferenced,
  importsOf,
  parseFloors,
  parseRanks,
} from './checks.ts';
import { blank, ROOT, sourceFile as source } from './source.ts';

describe('blank', () => {
  const both = (text: string): string[] => [blank(text, { strings: false }), blank(text, { strings: true })];

  test.each([
    ['line comment', 'a // b\nc', 'a     \nc', 'a     \nc'],
    ['block comment over lines', 'a /* b\n */ c', 'a     \n    c', 'a     \n    c'],
    [
      'string with a quote and a comment inside',
      `x('it\\'s // no')`,
      `x('it\\'s // no')`,
      `x('           ')`,
    ],
    ['template with code inside', '`a${b}c`;d', '`a${b}c`;d', '` ${b} `;d'],
    ['template in a template', '`a${`b${c}`}d`;e', '`a${`b${c}`}d`;e', '` ${` ${c}`} `;e'],
    ['braces within a template', '`${f({ a: {} })}x`', '`${f({ a: {} })}x`', '`${f({ a: {} })} `'],
    ['regular expression with a quote', `r = /['"\`]/g; b`, `r = /['"\`]/g; b`, 'r = /     /g; b'],
    ['division', `a / b / c // d`, `a / b / c     `, `a / b / c     `],
    ['slashes in a class of a regular expression', `(/[/]"/) + x`, `(/[/]"/) + x`, `(/    /) + x`],
  ])('%s', (_, text, code, bare) => {
    expect(both(text)).toEqual([code, bare]);
  });
});

describe('ranks', () => {
  const ranks = parseRanks(
    '| rank | where | what |\n|---|---|---|\n| 1 | `core/` | x |\n| 0 | `base/`, `limits.ts` | y |',
  );
  const good = [
    source('src/base/a.ts', 'export const a = 1;'),
    source('src/limits.ts', ''),
    source('src/core/b.ts', `import { a } from '../base/a.ts';\nimport './c.ts';`),
  ];

  test('are read from the table', () => {
    expect([...ranks]).toEqual([
      ['core/', 1],
      ['base/', 0],
      ['limits.ts', 0],
    ]);
  });

  test('imports of all kinds are seen', () => {
    const text = `import x, { y } from "a";\nexport * from 'b';\nimport('c');\nimport 'd';\n// import 'e'\ntype T = import('f').T;`;
    expect(importsOf(source('x.ts', text))).toEqual(['a', 'b', 'c', 'd', 'f']);
  });

  test('downwards and sideways within a folder is fine', () => {
    expect(checkRanks(good, ranks)).toEqual([]);
  });

  test.each([
    ['upwards', 'src/base/x.ts', `import '../core/b.ts';`],
    ['sideways', 'src/base/x.ts', `import { L } from '../limits.ts';`],
    ['a type upwards', 'src/base/x.ts', `import type { B } from '../core/b.ts';`],
    ['lazily upwards', 'src/base/x.ts', `const b = await import('../core/b.ts');`],
    ['out of src', 'src/core/x.ts', `import '../oracle/x.ts';`],
    ['from a folder without a rank', 'src/new/x.ts', ''],
  ])('%s is not', (_, path, text) => {
    expect(checkRanks([...good, source(path, text)], ranks)).toHaveLength(1);
  });

  test('a rank for nothing is a problem', () => {
    expect(checkRanks(good.slice(0, 2), ranks)).toEqual(['core/ has a rank but does not exist']);
  });
});

describe('floors of core', () => {
  const floors = parseFloors(
    '| floor | where | what |\n|---|---|---|\n| 2 | `tree/` | x |\n| 1 | `flows/` | y |',
  );
  const flows = source('src/core/flows/a.ts', '');
  const tree = source('src/core/tree/b.ts', `import '../flows/a.ts';`);
  const engine = source('src/core/engine.ts', `import './tree/b.ts';`);

  test('downwards is fine', () => {
    expect(checkFloors([flows, tree, engine], floors)).toEqual([]);
  });

  test.each([
    ['upwards', source('src/core/flows/c.ts', `import '../tree/b.ts';`)],
    ['to the top', source('src/core/flows/c.ts', `import '../engine.ts';`)],
    ['a room without a floor', source('src/core/new/c.ts', '')],
  ])('%s is not', (_, file) => {
    expect(checkFloors([flows, tree, engine, file], floors)).toHaveLength(1);
  });

  test('a floor for nothing is a problem', () => {
    expect(checkFloors([flows], floors)).toEqual(['core/tree/ does not exist']);
  });
});

test('circles between rooms of one folder', () => {
  const a = source('src/sim/a/x.ts', `import '../b/y.ts';`);
  const b = source('src/sim/b/y.ts', `import '../top.ts';`);
  expect(checkRoomCircles([a, b, source('src/sim/top.ts', '')])).toEqual([]);
  expect(checkRoomCircles([a, b, source('src/sim/top.ts', `import './a/x.ts';`)])).toHaveLength(3);
});

test('files of bench and test form no circle', () => {
  const [a, b] = [
    source('bench/a.ts', `import './lab/b.ts';`),
    source('bench/lab/b.ts', `import { C } from '../c.ts';`),
  ];
  const c = (text: string) => source('bench/c.ts', text);
  expect(checkFileCircles([a, b, c(`import 'node:fs';`)])).toEqual([]);
  expect(checkFileCircles([a, b, c(`import type { A } from './a.ts';`)])).toEqual(
    ['bench/a.ts', 'bench/lab/b.ts', 'bench/c.ts'].map((path) => `${path} is in a circle of imports`),
  );
});

describe('purity', () => {
  test.each([
    `import fs from 'node:fs';`,
    `import { parse } from 'yaml';`,
    'const now = Date.now();',
    'const t = performance.now();',
    'setTimeout(f, 1);',
    'const r = Math.random();',
    'console.log(1);',
    'const f = process.env.X;',
  ])('%s', (text) => {
    expect(checkPurity([source('src/core/x.ts', text)])).toHaveLength(1);
    expect(checkPurity([source('src/io/x.ts', text)])).toEqual([]);
  });

  test('words in comments, strings and property names are no use of the thing', () => {
    const text = `/** Date.now() */ const s = 'setTimeout'; x.process(y); const o = { process: 1 };`;
    expect(checkPurity([source('src/core/x.ts', text)])).toEqual([]);
  });
});

test('comments that are too wide', () => {
  const wide = (path: string, before: string, width: number) => [
    source(path, `x\n${before.padEnd(width, 'y')}\n`),
  ];
  for (const before of ['// ', 'const a = 1; // ']) {
    expect(checkCommentWidth(wide('src/x.ts', before, 110))).toEqual([]);
    expect(checkCommentWidth(wide('src/x.ts', before, 111))).toEqual([
      'src/x.ts:2 has a comment that ends in column 111',
    ]);
  }
  expect(checkCommentWidth([source('src/x.ts', `/*\n * ${'y'.repeat(110)}\n */`)])).toHaveLength(1);
  expect(checkCommentWidth([source('src/x.ts', `const s = '// ${'y'.repeat(110)}';`)])).toEqual([]);
  expect(checkCommentWidth(wide('scripts/x.sh', '# ', 111))).toHaveLength(1);
  expect(checkCommentWidth(wide('scripts/x.sh', 'x "# ', 111))).toEqual([]);
});

test('ending the process', () => {
  const text = 'process.exit(1);';
  expect(checkExit([source('src/cli/x.ts', text)])).toHaveLength(1);
  expect(checkExit([source('src/shaper.ts', text), source('bench/x.ts', text)])).toEqual([]);
});

test('statistics are written by the ledger alone', () => {
  const paths = (text: string): string[] =>
    ['engine.ts', 'packets/ledger.ts'].flatMap((name) => checkLedger([source(`src/core/${name}`, text)]));
  for (const bad of [
    'stats.dropTail[leaf] += 1;',
    'totals[TOTAL.batches] = 1;',
    'delay[leaf * BINS + binOf(at[h])]++;',
    'this.stats.flows[c] -= 1;',
  ])
    expect(paths(bad)).toEqual(['src/core/engine.ts writes statistics']);
  expect(paths(`import { createStats } from './packets/stats.ts';`)).toEqual([
    'src/core/engine.ts imports statistics that only the ledger writes',
  ]);
  for (const good of ['const sent = stats.sentPackets[c];', 'if (totals[T] === 1) f();', 'flows[f] = 1;'])
    expect(paths(good)).toEqual([]);
});

test('length: code in src, all lines elsewhere', () => {
  const code = (n: number): string => 'f();\n'.repeat(n);
  expect(
    checkLength([source('src/a.ts', code(300) + '// c\n'.repeat(100)), source('test/a.ts', code(400))]),
  ).toEqual([]);
  expect(checkLength([source('src/a.ts', code(301))])).toHaveLength(1);
  expect(checkLength([source('src/a.ts', '// c\n'.repeat(401))])).toHaveLength(1);
  expect(checkLength([source('native/a.cc', code(401))])).toHaveLength(1);
});

test('units', () => {
  for (const name of ['rateBps', 'rate_bps', 'kbps', 'BPS_MAX', 'bpsMax', 'ceilMbps']) {
    expect(checkUnits([source('src/a.ts', `let ${name};`)]), name).toHaveLength(1);
  }
  expect(
    checkUnits([source('src/a.ts', `let clubs = 'kbps'; // bps\nlet rateBytesPerSec, subpset;`)]),
  ).toEqual([]);
});

test('dead files', () => {
  const files = [
    source('src/shaper.ts', `import './cli/a.ts';`),
    source('src/cli/a.ts', 'new URL(`./w${ext}`, import.meta.url);'),
    source('test/x.test.ts', `import '../src/base/b.ts';`),
    source('src/base/b.ts', ''),
    source('src/base/d.ts', `import './b.ts';`),
    source('src/cli/v.ts', `import '../base/d.ts';\nstart('v');`),
    source('test/netns/y.test.ts', `spawn(join(HERE, 'driver.ts'))`),
    source('test/netns/driver.ts', ''),
    source('src/cli/thread.ts', ''),
    source('src/cli/w.ts', `start(import.meta.url, 'thread')`),
  ];
  expect(checkUnreferenced(files)).toEqual([]);
  const dead = [
    source('src/base/c.ts', `import './b.ts';`),
    source('test/helper.ts', '// ./c.ts'),
    source('src/base/e.ts', ''),
    source('test/z.test.ts', `import '../src/base/e.ts';`),
  ];
  expect(checkUnreferenced([...files, ...dead]).map((problem) => problem.split(' ')[0])).toEqual([
    'src/base/c.ts',
    'test/helper.ts',
    'src/base/e.ts',
  ]);
});

test('references', () => {
  expect(checkReferences([source('src/algo/a.ts', '/**\n * A.\n *\n * Reference: B (1993).\n */')])).toEqual(
    [],
  );
  expect(checkReferences([source('src/algo/a.ts', '/** A. */\n/** Reference: B. */')])).toHaveLength(1);
});

test.each([
  `// TO${'DO'}: later`,
  'try { f(); } catch {}',
  'try { f(); } catch (e) { /* fine */ }',
  `// @ts-${'ignore'}`,
  `test.${'only'}('x', f);`,
])('left over: %s', (text) => {
  expect(checkLeftovers([source('src/a.ts', text)])).toHaveLength(1);
  expect(checkLeftovers([source('src/a.ts', 'try { f(); } catch (e) { g(e); }')])).toEqual([]);
});

test('paths in documents', () => {
  const text = 'See `src/a.ts`, `src/b/`, `src/c*.ts`, `npm run x` and src/not-quoted.ts.';
  expect(checkPaths('X.md', text, (path) => path !== 'src/b/')).toEqual([
    'X.md names src/b/, which does not exist',
  ]);
});

test('lock', () => {
  expect(checkLock('{"a": {"version": "1", "resolved": "https://example.org/a.tgz"}}')).toHaveLength(1);
  expect(checkLock('{"a": {"version": "1"}}')).toEqual([]);
});

test('the linter is set up to find what is not checked here', () => {
  const body = (lines: number): string => `{\n${'  g();\n'.repeat(lines)}}\n`;
  const samples: Record<string, string> = {
    'good.ts': `export function f(g: () => void): void ${body(60)}`,
    'long.ts': `export function f(g: () => void): void ${body(61)}`,
    'unformatted.ts': 'export const a   = 1\n',
    'any.ts': 'export const a: any = 1;\n',
    'shadow.ts': 'const a = 1;\nexport const f = (): number[] => [a].map((a) => a);\n',
  };
  const folder = mkdtempSync(join(tmpdir(), 'shaper-tidy-'));
  try {
    copyFileSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
    mkdirSync(join(folder, 'src'));
    for (const [name, text] of Object.entries(samples)) writeFileSync(join(folder, 'src', name), text);
    const biome = join(ROOT, 'node_modules/.bin/biome');
    const { stdout } = spawnSync(biome, ['ci', '--vcs-enabled=false', '--reporter=github', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const found = new Set(
      [...stdout.matchAll(/^::error [^\n]*file=[^,]*\/src\/([\w.]+)/gm)].map((match) => match[1]),
    );
    expect([...found].sort()).toEqual(['any.ts', 'long.ts', 'shadow.ts', 'unformatted.ts']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
