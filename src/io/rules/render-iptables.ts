/**
 * The NFQUEUE rules of the second back end, in the `security` table of iptables-nft and ip6tables-nft. Its
 * priority is 150, so the filter tables have decided before. Packets for modules come up by rules of the
 * table `mangle` (-150) as well: only that one has chains for PREROUTING and POSTROUTING where addresses are
 * not translated yet. Each rule matches one value of the mark that only our marking chains set.
 */
import { MARK_ASKS, MARK_PORT, markBits } from '../../spec/mark-codes.ts';
import type { NfqueueSpec } from '../../spec/spec.ts';
import { hex, nfqueueMark } from './mark.ts';
import { comingHooks } from './render-modules.ts';
import { plannedNfqueues, type RulesRequest, type TrialRule } from './render-nft.ts';
import { physdevMatches } from './render-ports.ts';

/** Where iptables-nft keeps the rules of directions. */
export const IPTABLES_TABLE = 'security';
/** Where it keeps those for modules in hooks that the other table does not have. */
const OTHER_TABLE = 'mangle';
export const IPTABLES_TABLES: readonly string[] = [IPTABLES_TABLE, OTHER_TABLE];
/** For a lock of the legacy variant that somebody else holds. iptables-nft itself tries again. */
export const LOCK_WAIT_SECONDS = 2;

const TAG = /^-A \S+ .*--comment (?:"shaper:(\d+)"|shaper:(\d+)) -j NFQUEUE /;

/**
 * Rules in the words of iptables, such as `-I FORWARD -m mark …`, the same for both families. They come first
 * in their chains, as another rule that accepts or queues a packet would end the chain before them. Verdicts
 * then run the chain again (NF_REPEAT), so that the rules behind ours see the packet. If a packet of this
 * host comes to the end of the chain for the second time, the last rule lets it pass without routing it again
 * (acceptUnrouted in packet/batch.ts): it goes to an NFQUEUE that nobody reads.
 */
export function iptablesRules(request: RulesRequest): string[] {
  const { plan, nfqueue } = request;
  const rules: string[] = [];
  const tag = `-m comment --comment shaper:${nfqueue.first}`;
  for (const index of plannedNfqueues(plan)) {
    const used = plan.directions.filter(
      (direction) => direction.nfqueue === index || direction.fastNfqueue === index,
    );
    const hooks: string[] = [];
    if (index === plan.moduleNfqueue) hooks.push(...comingHooks(plan).map((hook) => hook.toUpperCase()));
    else hooks.push('FORWARD');
    if (used.some((direction) => direction.direction === 'down')) hooks.push('INPUT');
    if (used.some((direction) => direction.direction === 'up')) hooks.push('OUTPUT');
    const match = `-m mark --mark ${hex(nfqueueMark(nfqueue.markMask, index))}/${hex(nfqueue.markMask)}`;
    for (const hook of hooks) rules.push(`-I ${hook} ${match} ${tag} ${queueTarget(nfqueue, index)}`);
  }
  const isPort = `-m mark --mark ${hex(markBits(nfqueue.markMask, MARK_PORT))}/${hex(nfqueue.markMask)}`;
  // Each is inserted before the one above.
  for (const { chain, match, nfqueue: index } of physdevMatches(request).reverse()) {
    rules.push(`-I ${chain} ${isPort} ${match} ${tag} ${queueTarget(nfqueue, index)}`);
  }
  if (plan.directions.some(({ direction }) => direction === 'up') || comingHooks(plan).includes('output')) {
    const asks = hex(markBits(nfqueue.markMask, MARK_ASKS));
    const target = `-j NFQUEUE --queue-num ${plan.unreadNfqueue} --queue-bypass`;
    rules.push(`-A OUTPUT -m mark --mark ${asks}/${asks} ${tag} ${target}`);
  }
  return rules;
}

/** A rule of IPv4 that queues one flow by itself. It carries the tag of our rules, and is found by it. */
export function iptablesTrialRule({ flow, first, hook }: TrialRule): string {
  const { address, sourcePort, targetPort } = flow;
  const match = `-s ${address} -d ${address} -p tcp --sport ${sourcePort} --dport ${targetPort}`;
  const target = `-j NFQUEUE --queue-num ${first} --queue-bypass`;
  return `-I ${hook.toUpperCase()} ${match} -m comment --comment shaper:${first} ${target}`;
}

function queueTarget({ first, bypass }: NfqueueSpec, index: number): string {
  return `-j NFQUEUE --queue-num ${first + index}${bypass ? ' --queue-bypass' : ''}`;
}

/** The deletion of a rule in our own words. */
export function removalOf(rule: string): string {
  return rule.replace(/^-[AI] /, '-D ');
}

/** The table of a rule, which begins with what is done with it and the name of its chain. */
export function tableOf(rule: string): string {
  const [, chain = ''] = rule.split(' ');
  return chain === 'PREROUTING' || chain === 'POSTROUTING' ? OTHER_TABLE : IPTABLES_TABLE;
}

/** Input of `iptables-restore --noflush` that makes one transaction for each table. */
export function restoreInput(rules: readonly string[]): string {
  return IPTABLES_TABLES.flatMap((table) => {
    const own = rules.filter((rule) => tableOf(rule.replace(/^:/, '-A ')) === table);
    return own.length === 0 ? [] : [`*${table}`, ...own, 'COMMIT', ''];
  }).join('\n');
}

/** The instance whose tag a line of `iptables-save` carries, or null. */
export function taggedInstance(savedRule: string): number | null {
  const match = TAG.exec(savedRule);
  return match ? Number(match[1] ?? match[2]) : null;
}

/** Of the rules that let local packets pass at the end of their chain. The value of others has fewer bits. */
const LAST = /^-A OUTPUT -m mark --mark (0x[\da-f]+)\/\1 /;

/** `gone`: at least one of them. `displaced`: others stand where they may end the chain before ours. */
export type Place = 'right' | 'displaced' | 'gone';

/**
 * Where in the saved rules those of the instance stand, which has `rules` of them. No rule of other programs
 * may stand before its queueing rules, or behind its last one. Those of other instances may: they match other
 * bits.
 */
export function placeOf(savedRules: readonly string[], firstQueue: number, rules: number): Place {
  const foreignIn = new Set<string>();
  const endedIn = new Set<string>();
  let found = 0;
  let isDisplaced = false;
  for (const rule of savedRules) {
    const chain = rule.split(' ')[1] ?? '';
    const instance = taggedInstance(rule);
    if (instance === null) {
      if (endedIn.has(chain)) isDisplaced = true;
      foreignIn.add(chain);
    }
    if (instance !== firstQueue) continue;
    found++;
    if (LAST.test(rule)) endedIn.add(chain);
    else if (foreignIn.has(chain)) isDisplaced = true;
  }
  if (found < rules) return 'gone';
  return isDisplaced ? 'displaced' : 'right';
}

/** The deletion of a rule that `iptables-save` printed. */
export function deletionOf(savedRule: string): string {
  return savedRule.replace(/^-A /, '-D ');
}

/** Commands that would install the rules, for `shaper rules`. */
export function iptablesCommands(request: RulesRequest): string[] {
  return ['iptables-nft', 'ip6tables-nft'].flatMap((tool) =>
    iptablesRules(request).map((rule) => `${tool} -w ${LOCK_WAIT_SECONDS} -t ${tableOf(rule)} ${rule}`),
  );
}
