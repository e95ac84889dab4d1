/** Files that are made to be slow: each is read in bounded time and memory. */
import { describe, expect, it } from 'vitest';
import { integer } from '../../../../src/config/fields/quantities.ts';
import { YamlReader } from '../../../../src/config/yaml/reader.ts';
import { parseYaml } from '../../../../src/config/yaml/source.ts';

const SECTION = { size: integer({ default: 'none', help: 'A test.', min: 0, max: 99 }) };

function read(text: string): { problems: string[] } {
  const reader = new YamlReader(parseYaml(text, 'f').source);
  reader.section(reader.root(), SECTION, 'the section');
  return {
    problems: reader.problems.errors.map(({ line, column, message }) => `${line}:${column} ${message}`),
  };
}

/** Each took minutes, or ended the process, while work grew with the square of the file or with its depth. */
describe('files of about a megabyte that are made to be slow', () => {
  const lines = (count: number, line: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i)).join('\n');

  it.each([
    ['unknown keys', lines(80_000, (i) => `k${i}: 1`), 80_000],
    ['the same key', lines(80_000, () => 'size: 1'), 79_999],
    ['aliases', lines(50_000, (i) => (i === 0 ? 'k: &x 1' : `k${i}: *x`)), 50_000],
    ['more keys than are possible', lines(100_001, (i) => `k${i}: 1`), 1],
    ['list items inside each other on one line', `a:\n ${'- '.repeat(400_000)}`, 1],
    ['keys inside each other on one line', '? '.repeat(400_000), 1],
    ['brackets', '['.repeat(400_000), 3],
  ])('%s', { timeout: 20_000 }, (_, text, count) => {
    expect(read(text).problems).toHaveLength(count);
  });

  it('nesting is named', () => {
    expect(read('- '.repeat(400_000)).problems).toEqual(['1:1 the file is nested too deeply']);
    expect(read('['.repeat(400_000)).problems[0]).toMatch(/nested too deeply$/);
  });

  it('more classes than are possible are refused before any is read', () => {
    const { source } = parseYaml(
      lines(4097, (i) => `c${i}:`),
      'f',
    );
    const reader = new YamlReader(source);
    expect(reader.named(reader.root(), 'class', 'classes')).toEqual([]);
    expect(reader.problems.errors.map(({ message }) => message)).toEqual([
      '4097 classes are more than the 4096 classes that are possible in all',
    ]);
  });
});
