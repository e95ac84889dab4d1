import { describe, expect, it } from 'vitest';
import { budgetNsOf, definitionFaults, instanceFault } from '../../../src/modules/definition.ts';

const GOOD = { label: 'm', hooks: ['input'], create: () => ({}) };

describe('a definition', () => {
  it.each([
    [GOOD],
    [{ label: 'a-b_2', hooks: ['prerouting', 'output'], kernel: () => ({}), payload: true, budget: '5us' }],
    [
      {
        ...GOOD,
        interest: { proto: 'tcp' },
        options: { x: { type: 'rate', help: 'h', min: 1, default: '1mbit' } },
      },
    ],
    [
      {
        ...GOOD,
        interest: () => [],
        about: 'text',
        options: { s: { type: 'string', help: 'h', values: ['a'] } },
      },
    ],
  ])('%#', (value) => expect(definitionFaults(value)).toEqual([]));

  it.each([
    [undefined, 'it has no default export'],
    ['text', 'its default export is a string'],
    [{ ...GOOD, label: '2m' }, 'label must be a name'],
    [{ ...GOOD, hooks: [] }, 'hooks must be a list of one or more of: prerouting, '],
    [{ ...GOOD, hooks: ['ingress'] }, 'hooks must be a list'],
    [{ ...GOOD, hooks: ['input', 'input'] }, 'hooks names a hook twice'],
    [{ ...GOOD, interest: 'tcp' }, 'interest must be a matcher'],
    [{ ...GOOD, payload: 1 }, 'payload must be true or false'],
    [{ ...GOOD, budget: '20' }, "budget must be a time, as '20us'"],
    [{ ...GOOD, create: {} }, 'create must be a function'],
    [{ ...GOOD, option: {} }, "unknown key 'option' in a module; did you mean 'options'?"],
    [{ label: 'm', hooks: ['input'] }, 'it does nothing: write create(itm, options)'],
    [{ hooks: ['input'], create: () => ({}) }, 'label is missing: it must be a name'],
    [{ ...GOOD, options: [] }, 'options must be an object'],
    [{ ...GOOD, options: { 'a b': {} } }, 'options.a b is no name'],
    [{ ...GOOD, options: { a: 5 } }, 'options.a must be { type, default, help }'],
    [{ ...GOOD, options: { a: { type: 'text', help: 'h' } } }, 'options.a: type must be one of: integer, '],
    [{ ...GOOD, options: { a: { type: 'list' } } }, 'options.a: help is missing'],
    [
      { ...GOOD, options: { a: { type: 'rate', help: 'h', min: '1mbit' } } },
      'options.a: min must be a number',
    ],
    [
      { ...GOOD, options: { a: { type: 'string', help: 'h', values: [] } } },
      'options.a: values must be a list',
    ],
    [{ ...GOOD, options: { a: { type: 'string', help: 'h', deflt: 1 } } }, "options.a: unknown key 'deflt'"],
  ])('wrong %#', (value, fault) => {
    const faults = definitionFaults(value);
    expect(faults).toHaveLength(1);
    expect(faults[0]!.slice(0, fault.length)).toBe(fault);
  });

  it('has every fault told', () => {
    expect(definitionFaults({ label: '', payload: 'x', budget: 0 })).toHaveLength(5);
  });
});

it('has 20 us a packet, or as it says', () => {
  expect(budgetNsOf({ ...GOOD, hooks: ['input'] })).toBe(20_000);
  expect(budgetNsOf({ ...GOOD, hooks: ['input'], budget: '1ms' })).toBe(1e6);
});

describe('what create() returns', () => {
  it.each([
    [{}],
    [{ process: () => 1, stop: undefined, packets: 5 }],
    [
      new (class {
        classify() {}
      })(),
    ],
  ])('%# can run', (value) => expect(instanceFault(value)).toBeNull());

  it.each([
    [undefined, 'returns no object of functions such as { process(p) { … } }'],
    [() => 1, 'returns no object of functions such as { process(p) { … } }'],
    [Promise.resolve({}), 'returns a promise: nobody waits for it'],
    [{ process: 5 }, 'returns process: 5: a function is expected'],
    [
      { classify: 'x', log: {}, updateClass: null, updateController: [1], onQuota: true, stop: 0 },
      'returns classify: "x", log: {}, updateClass: null, updateController: [1], onQuota: true, stop: 0: a function is expected',
    ],
  ])('%#', (value, fault) => expect(instanceFault(value)).toContain(fault));
});
