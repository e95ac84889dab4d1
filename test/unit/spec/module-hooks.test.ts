import { describe, expect, test } from 'vitest';
import type { MatcherSpec } from '../../../src/spec/match.ts';
import type { ModuleSpec } from '../../../src/spec/modules.ts';
import { planQueues } from '../../../src/spec/queue-plan.ts';
import type { NfqueueSpec } from '../../../src/spec/spec.ts';
import { shaper } from '../../sim/world.ts';

const FAST = { rate: 125e6, burst: 1e6 };
const SLOW = { rate: 2.5e6, burst: 3028 };

/** A module that is on, told of what matters here. */
const moduleOf = (name: string, more: Partial<ModuleSpec> = {}): ModuleSpec => ({
  ...{
    name,
    run: 'user',
    priority: 100,
    hooks: ['forward'],
    interest: null,
    payload: false,
    kernelRules: {},
  },
  ...more,
});

describe('modules', () => {
  const links = { a: { up: SLOW, down: FAST } };
  const planOf = (modules: readonly ModuleSpec[], options: Partial<NfqueueSpec> = { count: 2 }) =>
    planQueues({ ...shaper(links, options), modules });
  const tcp: MatcherSpec = { proto: [6] };
  const web: MatcherSpec = { proto: [6], dport: [{ from: 80, to: 80 }] };

  test('have an NFQUEUE behind all others, without superpackets, copied whole', () => {
    const without = planOf([]);
    const { gso, copyBytes, moduleNfqueue, moduleHooks, ...rest } = planOf([moduleOf('a')]);
    expect(without).toEqual({
      ...rest,
      gso: gso.slice(0, 2),
      copyBytes: copyBytes.slice(0, 2),
      moduleNfqueue: null,
    });
    expect([gso, copyBytes, moduleNfqueue]).toEqual([[false, true, false], [128, 128, 65531], 2]);
    expect(moduleHooks).toEqual([{ hook: 'forward', interest: null, kernel: [] }]);
  });

  test('of which nobody reads the number by which local packets pass', () => {
    expect(planOf([moduleOf('a')], { first: 65532, count: 2 }).unreadNfqueue).toBe(65535);
    expect(planOf([moduleOf('a')], { first: 65533, count: 2 }).unreadNfqueue).toBe(65532);
  });

  test('bring up what one of them wants, each wish once, at each of their hooks', () => {
    const modules = [
      moduleOf('a', { hooks: ['postrouting', 'forward'], interest: [tcp, web] }),
      moduleOf('b', { hooks: ['forward', 'prerouting'], interest: [web] }),
    ];
    expect(planOf(modules).moduleHooks).toEqual([
      { hook: 'prerouting', interest: [web], kernel: [] },
      { hook: 'forward', interest: [tcp, web], kernel: [] },
      { hook: 'postrouting', interest: [tcp, web], kernel: [] },
    ]);
    expect(planOf([...modules, moduleOf('c')]).moduleHooks![1]).toMatchObject({
      hook: 'forward',
      interest: null,
    });
  });

  test('bring nothing up where none wants anything', () => {
    expect(planOf([moduleOf('a', { interest: [] })]).moduleHooks).toBeUndefined();
  });

  test('that the kernel runs need no NFQUEUE', () => {
    const kernelRules = { forward: ['counter'], input: [], output: ['drop', 'counter'] };
    const kernel = (name: string) =>
      moduleOf(name, { run: 'kernel', hooks: ['forward', 'output'], kernelRules });
    const plan = planOf([kernel('k'), kernel('l')]);
    expect(plan.moduleNfqueue).toBeNull();
    expect(plan.gso).toHaveLength(2);
    const both = (rules: string[]) => [
      { name: 'k', rules },
      { name: 'l', rules },
    ];
    expect(plan.moduleHooks).toEqual([
      { hook: 'forward', interest: [], kernel: both(['counter']) },
      { hook: 'output', interest: [], kernel: both(['drop', 'counter']) },
    ]);
  });

  test('whose user-run form is on do nothing in the kernel', () => {
    const both = moduleOf('a', { kernelRules: { forward: ['drop'] } });
    expect(planOf([both]).moduleHooks).toEqual([{ hook: 'forward', interest: null, kernel: [] }]);
  });
});
