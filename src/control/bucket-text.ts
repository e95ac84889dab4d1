/** The name of an `each` bucket: its host, its address or prefix, or its flow. */
import { IPV6_BITS } from '../base/prefix.ts';
import type { BucketKey } from '../core/each/fullest.ts';
import type { FlowTuple } from '../core/flows/flow-keys.ts';
import { addressText } from '../packet/address-text.ts';
import { macText } from '../packet/mac-text.ts';
import { protocolName } from '../packet/protocols.ts';

/** `00:50:8d:68:50:75`, `10.0.9.4`, `2001:db8:1::/64`, or `tcp 10.0.9.4:40000 > 192.0.2.1:443`. */
export function bucketText(key: BucketKey | null): string {
  if (key === null) return 'packets without a flow or host';
  if (key.kind === 'flow') return flowText(key.flow);
  if (key.kind === 'mac') return macText(key.mac.high, key.mac.low);
  if (key.kind === 'port') return `port ${key.ifIndex}`;
  const address = addressText(key.family, key.words);
  return key.family === 6 && key.bits < IPV6_BITS ? `${address}/${key.bits}` : address;
}

/** An address of IPv6 stands in brackets before a port. Port 0 means none, as at the other end of a ping. */
export function flowText({ family, protocol, src, sport, dst, dport }: FlowTuple): string {
  const endpoint = (words: readonly number[], port: number): string => {
    const address = addressText(family, words);
    if (port === 0) return address;
    return `${family === 6 ? `[${address}]` : address}:${port}`;
  };
  return `${protocolName(protocol) ?? protocol} ${endpoint(src, sport)} > ${endpoint(dst, dport)}`;
}
