import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  checkKernelRules,
  checkTexts,
  kernelRuleFault,
  kernelTracks,
  refusalOfText,
} from '../../../../src/io/rules/kernel-rules.ts';
import type { ModuleHookPlan } from '../../../../src/spec/module-hooks.ts';
import { useFakeTools } from './fake-tools.ts';

const hooks = (rules: readonly string[], name = 'marks'): readonly ModuleHookPlan[] => [
  { hook: 'forward', interest: [], kernel: [{ name: 'other', rules: ['counter'] }] },
  { hook: 'postrouting', interest: [], kernel: [{ name, rules }] },
];

afterEach(() => void vi.restoreAllMocks());

describe('the text of a rule', () => {
  it.each([
    'ip dscp set 4',
    'meta l4proto tcp ct original packets > 20 ip dscp set cs1 counter',
    'meter long size 65535 { ip saddr . ip daddr timeout 60s limit rate over 20/minute } ip dscp set 0',
    'comment "accept; jump # } here" counter',
    'meta mark set meta mark | 0x10 return',
    'tcp flags & (syn | ack) == syn drop',
    'iifname "queue" drop',
    'ip saddr @acceptable drop',
  ])('may be %s', (text) => {
    expect(refusalOfText(text)).toBeNull();
  });

  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['drop\nadd rule inet filter forward drop', '"\\n"'],
    ['drop\r', 'character'],
    ['comment "ä"', 'character'],
    ['drop; delete table inet filter', '; cannot stand'],
    ['drop # rest', '# cannot stand'],
    ['drop \\', 'cannot stand'],
    ['comment "open', 'quotation mark'],
    ['comment "a" "; drop', 'quotation mark'],
    ['comment "a"; comment "b"', '; cannot stand'],
    ['ip saddr { 1.2.3.4', 'brace'],
    ['ip saddr 1.2.3.4 }', 'brace'],
    ['} drop {', 'brace'],
    ['accept', 'leave it out, or use return'],
    ['ip saddr vmap { 10.0.0.1:accept, 10.0.0.2 : drop }', 'accept cannot stand'],
    ['jump never_queued', 'jump'],
    ['tcp dport 1 goto queue_0', 'goto'],
    ['ip saddr vmap {10.0.0.1:jump x}', 'jump'],
    ['queue to 5', 'run: user'],
    ['position 3 drop', 'begins with position'],
    ['index 0 drop', 'begins with index'],
    [`comment "${'x'.repeat(5000)}"`, '4096'],
  ])('may not be %j', (text, reason) => {
    expect(refusalOfText(text)).toContain(reason);
  });

  it('is refused with its place', () => {
    expect(() => checkTexts(hooks(['counter', 'accept']))).toThrow(
      'module marks, hook postrouting, rule 2, "accept": accept cannot stand in a rule of a module',
    );
    expect(() => checkTexts(hooks(['counter'], 'a b'))).toThrow('"a b" is no label of a module');
  });
});

it('rules about connections turn their tracking on', () => {
  expect(kernelTracks({ moduleHooks: hooks(['ct original packets > 5 drop']) })).toBe(true);
  expect(kernelTracks({ moduleHooks: hooks(['counter comment "ct"']) })).toBe(false);
  expect(kernelTracks({})).toBe(false);
});

describe('the check by nft', () => {
  const tools = useFakeTools();

  it('happens in another namespace, with chains in their hooks', async () => {
    tools.pretend('unshare', 'if [ "$2" = nft ]; then { echo "$*"; cat; } > $LOG; fi');
    await checkKernelRules({ moduleHooks: hooks(['ip dscp set 4', 'drop']) });
    expect(tools.log()).toBe(
      [
        '-n nft -f -',
        'add table inet shaper_trial',
        'add chain inet shaper_trial forward_other { type filter hook forward priority 0; policy accept; }',
        'add rule inet shaper_trial forward_other counter',
        'add chain inet shaper_trial postrouting_marks { type filter hook postrouting priority 0; policy accept; }',
        'add rule inet shaper_trial postrouting_marks ip dscp set 4',
        'add rule inet shaper_trial postrouting_marks drop',
        '',
      ].join('\n'),
    );
  });

  it('says which rule of which module is wrong', async () => {
    tools.pretend(
      'unshare',
      '[ "$2" = true ] && exit 0; echo "/dev/stdin:6:1-4: Error: syntax error, unexpected dorp" >&2; exit 1',
    );
    await expect(checkKernelRules({ moduleHooks: hooks(['ip dscp set 4', 'dorp']) })).rejects.toMatchObject({
      code: 'request',
      message: 'module marks, hook postrouting, rule 2, "dorp": nft says: syntax error, unexpected dorp',
    });
    await expect(checkKernelRules({ moduleHooks: hooks(['x']) })).rejects.toMatchObject({ code: 'failed' });
  });

  it('says how devices are named', async () => {
    tools.pretend(
      'unshare',
      '[ "$2" = true ] && exit 0; echo "-:5:1-4: Error: Interface does not exist" >&2; exit 1',
    );
    await expect(checkKernelRules({ moduleHooks: hooks(['iif "eth0" drop']) })).rejects.toThrow(
      'iifname and oifname',
    );
  });

  it('is left to the installation where there is no other namespace', async () => {
    tools.pretend('unshare', 'exit 1');
    await checkKernelRules({ moduleHooks: hooks(['dorp']) });
    await checkKernelRules({});
  });

  it('of one module is what check tells, unless nobody can say', async () => {
    const ofOne = (rule: string, run: 'user' | 'kernel' = 'kernel') =>
      kernelRuleFault({
        ...{ name: 'marks', run, priority: 100, hooks: ['forward'], interest: null, payload: false },
        kernelRules: { forward: [rule] },
      });
    const says = (text: string): void =>
      tools.pretend('unshare', `[ "$2" = true ] && exit 0; echo "${text}" >&2; exit 1`);
    const where = 'module marks, hook forward, rule 1';
    says('-:3:1-4: Error: syntax error');
    expect(await ofOne('dorp')).toBe(`${where}, "dorp": nft says: syntax error`);
    expect(await ofOne('dorp', 'user')).toBeNull();
    says('-:3:1-4: Error: Could not process rule: No such file or directory');
    for (const uid of [0, 1000]) {
      vi.spyOn(process, 'getuid').mockReturnValue(uid);
      const fault = await ofOne('fib daddr type local');
      if (uid === 0) expect(fault).toContain('Could not process rule');
      else expect(fault).toBeNull();
    }
    says('unshare: failed to execute nft: No such file or directory');
    expect(await ofOne('dorp')).toBeNull();
    tools.pretend('unshare', 'exit 1');
    expect(await ofOne('dorp')).toBeNull();
    // Nobody has to be asked about that.
    expect(await ofOne('accept')).toContain(`${where}, "accept": accept cannot stand`);
  });
});
