/**
 * The NFQUEUE rules of the second back end, in the `security` table of iptables-nft and ip6tables-nft (priority 150
 * there: the filter tables have decided already). Each matches one value that only our marking chains set.
 */
import { hex, queueMark } from './mark.ts';
import { plannedQueues, type RulesRequest } from './render-nft.ts';

/** As `iptables-nft` prints and finds them. */
export const IPTABLES_TABLE = 'security';
/** iptables-nft itself retries; this is for a legacy lock held by somebody else. */
export const LOCK_WAIT_SECONDS = 2;

const TAG = /^-A \S+ .*--comment (?:"shaper:(\d+)"|shaper:(\d+)) -j NFQUEUE /;

/** Rules in iptables' own words, e.g. `-A FORWARD -m mark …`; the same for both families. */
export function iptablesRules({ plan, nfqueue }: RulesRequest): string[] {
  const rules: string[] = [];
  for (const index of plannedQueues(plan)) {
    const used = plan.directions.filter(
      (direction) => direction.nfqueue === index || direction.fastNfqueue === index,
    );
    const hooks = ['FORWARD'];
    if (used.some((direction) => direction.direction === 'down')) hooks.push('INPUT');
    if (used.some((direction) => direction.direction === 'up')) hooks.push('OUTPUT');
    const match = `-m mark --mark ${hex(queueMark(nfqueue.markMask, index))}/${hex(nfqueue.markMask)}`;
    const tag = `-m comment --comment shaper:${nfqueue.first}`;
    const bypass = nfqueue.bypass ? ' --queue-bypass' : '';
    const target = `-j NFQUEUE --queue-num ${nfqueue.first + index}${bypass}`;
    for (const hook of hooks) rules.push(`-A ${hook} ${match} ${tag} ${target}`);
  }
  return rules;
}

/** Input of `iptables-restore --noflush`: one transaction. */
export function restoreInput(rules: readonly string[]): string {
  return [`*${IPTABLES_TABLE}`, ...rules, 'COMMIT', ''].join('\n');
}

/** The instance whose tag a line of `iptables-save` carries, or null. */
export function taggedInstance(savedRule: string): number | null {
  const match = TAG.exec(savedRule);
  return match ? Number(match[1] ?? match[2]) : null;
}

/** The deletion of a rule as `iptables-save` printed it. */
export function deletionOf(savedRule: string): string {
  return savedRule.replace(/^-A /, '-D ');
}

/** For `shaper rules`: the commands that would do the same. */
export function iptablesCommands(request: RulesRequest): string[] {
  return ['iptables-nft', 'ip6tables-nft'].flatMap((tool) =>
    iptablesRules(request).map((rule) => `${tool} -w ${LOCK_WAIT_SECONDS} -t ${IPTABLES_TABLE} ${rule}`),
  );
}
