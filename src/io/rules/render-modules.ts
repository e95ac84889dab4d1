/**
 * What modules have rules do. Packets that user-run modules want come up by an NFQUEUE of their own, and
 * rules of kernel-run ones stand in chains of ours. At input, forward and output both happen in the marking
 * chains, before directions. At the other two hooks there are chains only for modules:
 *
 *     -160   asked by verdicts (render-asked.ts)
 *     -155   rules of kernel-run modules; the mark of packets that come up
 *     -150   rules of iptables in its table `mangle` queue by that mark
 *     -145   clears our bits of packets that nobody has read
 *     -100   others translate destinations; at postrouting 100 sources
 */
import type { Hook } from '../../modules/api/packet.ts';
import { type ModuleHookPlan, SENT_PRIORITY } from '../../spec/module-hooks.ts';
import type { QueuePlan } from '../../spec/queue-plan.ts';
import { checkTexts } from './kernel-rules.ts';
import { foreignBits, hex } from './mark.ts';
import { interestMatches } from './render-interest.ts';
import { type RulesRequest, tableName } from './render-nft.ts';

/** Behind connection tracking (-200) and the answers of our verdicts, before the table `mangle` (-150). */
export const MODULES_PRIORITY = -155;
/** Behind the table `mangle`, before destinations are translated (-100). */
export const MODULES_END_PRIORITY = -145;

/**
 * Packets of the loopback concern nobody but this machine. By the hooks of this machine's own packets, those
 * that a module has sent meet no module.
 */
const NOT_LOOPBACK: Readonly<Record<Hook, string>> = {
  prerouting: 'iifname != "lo" ',
  input: 'iifname != "lo" ',
  forward: '',
  output: 'oifname != "lo" ',
  postrouting: 'oifname != "lo" ',
};

/** What nft prints for the number. */
const SENT = `${(SENT_PRIORITY >>> 16).toString(16)}:${(SENT_PRIORITY & 0xffff).toString(16)}`;

function notSent(hook: Hook): string {
  return hook === 'output' || hook === 'postrouting' ? `meta priority != ${SENT} ` : '';
}

function hooksOf({ moduleHooks = [] }: QueuePlan): readonly ModuleHookPlan[] {
  return moduleHooks;
}

/** Hooks of which packets come up. */
export function comingHooks(plan: QueuePlan): Hook[] {
  return hooksOf(plan).flatMap(({ hook, interest }) => (interest?.length === 0 ? [] : [hook]));
}

/** Hooks at which there are chains only for modules. */
export function ownHooks(plan: QueuePlan): Hook[] {
  const isOwn = (hook: Hook): boolean => hook === 'prerouting' || hook === 'postrouting';
  return hooksOf(plan).flatMap(({ hook }) => (isOwn(hook) ? [hook] : []));
}

/** Of the chain of a module at a hook, and of the counter of what comes to it. */
export const kernelName = (hook: Hook, name: string): string => `kernel_${hook}_${name}`;
/** Of the counter of what a module has not dropped. */
export const passedName = (hook: Hook, name: string): string => `passed_${hook}_${name}`;

/** The chains and counters of kernel-run modules. Throws RulesError for a text that would leave its chain. */
export function kernelLines({ plan, nfqueue }: RulesRequest): string[] {
  const table = `inet ${tableName(nfqueue.first)}`;
  checkTexts(hooksOf(plan));
  const lines = hooksOf(plan).flatMap(({ hook, kernel }) =>
    kernel.flatMap(({ name, rules }) => [
      `add counter ${table} ${kernelName(hook, name)}`,
      `add counter ${table} ${passedName(hook, name)}`,
      `add chain ${table} ${kernelName(hook, name)}`,
      ...rules.map((text) => `add rule ${table} ${kernelName(hook, name)} ${text}`),
    ]),
  );
  return lines.length === 0 ? [] : ['# Modules that the kernel runs.', ...lines];
}

/** Of a chain in a hook, before our bits are cleared: modules may write any. */
export function kernelJumps({ plan, nfqueue }: RulesRequest, hook: Hook): string[] {
  const rule = `add rule inet ${tableName(nfqueue.first)} ${hook} ${NOT_LOOPBACK[hook]}${notSent(hook)}`;
  const here = hooksOf(plan).find((one) => one.hook === hook);
  return (here?.kernel ?? []).flatMap(({ name }) => [
    `${rule}counter name "${kernelName(hook, name)}" jump ${kernelName(hook, name)}`,
    `${rule}counter name "${passedName(hook, name)}"`,
  ]);
}

/** Of a chain in a hook, before the rules of directions: what comes up to user-run modules. */
export function comesUpRules({ plan, nfqueue }: RulesRequest, hook: Hook): string[] {
  const here = hooksOf(plan).find((one) => one.hook === hook);
  if (!here || plan.moduleNfqueue === null) return [];
  const ports = new Set(
    plan.directions.flatMap(({ device, bridge }) => (bridge === undefined ? [] : [device])),
  );
  const matches = here.interest?.flatMap((matcher) => interestMatches(matcher, ports)) ?? [''];
  // One that all match makes the others useless.
  const needed = matches.includes('') ? [''] : [...new Set(matches)];
  const chain = `add rule inet ${tableName(nfqueue.first)} ${hook}`;
  return needed.map((match) => {
    const wanted = `${notSent(hook)}${match}`.trimEnd();
    return [chain, wanted, `goto queue_${plan.moduleNfqueue}`].filter(Boolean).join(' ');
  });
}

/** The chains in hooks that are there only for modules. */
export function moduleChainLines(request: RulesRequest): string[] {
  const { plan, nfqueue } = request;
  const table = `inet ${tableName(nfqueue.first)}`;
  const clear = `meta mark set meta mark & ${hex(foreignBits(nfqueue.markMask))}`;
  const lines = ownHooks(plan).flatMap((hook) => {
    const type = (priority: number): string =>
      `{ type filter hook ${hook} priority ${priority}; policy accept; }`;
    const side = hook === 'prerouting' ? 'iifname' : 'oifname';
    return [
      `add chain ${table} ${hook} ${type(MODULES_PRIORITY)}`,
      ...kernelJumps(request, hook),
      `add rule ${table} ${hook} ${clear}`,
      `add rule ${table} ${hook} ${side} "lo" accept`,
      ...comesUpRules(request, hook),
      `add chain ${table} unread_${hook} ${type(MODULES_END_PRIORITY)}`,
      `add rule ${table} unread_${hook} meta mark & ${hex(nfqueue.markMask)} != 0 ${clear}`,
    ];
  });
  return lines.length === 0
    ? []
    : ['# Where only modules meet packets. Behind it nobody sees our bits.', ...lines];
}

/** Ends what comes up there. */
export function stopModuleLines({ plan, nfqueue }: RulesRequest): string[] {
  return ownHooks(plan).map((hook) => `flush chain inet ${tableName(nfqueue.first)} ${hook}`);
}
