import { expect, it } from 'vitest';
import { writeModule } from '../../../../src/config/write/modules.ts';
import { load } from '../helpers.ts';

const read = (fields: string) =>
  load(`links: { w: { device: e, up: 9mbit } }\nmodules: [{ use: m, ${fields} }]`).modules[0]!;

it.each([
  ['priority: 100, enabled: true, options: {}', { use: 'm' }],
  [
    'run: kernel, priority: 7, enabled: false, options: { a: 0x10, b: [x, "2"] }',
    { use: 'm', run: 'kernel', priority: '7', options: { a: '0x10', b: ['x', '2'] }, enabled: 'false' },
  ],
])('%s', (fields, block) => {
  const written = writeModule(read(fields), 'chosen');
  expect(written).toEqual(block);
  expect(
    read(JSON.stringify(written).slice(1, -1).replace('"use":"m",', '').replace('"use":"m"', '')),
  ).toEqual({
    ...read(fields),
    line: 2,
  });
});

it('for people with all that applies', () => {
  expect(writeModule(read('priority: 5'), 'all')).toEqual({ use: 'm', priority: '5', enabled: 'true' });
});
