/** Whether any rule of nftables has changed, without a listing of all of them. */
import { loadAddon } from '../nfqueue/addon.ts';

/**
 * The number of the rule set of this network namespace. Every change raises it, also one by iptables-nft;
 * counters do not. null: the kernel does not tell.
 */
export function readGeneration(): number | null {
  const generation = loadAddon().rulesGeneration();
  return generation < 0 ? null : generation;
}
