/** Blocks of a section: order of the table, defaults by their text. */
import { expect, it } from 'vitest';
import { choice, list, misplaced, node } from '../../../../src/config/fields/kinds.ts';
import { portRange } from '../../../../src/config/fields/names.ts';
import { bytes } from '../../../../src/config/fields/quantities.ts';
import { oneOrList, writeSection } from '../../../../src/config/write/block.ts';

const about = { default: 'none', help: 'A test.', takes: 'a value' };
const SECTION = {
  size: bytes({ ...about, min: 0, max: 9000 }),
  ports: list(about, portRange),
  elsewhere: misplaced('not here'),
  mode: choice({ ...about, choices: ['a', 'b'] }),
  inner: node(about, {}),
};

it('keys come in the order of the table, values as text', () => {
  const values = { inner: { x: '1' }, mode: 'b', ports: [{ from: 1, to: 2 }], size: 2000 } as const;
  const block = writeSection(SECTION, values, {}, 'chosen');
  expect(Object.entries(block)).toEqual([
    ['size', '2kB'],
    ['ports', ['1-2']],
    ['mode', 'b'],
    ['inner', { x: '1' }],
  ]);
});

it('values that equal their defaults are written only if all are wanted', () => {
  const values = { size: 2000, mode: 'a', ports: [{ from: 1, to: 1 }], inner: {} } as const;
  const defaults = { size: 2000, mode: 'b', ports: [{ from: 1, to: 1 }], inner: {} } as const;
  expect(writeSection(SECTION, values, defaults, 'chosen')).toEqual({ mode: 'a' });
  expect(Object.keys(writeSection(SECTION, values, defaults, 'all'))).toEqual([
    'size',
    'ports',
    'mode',
    'inner',
  ]);
});

it('a value that does not apply has no key', () => {
  expect(
    writeSection(SECTION, { size: undefined, ports: undefined, mode: 'a', inner: undefined }, {}, 'all'),
  ).toEqual({ mode: 'a' });
});

it('a list with one entry is the entry', () => {
  expect(oneOrList([{ a: '1' }])).toEqual({ a: '1' });
  expect(oneOrList([{ a: '1' }, {}])).toEqual([{ a: '1' }, {}]);
});
