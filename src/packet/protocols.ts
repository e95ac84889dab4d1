/** IP protocols by name. Reference: IANA protocol numbers, under the names of /etc/protocols. */

/** `icmp` stands for both families, as in the configuration; `icmpv6` for the one of IPv6 alone. */
export const PROTOCOLS: Readonly<Record<string, readonly number[]>> = {
  icmp: [1, 58],
  icmpv6: [58],
  igmp: [2],
  ipip: [4],
  tcp: [6],
  udp: [17],
  dccp: [33],
  ipv6: [41],
  gre: [47],
  esp: [50],
  ah: [51],
  ospf: [89],
  pim: [103],
  vrrp: [112],
  l2tp: [115],
  sctp: [132],
  udplite: [136],
};

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  ...Object.entries(PROTOCOLS).flatMap(([name, numbers]): [number, string][] =>
    name === 'icmp' ? [] : numbers.map((number) => [number, name]),
  ),
]);

/** Name of a protocol number. Returns null for a protocol without a name here. */
export function protocolName(protocol: number): string | null {
  return NAMES.get(protocol) ?? null;
}
