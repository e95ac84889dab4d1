/**
 * What modules have rules do at each hook: which packets come up to user-run ones, and the rules of those
 * that the kernel runs.
 */
import { equal } from '../base/equal.ts';
import type { Hook } from '../modules/api/packet.ts';
import type { MatcherSpec } from './match.ts';
import type { ModuleSpec } from './modules.ts';

/** In the order of a forwarded packet, and `output` before the last. */
export const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/**
 * Priority (SO_PRIORITY) of packets that modules send. By it they meet no module: unlike a mark it stays
 * while classes have the packet. Of its last four bits, by which queues of devices choose a band, none is
 * set, and it names no class of tc that anybody has.
 */
export const SENT_PRIORITY = 0x53480000;

export interface KernelModulePlan {
  /** The label of the module. */
  readonly name: string;
  /** Statements of nft, without `add rule` and chain. */
  readonly rules: readonly string[];
}

export interface ModuleHookPlan {
  readonly hook: Hook;
  /** Packets that match one of these come up, in no order; an empty list: none; null: all. */
  readonly interest: readonly MatcherSpec[] | null;
  /** In the order in which packets pass them, before any comes up. */
  readonly kernel: readonly KernelModulePlan[];
}

/** The hooks at which modules have rules do something. */
export function planHooks(modules: readonly ModuleSpec[]): readonly ModuleHookPlan[] {
  return HOOKS.map((hook) => {
    const users = modules.filter(({ run, hooks }) => run === 'user' && hooks.includes(hook));
    const kernel = modules.flatMap(({ name, run, kernelRules }) => {
      const rules = run === 'kernel' ? (kernelRules[hook] ?? []) : [];
      return rules.length > 0 ? [{ name, rules }] : [];
    });
    return { hook, interest: interestOf(users), kernel };
  }).filter(({ interest, kernel }) => interest === null || interest.length > 0 || kernel.length > 0);
}

function interestOf(users: readonly ModuleSpec[]): readonly MatcherSpec[] | null {
  const found: MatcherSpec[] = [];
  for (const { interest } of users) {
    if (interest === null) return null;
    for (const matcher of interest) if (!found.some((other) => equal(other, matcher))) found.push(matcher);
  }
  return found;
}

/** Whether packets come up to modules at any hook. */
export function needsModuleNfqueue(modules: readonly ModuleSpec[]): boolean {
  return modules.some(({ run }) => run === 'user');
}
