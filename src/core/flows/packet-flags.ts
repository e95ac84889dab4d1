/** What of a packet stands in the flags of its held row, and the length of its headers. */
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT } from '../../packet/batch.ts';
import { FRAGMENT_LATER, type Parsed } from '../../packet/parse.ts';
import { IPPROTO_TCP } from '../../packet/tcp-header.ts';
import type { PortRangeSpec } from '../../spec/spec.ts';
import { FLAG_ICMP_ERROR, FLAG_LATER_FRAGMENT, FLAG_NEVER_DROP, HEADER_BYTES_MAX } from '../packets/held.ts';

/** TCP header with the timestamps option, as nearly all have; UDP header. */
const TCP_HEADER_BYTES = 32;
const UDP_HEADER_BYTES = 8;

/** Flags of a packet. `ectFlag` is set if the packet can carry CE. */
export function flagsOf(
  exemptPorts: ExemptPorts,
  parsed: Parsed,
  p: number,
  hook: number,
  ectFlag: number,
): number {
  const fragment = parsed.fragment[p] === FRAGMENT_LATER ? FLAG_LATER_FRAGMENT : 0;
  const flags = (parsed.ecn[p] === 0 ? 0 : ectFlag) | fragment;
  if (parsed.icmpError[p] === 1) return FLAG_ICMP_ERROR | flags;
  if (parsed.protocol[p] !== IPPROTO_TCP) return flags;
  const isExempt =
    (hook === NF_INET_LOCAL_IN && exemptPorts.has(parsed.dport[p])) ||
    (hook === NF_INET_LOCAL_OUT && exemptPorts.has(parsed.sport[p]));
  return isExempt ? FLAG_NEVER_DROP | flags : flags;
}

/** Bytes that each segment of a superpacket will repeat. */
export function superpacketHeaderBytes(parsed: Parsed, p: number): number {
  const transportBytes = parsed.protocol[p] === IPPROTO_TCP ? TCP_HEADER_BYTES : UDP_HEADER_BYTES;
  return Math.min(HEADER_BYTES_MAX, parsed.l4Offset[p] + transportBytes);
}

const PORTS = 65_536;

/** A set of ports, one bit each. */
export class ExemptPorts {
  private readonly bits = new Uint8Array(PORTS / 8);

  set(ports: readonly PortRangeSpec[]): void {
    this.bits.fill(0);
    for (const { from, to } of ports)
      for (let port = from; port <= to; port++) this.bits[port >> 3] |= 1 << (port & 7);
  }

  has(port: number): boolean {
    return (this.bits[port >> 3] & (1 << (port & 7))) !== 0;
  }
}
