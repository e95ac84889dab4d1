/**
 * What a host still reaches whose traffic is stopped with the page (LIMIT_PAGE): names, so that its browser
 * finds out that it is stopped; an address of its own; its neighbours; and the addresses that the page
 * allows.
 */
import { NONE } from '../../base/none.ts';
import { prefixMasks } from '../../base/prefix.ts';
import type { Arrivals } from '../../packet/batch.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import type { FlowTable } from '../flows/flow-table.ts';

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;
const DNS = 53;
/** RFC 2131 and RFC 8415. */
const DHCP = [67, 68, 546, 547];
/** RFC 4861: router solicitation to redirect. */
const ND_FIRST = 133;
const ND_LAST = 137;

/** A list of prefixes, ready to compare. */
export interface AllowList {
  readonly prefixes: readonly {
    readonly isIpv6: boolean;
    readonly words: number[];
    readonly masks: number[];
  }[];
}

export const NOTHING_ALLOWED: AllowList = { prefixes: [] };

export function allowList(prefixes: readonly PrefixSpec[]): AllowList {
  return {
    prefixes: prefixes.map(({ family, words, bits }) => {
      const masks = prefixMasks(bits).map((mask) => mask | 0);
      return { isIpv6: family === 6, masks, words: masks.map((mask, w) => words[w]! & mask) };
    }),
  };
}

/** Whether flow `f` of a stopped host, which is its source if `isUp`, may go on. NONE: it may not. */
export function isAllowed(flows: FlowTable, f: number, isUp: boolean, { prefixes }: AllowList): boolean {
  if (f === NONE) return false;
  const protocol = flows.flowKeys.protocol(f);
  const sport = flows.flowKeys.sport(f);
  const dport = flows.flowKeys.dport(f);
  if ((protocol === IPPROTO_UDP || protocol === IPPROTO_TCP) && (isUp ? dport : sport) === DNS) return true;
  if (protocol === IPPROTO_UDP && DHCP.includes(sport) && DHCP.includes(dport)) return true;
  const isIpv6 = flows.isIpv6(f);
  return prefixes.some((one) => {
    if (one.isIpv6 !== isIpv6) return false;
    for (let w = 0; w < (isIpv6 ? 4 : 1); w++) {
      const word = isUp ? flows.dstWord(f, w) : flows.srcWord(f, w);
      if ((word & one.masks[w]!) !== one.words[w]) return false;
    }
    return true;
  });
}

/** Whether arrival `p` is a message between neighbours. Only bridges show them: routers pass none on. */
export function isNeighbourMessage(arrivals: Arrivals, slab: Uint8Array, parsed: Parsed, p: number): boolean {
  if (parsed.protocol[p] !== IPPROTO_ICMPV6) return false;
  const l4 = parsed.l4Offset[p];
  if (l4 === 0 || l4 >= arrivals.copiedBytes[p]) return false;
  const type = slab[arrivals.slabOffset[p] + l4];
  return type >= ND_FIRST && type <= ND_LAST;
}
