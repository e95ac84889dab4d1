/** Fields of matchers. Part of the table in sections.ts. */
import { prefix } from './addresses.ts';
import { NO_MATCH_KEYS } from './elsewhere.ts';
import { mac, prefixOrName } from './host-names.ts';
import { list, type Section } from './kinds.ts';
import { device, dscp, packetMark, portRange, protocol } from './names.ts';
import { cgroup, executable, group, user } from './subjects.ts';

/** Only packets of this host itself have one that is known. */
const OWNER = 'local socket';

/** Instead of a matcher: no packet matches. */
export const MATCH_NONE = 'none';

const ports = (help: string) =>
  list({ takes: 'port, range 5060-5090, or list', default: 'any', help }, portRange);
const prefixes = (help: string) => list({ takes: 'address, prefix, or list', default: 'any', help }, prefix);
const devices = (help: string) => list({ takes: 'device, or list', default: 'any', help }, device);

export const MATCH = {
  proto: list(
    {
      takes: 'name, number, or list',
      default: 'any; with ports TCP, UDP, UDP-Lite and SCTP',
      help: 'IP protocol. `icmp` includes ICMPv6.',
    },
    protocol,
  ),
  src: prefixes('Source address, IPv4 or IPv6.'),
  dst: prefixes('Destination address.'),
  host: list(
    {
      takes: 'address, prefix, name, or list',
      default: 'any',
      help: 'Source or destination: an address, or the host of this name (`hosts.names` or leases), whatever addresses it has.',
    },
    prefixOrName,
  ),
  mac: list(
    {
      takes: 'MAC, or list',
      default: 'any',
      help: 'MAC of the inside host, source or destination, as far as it is known.',
    },
    mac,
  ),
  sport: ports('Source port.'),
  dport: ports('Destination port.'),
  port: ports('Source or destination port.'),
  inside: prefixes('Address of the inside: the source in up, the destination in down.'),
  outside: prefixes('Address of the outside: the destination in up, the source in down.'),
  insidePort: ports('Port of the inside: the source port in up, the destination port in down.'),
  outsidePort: ports('Port of the outside: the destination port in up, the source port in down.'),
  dscp: list(
    {
      takes: 'name, number 0 to 63, or list',
      default: 'any',
      help: 'Code point with which the packet came: ef, af41, cs5 …',
    },
    dscp,
  ),
  mark: list(
    {
      takes: '0x10, 0x10/0xff, or list',
      default: 'any',
      help: 'Packet mark, outside the bits of nfqueue.mark. Without a mask all bits but those must be equal.',
    },
    packetMark,
  ),
  iif: devices('Device by which the packet came in.'),
  oif: devices('Device by which the packet leaves.'),
  user: list({ takes: 'name, uid, or list', default: 'any', help: `User of the ${OWNER}.` }, user),
  group: list(
    { takes: 'name, gid, or list', default: 'any', help: `Group in which the user of the ${OWNER} is.` },
    group,
  ),
  cgroup: list(
    {
      takes: 'path, or list',
      default: 'any',
      help: `Control group of the ${OWNER}, with all groups below it: /system.slice/nginx.service.`,
    },
    cgroup,
  ),
  exe: list(
    {
      takes: 'absolute path, or list',
      default: 'any',
      help: `Program that has the ${OWNER}: /usr/bin/rsync.`,
    },
    executable,
  ),
  ...NO_MATCH_KEYS,
} satisfies Section;
