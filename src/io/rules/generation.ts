/** Whether any rule of nftables has changed, without a listing of all of them. */
import { type Addon, loadAddon } from '../nfqueue/addon.ts';

let addon: Addon | null = null;

/**
 * The number of the rule set of this network namespace. Every change raises it, also one by iptables-nft;
 * counters do not. null: the kernel does not tell.
 */
export function readGeneration(): number | null {
  addon ??= loadAddon();
  const generation = addon.rulesGeneration();
  return generation < 0 ? null : generation;
}
