/**
 * Rules that keep packets which a bridge only switches from port to port out of the shaped links. With
 * br_netfilter and net.bridge.bridge-nf-call-iptables they pass the `forward` hook of the IP families with
 * the bridge as both input and output device, as routed packets of that bridge may as well. Only they pass
 * `forward` of the family `bridge`, and before. So a chain there gives them a packet mark of their own.
 */
import { MARK_SWITCHED, markBits } from '../../spec/mark-codes.ts';
import { foreignBits, hex } from './mark.ts';
import { type RulesRequest, tableName } from './render-nft.ts';

/** Before br_netfilter calls the IP hooks, at -1. */
const MARK_PRIORITY = -300;
/** Behind all others, but before br_netfilter, which comes last of all. */
const CLEAR_PRIORITY = 300;

type Wanted = Pick<RulesRequest, 'nfqueue' | 'sparesSwitched'>;

/** What marks them and clears the mark again, in our table of the family `bridge`. */
export function switchedLines({ nfqueue, sparesSwitched = false }: Wanted): string[] {
  if (!sparesSwitched) return [];
  const table = `bridge ${tableName(nfqueue.first)}`;
  const foreign = `meta mark & ${hex(foreignBits(nfqueue.markMask))}`;
  const switched = hex(markBits(nfqueue.markMask, MARK_SWITCHED));
  return [
    '# What a bridge only switches from port to port crosses no link, even if the rules for IP see it.',
    `add chain ${table} switched { type filter hook forward priority ${MARK_PRIORITY}; policy accept; }`,
    `add rule ${table} switched meta mark set ${foreign} | ${switched}`,
    `add chain ${table} left { type filter hook postrouting priority ${CLEAR_PRIORITY}; policy accept; }`,
    `add rule ${table} left meta mark & ${hex(nfqueue.markMask)} == ${switched} meta mark set ${foreign}`,
  ];
}

/** The first rule of the marking chain for forwarded packets. */
export function switchedRule({ nfqueue, sparesSwitched = false }: Wanted): string[] {
  if (!sparesSwitched) return [];
  const switched = hex(markBits(nfqueue.markMask, MARK_SWITCHED));
  const chain = `inet ${tableName(nfqueue.first)} forward`;
  return [`add rule ${chain} meta mark & ${hex(nfqueue.markMask)} == ${switched} accept`];
}
