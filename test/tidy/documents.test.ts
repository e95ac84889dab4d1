/**
 * What the documents show works: configurations load, scripts, links and anchors exist, examples are fine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { classTree } from '../../src/cli/class-tree.ts';
import { loadConfig } from '../../src/config/config.ts';
import { Samples } from '../../src/control/samples.ts';
import { statusReport } from '../../src/control/status.ts';
import { createStats } from '../../src/core/packets/stats.ts';
import { DOCUMENTS, ROOT, readSources } from './source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Fenced blocks of one language, without the indentation of the list they may stand in. */
function blocksOf(markdown: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\``, 'gm');
  return [...markdown.matchAll(fence)].map(([, indent, text]) =>
    (text as string).replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/** Targets of links inside this repository. */
function linksOf(markdown: string): string[] {
  const targets = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Examples that people are told to run. */
const EXAMPLES = [
  'shaper.yaml',
  ...readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
];

describe('documents', () => {
  test('show configurations that load without a warning', () => {
    const blocks = DOCUMENTS.flatMap((name) => blocksOf(read(name), 'yaml').map((text) => ({ name, text })));
    for (const name of ['README.md', 'docs/configuration.md', 'docs/examples.md'])
      expect(blocks.map((block) => block.name)).toContain(name);
    for (const { name, text } of blocks) expect(loadConfig(text, name).warnings).toEqual([]);
  });

  test('name npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((name) =>
      [...read(name).matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]),
    );
    expect(named.length).toBeGreaterThan(0);
    for (const script of named) expect(Object.keys(scripts)).toContain(script);
  });

  test.each(DOCUMENTS)('%s was merged to its end', (name) => {
    expect(read(name)).not.toMatch(/^(?:<{7} |>{7} |={7}$)/m);
  });

  test.each(DOCUMENTS)('%s links to files and headings that exist', (name) => {
    for (const link of linksOf(read(name))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? name : join(dirname(name), path);
      expect(existsSync(join(ROOT, target)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(read(target)), link).toContain(anchor);
    }
  });
});

describe('README.md', () => {
  test('is read in three minutes', () => {
    expect(read('README.md').split('\n').length).toBeLessThan(200);
  });

  test('tells nobody to overwrite a file of the repository', () => {
    const saved = [...read('README.md').matchAll(/[Ss]ave (?:it|them|this) as `([^`]+)`/g)].map(
      (match) => match[1] as string,
    );
    expect(saved.length).toBeGreaterThan(0);
    const { status, stdout } = spawnSync('git', ['ls-files', '--', ...saved], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    if (status === 0) expect(stdout).toBe('');
    for (const name of saved) expect(EXAMPLES).not.toContain(name);
  });
});

test('docs/commands.md shows what check prints of the first configuration of README.md', () => {
  const [first = ''] = blocksOf(read('README.md'), 'yaml');
  const tree = classTree(loadConfig(first, 'my.yaml').spec).split('\n');
  const up = tree.slice(
    0,
    tree.findIndex((line) => line.includes('wan/down')),
  );
  expect(read('docs/commands.md')).toContain(`\nmy.yaml: ok\n${up.join('\n')}\n`);
});

/** Messages in the first column of a table, by the pieces between their values. */
function quotedPieces(markdown: string): string[] {
  const cells = [...markdown.matchAll(/^\| (`[^|]*) \|/gm)].map((match) => match[1] as string);
  const quotes = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string));
  const value = /[…;:,]|\b[A-Z]+\b(?=[ :,]|$)|'[^']*'/;
  return quotes.flatMap((quote) => quote.split(value)).map((piece) => piece.trim());
}

test('docs/trouble.md explains messages that the program has', () => {
  const sources = readSources().filter((file) => file.path.startsWith('src/'));
  // Messages are cut over lines and into constants: quotes and what joins them do not count.
  const plain = (text: string): string => text.replaceAll(/['`]\s*\+\s*['`]/g, '');
  const all = sources.map((file) => plain(file.text)).join('\n');
  const pieces = quotedPieces(read('docs/trouble.md')).filter((piece) => piece.length > 11);
  expect(pieces.length).toBeGreaterThan(30);
  expect(pieces.filter((piece) => !all.includes(piece))).toEqual([]);
});

test.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])('%s names files and members that exist', (name) => {
  const sources = readSources();
  const files = [...read(name).matchAll(/`((?!linux)[\w./-]+\.(?:ts|h|cc))`/g)].map(
    (match) => match[1] as string,
  );
  expect(files.filter((file) => !sources.some(({ path }) => `/${path}`.endsWith(`/${file}`)))).toEqual([]);
  const members = [...read(name).matchAll(/`((?!Math)[A-Z]\w+)\.(\w+)[`(]/g)];
  const missing = members.filter(([, type, member]) => {
    const isThere = new RegExp(`\\b(?:class|interface) ${type}\\b[\\s\\S]*?^  .*\\b${member}\\b`, 'm');
    return !sources.some(({ code }) => isThere.test(code));
  });
  expect(missing.map(([whole]) => whole)).toEqual([]);
});

/**
 * Paths of the values in a JSON object, as far down as documents name them: `totals.held`, `dropped.tail`.
 */
function keysOf(value: object, depth = 2): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) && depth > 1
      ? keysOf(inner, depth - 1).map((name) =>
          /^(?:packets|bytes|p50|p99)$/.test(name) ? key : `${key}.${name}`,
        )
      : [key],
  );
}

test('docs/commands.md says what every key of status means', () => {
  const classes = [{ path: 'wan/up', rateBytesPerSec: 1, ceilBytesPerSec: 1, isPaced: true, parent: -1 }];
  const socket = { truncated: 0, malformed: 0, sendErrors: 0, verdictErrors: 0 };
  const subject = { version: '1', pid: 1, backend: 'nft' as const };
  const snapshot = {
    generation: 0,
    classes,
    stats: createStats(1),
    classChanges: 0,
    takenNs: 0,
    nfqueues: { open: [], closedDrops: { queueFull: 0, socketFull: 0 } },
    socket,
    warnings: [],
  };
  const eachClasses = [{ path: 'wan/up', by: 'host' as const, rateBytesPerSec: 1, fullest: [] }];
  const context = { samples: new Samples(), scheduled: new Map(), warnings: [] };
  const report = statusReport(snapshot, eachClasses, context, subject, { queueFull: 0, socketFull: 0 });
  const text = read('docs/commands.md');
  const keys = [...keysOf(report, 3), ...keysOf(report.classes[0]!)];
  for (const key of keys) expect(text).toContain(`\`${key}\``);
});

describe('examples', () => {
  test.each(EXAMPLES)('%s loads without a warning and stands in docs/examples.md', (name) => {
    expect(loadConfig(read(name), name).warnings).toEqual([]);
    expect(linksOf(read('docs/examples.md'))).toContain(`../${name}`);
  });
});
