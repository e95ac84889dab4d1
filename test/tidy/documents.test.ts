/** What the documents show works: configurations load, npm scripts exist. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { ROOT } from './source.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = ['README.md', 'docs/configuration.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];

/** Fenced blocks of one language, without the indentation of the list they may stand in. */
function blocksOf(markdown: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\``, 'gm');
  return [...markdown.matchAll(fence)].map(([, indent, text]) =>
    (text as string).replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

test.each(['README.md', 'docs/configuration.md'])('configurations in %s load without a warning', (name) => {
  const blocks = blocksOf(read(name), 'yaml');
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) expect(loadConfig(block, name).warnings).toEqual([]);
});

test('npm scripts that documents name exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = DOCUMENTS.flatMap((name) =>
    [...read(name).matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]),
  );
  expect(named.length).toBeGreaterThan(0);
  for (const script of named) expect(Object.keys(scripts)).toContain(script);
});
