import { describe, expect, it } from 'vitest';
import { OptionsError, readOptions, reportOptions } from '../../../../src/config/modules/options.ts';
import type { OptionSpec } from '../../../../src/modules/api/index.ts';
import type { AnyModule } from '../../../../src/modules/definition.ts';

const help = 'for the test';

function moduleWith(options: Record<string, Omit<OptionSpec, 'help'>>): AnyModule {
  const withHelp = Object.entries(options).map(([name, spec]) => [name, { ...spec, help }]);
  return { label: 'm', hooks: ['input'], options: Object.fromEntries(withHelp), create: () => ({}) };
}

const one = (spec: Omit<OptionSpec, 'help'>, given?: unknown) =>
  readOptions(moduleWith({ x: spec }), given === undefined ? {} : { x: given }).x;

function problemsOf(module: AnyModule, given: Record<string, unknown>): [string | null, string][] {
  try {
    readOptions(module, given);
    return [];
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return error.problems.map(({ option, message }) => [option, message]);
  }
}
const problemOf = (spec: Omit<OptionSpec, 'help'>, given: unknown) =>
  problemsOf(moduleWith({ x: spec }), { x: given })[0]?.[1];

describe('values', () => {
  it.each([
    ['integer', '-3', -3],
    ['integer', '0x10', 16],
    ['integer', 7, 7],
    ['number', '-0.5', -0.5],
    ['number', '1e-3', 0.001],
    ['boolean', 'true', true],
    ['boolean', false, false],
    ['string', 'a, b', 'a, b'],
    ['string', 5, '5'],
    ['rate', '8mbit', 1e6],
    ['duration', '20ms', 20e6],
    ['size', '64kB', 64_000],
    ['list', '10.0.0.1, nas', ['10.0.0.1', 'nas']],
    ['list', ['a,b', 5], ['a,b', '5']],
    ['list', '', []],
    ['list', [], []],
  ] as const)('%s of %s', (type, given, value) => expect(one({ type }, given)).toEqual(value));

  it('are the default where nothing is given', () => {
    expect(one({ type: 'rate', default: '1mbit' })).toBe(125_000);
    expect(one({ type: 'list', default: ['a'] })).toEqual(['a']);
    expect(one({ type: 'boolean', default: false })).toBe(false);
    expect(one({ type: 'integer', default: 20 }, '3')).toBe(3);
  });

  it('may be at a bound', () => {
    expect(one({ type: 'duration', min: 1e6, max: 1e9 }, '1ms')).toBe(1e6);
    expect(one({ type: 'duration', min: 1e6, max: 1e9 }, '1s')).toBe(1e9);
  });
});

describe('problems', () => {
  it.each([
    ['integer', '1.5', "x: '1.5' is not a whole number"],
    ['integer', '99999999999999999999', "x: '99999999999999999999' is not a whole number"],
    ['number', 'Infinity', "x: 'Infinity' is not a number"],
    ['boolean', 'yes', "x: 'yes' is neither true nor false"],
    ['rate', '5', "x: '5' has no unit; write a rate like 64kbit"],
    ['size', '64kb', "x: '64kb' is in bits; sizes are in bytes"],
    ['string', ['a'], 'x: takes one text'],
    ['rate', { a: 1 }, 'x: takes one rate'],
    ['integer', null, 'x: has no value; it takes whole number'],
    ['list', [{ a: 1 }], 'x: takes a list of texts'],
  ] as const)('%s of %s', (type, given, message) => {
    expect(problemOf({ type }, given)?.slice(0, message.length)).toBe(message);
  });

  it('name bounds in the unit of users', () => {
    expect(problemOf({ type: 'duration', min: 1e6 }, '1us')).toBe('x: is less than 1ms, the least');
    expect(problemOf({ type: 'rate', max: 1e6 }, '9mbit')).toBe('x: is more than 8mbit, the most');
    expect(problemOf({ type: 'list', min: 2 }, 'a')).toBe('x: is less than 2 items, the least');
    expect(problemOf({ type: 'string', values: ['a', 'b'] }, 'c')).toBe("x: 'c' is not one of: a, b");
  });

  it('are told all at once, each with its option', () => {
    const module = moduleWith({
      ...{ threshold: { type: 'integer' }, rate: { type: 'rate' }, bad: { type: 'size', default: '5' } },
    });
    expect(
      problemsOf(module, { treshold: '5', rate: 'x' }).map(([option, text]) => [option, text.slice(0, 48)]),
    ).toEqual([
      ['treshold', "unknown option 'treshold' of m; did you mean 'th"],
      [null, 'option threshold must be given: for the test'],
      ['rate', "rate: 'x' is not a rate; write a rate like 64kbi"],
      [null, "the default of option bad is wrong: '5' has no u"],
    ]);
    expect(problemsOf(moduleWith({}), { a: 1 })).toEqual([['a', "unknown option 'a': m has none"]]);
  });
});

it('are shown as users write them', () => {
  const module = moduleWith({
    ...{
      rate: { type: 'rate', default: '8mbit' },
      list: { type: 'list' },
      on: { type: 'boolean', default: true },
    },
  });
  expect(reportOptions(module, readOptions(module, { list: 'a,b', rate: '1000kbit' }))).toEqual([
    { name: 'rate', type: 'rate', value: '1mbit', default: '8mbit', help },
    { name: 'list', type: 'list', value: 'a,b', default: null, help },
    { name: 'on', type: 'boolean', value: 'true', default: 'true', help },
  ]);
});
