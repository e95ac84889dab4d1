/**
 * The NFQUEUE rules of the second back end, in the `security` table of iptables-nft and ip6tables-nft. Its
 * priority is 150, so the filter tables have decided before. Each rule matches one value of the mark that
 * only our marking chains set.
 */
import { hex, nfqueueMark } from './mark.ts';
import { plannedNfqueues, type RulesRequest } from './render-nft.ts';

/** Where iptables-nft keeps the rules. */
export const IPTABLES_TABLE = 'security';
/** For a lock of the legacy variant that somebody else holds. iptables-nft itself tries again. */
export const LOCK_WAIT_SECONDS = 2;

const TAG = /^-A \S+ .*--comment (?:"shaper:(\d+)"|shaper:(\d+)) -j NFQUEUE /;

/** Rules in the words of iptables, such as `-A FORWARD -m mark …`, the same for both families. */
export function iptablesRules({ plan, nfqueue }: RulesRequest): string[] {
  const rules: string[] = [];
  for (const index of plannedNfqueues(plan)) {
    const used = plan.directions.filter(
      (direction) => direction.nfqueue === index || direction.fastNfqueue === index,
    );
    const hooks = ['FORWARD'];
    if (used.some((direction) => direction.direction === 'down')) hooks.push('INPUT');
    if (used.some((direction) => direction.direction === 'up')) hooks.push('OUTPUT');
    const match = `-m mark --mark ${hex(nfqueueMark(nfqueue.markMask, index))}/${hex(nfqueue.markMask)}`;
    const tag = `-m comment --comment shaper:${nfqueue.first}`;
    const bypass = nfqueue.bypass ? ' --queue-bypass' : '';
    const target = `-j NFQUEUE --queue-num ${nfqueue.first + index}${bypass}`;
    for (const hook of hooks) rules.push(`-A ${hook} ${match} ${tag} ${target}`);
  }
  return rules;
}

/** Input of `iptables-restore --noflush` that makes one transaction. */
export function restoreInput(rules: readonly string[]): string {
  return [`*${IPTABLES_TABLE}`, ...rules, 'COMMIT', ''].join('\n');
}

/** The instance whose tag a line of `iptables-save` carries, or null. */
export function taggedInstance(savedRule: string): number | null {
  const match = TAG.exec(savedRule);
  return match ? Number(match[1] ?? match[2]) : null;
}

/** The deletion of a rule that `iptables-save` printed. */
export function deletionOf(savedRule: string): string {
  return savedRule.replace(/^-A /, '-D ');
}

/** Commands that would install the rules, for `shaper rules`. */
export function iptablesCommands(request: RulesRequest): string[] {
  return ['iptables-nft', 'ip6tables-nft'].flatMap((tool) =>
    iptablesRules(request).map((rule) => `${tool} -w ${LOCK_WAIT_SECONDS} -t ${IPTABLES_TABLE} ${rule}`),
  );
}
