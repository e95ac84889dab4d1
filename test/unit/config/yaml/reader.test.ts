/** Walking a document along a section: places of values, aliases, keys that belong elsewhere. */
import { describe, expect, it } from 'vitest';
import { list, misplaced, node } from '../../../../src/config/fields/kinds.ts';
import { portRange } from '../../../../src/config/fields/names.ts';
import { integer } from '../../../../src/config/fields/quantities.ts';
import { YamlReader } from '../../../../src/config/yaml/reader.ts';
import { parseYaml } from '../../../../src/config/yaml/source.ts';

const about = { default: 'none', help: 'A test.', takes: 'a value' };
const SECTION = {
  size: integer({ ...about, min: 0, max: 99 }),
  ports: list(about, portRange),
  inner: node(about, {}),
  elsewhere: misplaced('it belongs outside'),
};

function read(text: string) {
  const reader = new YamlReader(parseYaml(text, 'f').source);
  const values = reader.section(reader.root(), SECTION, 'the section');
  const problems = reader.problems.errors.map(({ line, column, message }) => `${line}:${column} ${message}`);
  return { reader, values, problems };
}

describe('values', () => {
  it('have the place at which they were written', () => {
    const { values, problems } = read('size: 7\nports: [1, 2-3]');
    expect(problems).toEqual([]);
    expect(values.size).toEqual({ value: 7, offset: 6 });
    expect(values.ports?.value).toEqual([
      { value: { from: 1, to: 1 }, offset: 16 },
      { value: { from: 2, to: 3 }, offset: 19 },
    ]);
  });

  it('may be one instead of a list, hexadecimal, or an alias', () => {
    expect(read('size: 0x10').values.size?.value).toBe(16);
    const { values } = read('size: &n 10\nports: *n');
    expect(values.ports?.value).toEqual([{ value: { from: 10, to: 10 }, offset: 9 }]);
  });

  it('that are wrong are absent, and reading goes on', () => {
    const { values, problems } = read('size: 100\nports: [x, 4]');
    expect(values.size).toBeUndefined();
    expect(values.ports?.value.map(({ value }) => value.from)).toEqual([4]);
    expect(problems).toHaveLength(2);
  });
});

describe('problems', () => {
  it.each([
    ['sise: 1', "1:1 unknown key 'sise' in the section; did you mean 'size'?"],
    [
      'xyzzy: 1',
      "1:1 unknown key 'xyzzy' in the section; the nearest is 'size' (known here: size, ports, inner)",
    ],
    ['size:', '1:1 size has no value; it takes: 0 to 99'],
    ['size: [1]', '1:7 size must be a single value, not a list'],
    ['elsewhere: 1', '1:1 elsewhere: it belongs outside'],
    ['elsewhere: { a: 1 }', '1:1 elsewhere: it belongs outside'],
    ['elsewhere:', '1:1 elsewhere: it belongs outside'],
    ['size: 1\nsize: 2', '2:1 this key is here twice'],
    ['- 1', '1:1 the section must be a map (key: value), not a list'],
    ['size: *none', '1:7 *none has no anchor &none before it'],
  ])('%j', (text, problem) => {
    expect(read(text).problems).toContain(problem);
  });
});

it('names of classes: well-formed ones, in file order, empty or not', () => {
  const reader = new YamlReader(parseYaml('a: {}\nB: 1\nc:\n', 'f').source);
  expect(
    reader.named(reader.root(), 'class', 'classes').map(({ name, node: at }) => [name, at === null]),
  ).toEqual([
    ['a', false],
    ['c', true],
  ]);
  expect(reader.problems.errors).toHaveLength(1);
});
