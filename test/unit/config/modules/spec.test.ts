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

describe('a rule that writes the mark', () => {
  const faultsOfRule = (rule: string): readonly string[] =>
    faultsOf({ kernel: () => ({ input: ['counter', rule] }) }, 'kernel');

  it.each([
    ['meta mark set 0x01000000', '0x1000000'],
    ['ip dscp 46 mark set 0xff000001 counter', '0xff000001'],
    ['meta mark set meta mark | 0x80000000', '0x80000000'],
    ['meta mark set (meta mark & 0x00ffffff) or 33554432', '0x2000000'],
    ['counter meta mark set mark and 0xff xor 0x1000000', '0x1000000'],
  ])('%s is refused if it writes our bits', (rule, mark) => {
    expect(faultsOfRule(rule)).toEqual([
      `kernel(): rule 2 at input writes mark ${mark}, which has bits of the shaper's own mask 0xff000000 (nfqueue.mark): they are cleared behind it; write others`,
    ]);
  });

  it.each([
    'meta mark set 0x00ffffff',
    'meta mark set meta mark & 0xff000000',
    'meta mark set mark and 0xff00ffff or 0x10000',
    'meta mark 0x01000000 meta mark set 0x1',
    'ct mark set 0xff000000',
    'meta mark set ct mark counter packets 4278190080 bytes 0',
    'meta mark set 0x1 << 3',
  ])('%s is none of our business', (rule) => expect(faultsOfRule(rule)).toEqual([]));
});
