/**
 * One rule for a moment: it queues the packets of one loopback flow, so that the kernel can be tried with
 * them before all other rules. Other instances may hold packets meanwhile, so no base chain goes with it.
 *
 *     nft        the rule stands in a base chain of our table that the installation fills later
 *     iptables   the rule stands in a chain of the `security` table where rules of ours come later
 */
import { RulesError } from './errors.ts';
import { addRules, findIptables, removeRules } from './iptables.ts';
import type { NftSession } from './nft-session.ts';
import { iptablesTrialRule } from './render-iptables.ts';
import { type Backend, endTrialLines, type TrialRule, trialLines } from './render-nft.ts';

/**
 * Puts the rule in force, and takes it out when `act` has ended.
 * @throws RulesError if it cannot be put in force, and what `act` throws
 */
export function withTrialRule<T>(
  session: NftSession,
  backend: Backend,
  rule: TrialRule,
  act: () => Promise<T>,
): Promise<T> {
  return backend === 'nft' ? withNftRule(session, rule, act) : withIptablesRule(rule, act);
}

async function withNftRule<T>(session: NftSession, rule: TrialRule, act: () => Promise<T>): Promise<T> {
  await session.run('queueing packets for a trial', trialLines(rule));
  try {
    return await act();
  } finally {
    await session.run('ending the trial', endTrialLines(rule));
  }
}

async function withIptablesRule<T>(rule: TrialRule, act: () => Promise<T>): Promise<T> {
  const { families } = await findIptables();
  const ipv4 = { families: families.filter(({ tool }) => tool.startsWith('iptables')) };
  const rules = [iptablesTrialRule(rule)];
  await addRules(ipv4, rules);
  try {
    return await act();
  } finally {
    // Somebody else may have taken it out. The installation looks for all rules with our tag.
    await removeRules(ipv4, rules).catch((error: unknown) => {
      if (!(error instanceof RulesError)) throw error;
    });
  }
}
