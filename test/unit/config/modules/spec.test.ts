import { describe, expect, it } from 'vitest';
import { ModuleSpecError, moduleSpecOf } from '../../../../src/config/modules/spec.ts';
import type { AnyModule } from '../../../../src/modules/definition.ts';
import { DEFAULT_HOSTS } from '../../../../src/spec/hosts.ts';

const context = { hosts: DEFAULT_HOSTS, ownMarkMask: 0xff000000, accounts: null };
const USER: AnyModule = { label: 'm', hooks: ['postrouting', 'input'], create: () => ({}) };

function specOf(parts: Partial<AnyModule>, run: 'user' | 'kernel' | null = null, options = {}) {
  return moduleSpecOf({ ...USER, ...parts }, 'm-2', { run, priority: 5 }, options, context);
}

function faultsOf(parts: Partial<AnyModule>, run: 'user' | 'kernel' | null = null): readonly string[] {
  try {
    specOf(parts, run);
    return [];
  } catch (error) {
    if (!(error instanceof ModuleSpecError)) throw error;
    return error.faults;
  }
}

describe('a user-run module', () => {
  it('has its hooks in the order of the way of a packet, and all packets without an interest', () => {
    expect(specOf({})).toEqual({
      ...{ name: 'm-2', run: 'user', priority: 5, hooks: ['input', 'postrouting'] },
      ...{ interest: null, payload: false, kernelRules: {} },
    });
  });

  it('has its interest as matchers, which may follow from its options', () => {
    const { interest } = specOf({ interest: { proto: 'tcp', dport: [80, '443'], dst: '192.0.2.0/24' } });
    expect(interest).toEqual([
      {
        proto: [6],
        dst: [{ family: 4, words: expect.anything(), bits: 24 }],
        dport: [
          { from: 80, to: 80 },
          { from: 443, to: 443 },
        ],
      },
    ]);
    const byOption = specOf({ interest: (options) => [{ dscp: options.code }, { proto: 'udp' }] }, null, {
      code: 46,
    });
    expect(byOption.interest).toEqual([{ dscp: [46] }, { proto: [17] }]);
  });

  it.each([
    [{ proto: 'tcpp' }, /^interest: proto: /],
    [{ dprot: 80 }, /^interest: unknown key 'dprot' in a matcher; did you mean 'dport'\?$/],
    [{}, /^interest: an empty matcher/],
    [[], /^interest: the list is empty/],
    [{ inside: '10.0.0.0/8' }, /^interest: inside means nothing here/],
    [{ mark: '0x01000000/0xff000000' }, /^interest: mark: the bits 0xff000000 are the shaper's own/],
    [{ host: 'nas' }, /^interest: host: no host is called 'nas'/],
    [{ dport: 1n }, /^interest: it is no value/],
  ])('wrong interest %#', (interest, fault) => {
    expect(faultsOf({ interest })).toEqual([expect.stringMatching(fault)]);
  });

  it('throws what the module throws', () => {
    const interest = (): never => {
      throw new Error('mine');
    };
    expect(() => specOf({ interest })).toThrow('mine');
  });
});

describe('a kernel-run module', () => {
  const kernel = () => ({ input: ['tcp dport 80 meta priority set 1'] });

  it('is chosen by run, or has no other form', () => {
    expect(specOf({ kernel })).toMatchObject({ run: 'user', kernelRules: {} });
    expect(specOf({ kernel }, 'kernel')).toMatchObject({ run: 'kernel', kernelRules: kernel() });
    const { create: _, ...kernelOnly } = USER;
    const spec = moduleSpecOf({ ...kernelOnly, kernel }, 'k', { run: null, priority: 1 }, {}, context);
    expect(spec.run).toBe('kernel');
  });

  it.each([
    [{}, ['it has no kernel-run form: kernel() is not there']],
    [{ kernel: () => [] as never }, ['kernel() must return an object: lists of rules by hook']],
    [{ kernel: () => ({ output: [] }) }, ['kernel() returns rules for output, which hooks does not name']],
    [
      { kernel: () => ({ input: ['a\nb'] }) },
      ['kernel() must return a list of rules for input, each a text of one line'],
    ],
  ])('wrong %#', (parts, faults) => expect(faultsOf(parts, 'kernel')).toEqual(faults));
});
