/**
 * Packets as bytes, with what parsing must find in them. The ones called "captured" were recorded on a
 * loopback device; the others are written by hand after the RFCs. Fields left out are at their unknown value.
 */
import type { Description } from '../../oracle/parse.ts';

export interface Sample {
  readonly name: string;
  readonly hex: string;
  readonly expect: Partial<Description>;
}

const LO4 = { family: 4, src: [0x7f000001, 0, 0, 0], dst: [0x7f000001, 0, 0, 0] };
const LO6 = { family: 6, src: [0, 0, 0, 1], dst: [0, 0, 0, 1] };
const LO6_ADDRESSES = `${'00'.repeat(15)}01${'00'.repeat(15)}01`;
/** IPv4 header from 10.0.0.1 to 10.0.0.2 with the given protocol and no options. */
const ip4 = (protocol: string): string => `4500 0040 0000 4000 40${protocol} 0000 0a00 0001 0a00 0002`;
const TEN4 = { family: 4, src: [0x0a000001, 0, 0, 0], dst: [0x0a000002, 0, 0, 0], l4Offset: 20 };
/** IPv6 header from ::1 to ::1 with the given next header. */
const ip6 = (next: string): string => `6000 0000 0040 ${next}40 ${LO6_ADDRESSES}`;

export const SAMPLES: readonly Sample[] = [
  {
    name: 'IPv4 TCP SYN, expedited forwarding (captured)',
    hex: `45b8 003c fd7d 4000 4006 3e84 7f00 0001 7f00 0001 bc3a 1f90 380d c747 0000 0000 a002 faf0 fe30 0000
      0204 05b4 0402 080a 32e5 3c42 0000 0000 0103 030a`,
    expect: {
      ...LO4,
      protocol: 6,
      sport: 48186,
      dport: 8080,
      hasPorts: 1,
      dscp: 46,
      tcpFlags: 2,
      l4Offset: 20,
    },
  },
  {
    name: 'IPv4 TCP RST ACK (captured)',
    hex: `4500 0034 cdd7 4000 4006 6eea 7f00 0001 7f00 0001 1f90 bc3a 3def 1fae 380d c74e 8014 0040 fe28 0000
      0101 080a 53e3 bb08 32e5 3c75`,
    expect: { ...LO4, protocol: 6, sport: 8080, dport: 48186, hasPorts: 1, tcpFlags: 0x14, l4Offset: 20 },
  },
  {
    name: 'IPv4 UDP (captured)',
    hex: '4500 0021 e873 4000 4011 5456 7f00 0001 7f00 0001 c40a 14e9 000d fe20 6865 6c6c 6f',
    expect: { ...LO4, protocol: 17, sport: 50186, dport: 5353, hasPorts: 1, l4Offset: 20 },
  },
  {
    name: 'IPv4 UDP-Lite (captured)',
    hex: '4500 0020 9212 4000 4088 aa41 7f00 0001 7f00 0001 0fa0 0fa1 000c 014d 6c69 7465',
    expect: { ...LO4, protocol: 136, sport: 4000, dport: 4001, hasPorts: 1, l4Offset: 20 },
  },
  {
    name: 'ICMP port unreachable (captured)',
    hex: `45c0 003d e640 0000 4001 95bd 7f00 0001 7f00 0001 0303 e208 0000 0000 4500 0021 e873 4000 4011 5456
      7f00 0001 7f00 0001 c40a 14e9 000d fe20 6865 6c6c 6f`,
    expect: { ...LO4, protocol: 1, dscp: 48, icmpError: 1, l4Offset: 20 },
  },
  {
    name: 'ICMP echo behind a record-route option (captured)',
    hex: `4f00 007c 2d64 4000 4001 5e0a 7f00 0001 7f00 0001 0107 2708 7f00 0001 ${'00'.repeat(32)}
      0800 47f0 2019 0001 53e6 006b 0000 0000 6ed1 0e00`,
    expect: { ...LO4, protocol: 1, sport: 0x2019, l4Offset: 60 },
  },
  {
    name: 'IPv4 first fragment of an echo (captured)',
    hex: '4500 05dc 2d66 2000 4001 29b9 7f00 0001 7f00 0001 0800 bc04 201b 0001 53e6 006b 0000 0000 d9df 0e00',
    expect: { ...LO4, protocol: 1, sport: 0x201b, fragment: 1, fragmentId: 0x2d66, l4Offset: 20 },
  },
  {
    name: 'IPv4 middle fragment (captured)',
    hex: '4500 05dc 2d66 20b9 4001 2900 7f00 0001 7f00 0001 c0c1 c2c3 c4c5 c6c7 c8c9 cacb cccd cecf',
    expect: { ...LO4, protocol: 1, fragment: 2, fragmentId: 0x2d66 },
  },
  {
    name: 'IPv4 last fragment (captured)',
    hex: '4500 0044 2d66 0172 4001 4ddf 7f00 0001 7f00 0001 8889 8a8b 8c8d 8e8f 9091 9293 9495 9697',
    expect: { ...LO4, protocol: 1, fragment: 2, fragmentId: 0x2d66 },
  },
  {
    name: 'IPv6 TCP SYN with flow label and traffic class (captured)',
    hex: `6b8e de97 0028 0640 ${LO6_ADDRESSES} d4d6 1f90 fa4e 52f8 0000 0000 a002 fd20 0030 0000 0204 05a0 0402
      080a 484a e89c 0000 0000 0103 030a`,
    expect: {
      ...LO6,
      protocol: 6,
      sport: 54486,
      dport: 8080,
      hasPorts: 1,
      dscp: 46,
      tcpFlags: 2,
      l4Offset: 40,
    },
  },
  {
    name: 'IPv6 UDP behind hop-by-hop and destination options (captured)',
    hex: `600b 1f76 001b 0040 ${LO6_ADDRESSES} 3c00 0104 0000 0000 1100 0104 0000 0000 ae35 1b58 000b 5cd0 6578 74`,
    expect: { ...LO6, protocol: 17, sport: 44597, dport: 7000, hasPorts: 1, l4Offset: 56 },
  },
  {
    name: 'IPv6 UDP-Lite (captured)',
    hex: `6001 bea6 000c 8840 ${LO6_ADDRESSES} 0fa0 0fa1 000c ff4d 6c69 7465`,
    expect: { ...LO6, protocol: 136, sport: 4000, dport: 4001, hasPorts: 1, l4Offset: 40 },
  },
  {
    name: 'ICMPv6 port unreachable (captured)',
    hex: `600e 3074 003d 3a40 ${LO6_ADDRESSES} 0104 a00c 0000 0000 6003 f4ed 000d 1140 ${LO6_ADDRESSES} 9f4d 14e9`,
    expect: { ...LO6, protocol: 58, icmpError: 1, l4Offset: 40 },
  },
  {
    name: 'ICMPv6 echo request',
    hex: `${ip6('3a')} 8000 1234 beef 0001 0102 0304`,
    expect: { ...LO6, protocol: 58, sport: 0xbeef, l4Offset: 40 },
  },
  {
    name: 'ICMPv6 neighbour solicitation is neither error nor echo',
    hex: `${ip6('3a')} 8700 1234 0000 0000 0102 0304`,
    expect: { ...LO6, protocol: 58, l4Offset: 40 },
  },
  {
    name: 'IPv6 first fragment of UDP',
    hex: `${ip6('2c')} 1100 0001 dead beef 1234 5678 0010 0000`,
    expect: {
      ...LO6,
      ...{
        protocol: 17,
        sport: 0x1234,
        dport: 0x5678,
        hasPorts: 1,
        fragment: 1,
        fragmentId: 0xdeadbeef,
        l4Offset: 48,
      },
    },
  },
  {
    name: 'IPv6 later fragment',
    hex: `${ip6('2c')} 1100 0ad0 dead beef 1234 5678 0010 0000`,
    expect: { ...LO6, protocol: 17, fragment: 2, fragmentId: 0xdeadbeef },
  },
  {
    name: 'IPv6 atomic fragment is a whole packet',
    hex: `${ip6('2c')} 1100 0000 dead beef 1234 5678 0010 0000`,
    expect: { ...LO6, protocol: 17, sport: 0x1234, dport: 0x5678, hasPorts: 1, l4Offset: 48 },
  },
  {
    name: 'IPv6 later fragment of destination options: upper protocol unknown',
    hex: `${ip6('2c')} 3c00 0008 dead beef 1234 5678 0010 0000`,
    expect: { ...LO6, fragment: 2, fragmentId: 0xdeadbeef },
  },
  {
    name: 'IPv6 routing header of 24 bytes before TCP',
    hex: `${ip6('2b')} 0602 0401 0000 0000 ${'00'.repeat(16)} 0050 1770 0000 0001 0000 0002 5012 0000`,
    expect: { ...LO6, protocol: 6, sport: 80, dport: 6000, hasPorts: 1, tcpFlags: 0x12, l4Offset: 64 },
  },
  {
    name: 'IPv6 authentication header of 24 bytes before TCP',
    hex: `${ip6('33')} 0604 0000 0000 0001 0000 0001 ${'ab'.repeat(12)} 0050 1770 0000 0001 0000 0002 5018 0000`,
    expect: { ...LO6, protocol: 6, sport: 80, dport: 6000, hasPorts: 1, tcpFlags: 0x18, l4Offset: 64 },
  },
  {
    name: 'IPv6 without next header',
    hex: ip6('3b'),
    expect: { ...LO6, protocol: 59, l4Offset: 40 },
  },
  {
    name: 'IPv6 with nine hop-by-hop headers is followed no further',
    hex: `${ip6('00')} ${'0000 0104 0000 0000'.repeat(8)} 0600 0104 0000 0000 0050 1770`,
    expect: LO6,
  },
  {
    name: 'IPv6 with eight hop-by-hop headers is',
    hex: `${ip6('00')} ${'0000 0104 0000 0000'.repeat(7)} 0600 0104 0000 0000 0050 1770`,
    expect: { ...LO6, protocol: 6, sport: 80, dport: 6000, hasPorts: 1, l4Offset: 104 },
  },
  {
    name: 'SCTP INIT, ECT(0)',
    hex: `4502 0040 0000 4000 4084 0000 0a00 0001 0a00 0002 0b59 0b5a 0000 0000 1234 5678 0100 0014`,
    expect: { ...TEN4, protocol: 132, sport: 2905, dport: 2906, hasPorts: 1, ecn: 2 },
  },
  {
    name: 'ESP: the SPI stands for ports',
    hex: `${ip4('32')} c0de 1234 0000 0001 aaaa aaaa`,
    expect: { ...TEN4, protocol: 50, sport: 0xc0de, dport: 0x1234 },
  },
  {
    name: 'ESP over IPv6',
    hex: `${ip6('32')} c0de 1234 0000 0001 aaaa aaaa`,
    expect: { ...LO6, protocol: 50, sport: 0xc0de, dport: 0x1234, l4Offset: 40 },
  },
  {
    name: 'GRE without key',
    hex: `${ip4('2f')} 0000 0800 4500 0000`,
    expect: { ...TEN4, protocol: 47 },
  },
  {
    name: 'GRE with key',
    hex: `${ip4('2f')} 2000 0800 1234 5678 4500`,
    expect: { ...TEN4, protocol: 47, sport: 0x1234, dport: 0x5678 },
  },
  {
    name: 'GRE with checksum and key',
    hex: `${ip4('2f')} a000 0800 ffff 0000 1234 5678`,
    expect: { ...TEN4, protocol: 47, sport: 0x1234, dport: 0x5678 },
  },
  {
    name: 'PPTP: only the call id, the payload length differs per packet',
    hex: `${ip4('2f')} 3001 880b 0054 00c8 0000 0001`,
    expect: { ...TEN4, protocol: 47, sport: 0, dport: 0xc8 },
  },
  {
    name: 'IPv4 with an impossible header length: addresses and protocol are known, ports are not',
    hex: '44 00 0040 0000 4000 4006 0000 0a00 0001 0a00 0002 0050 1770',
    expect: { ...TEN4, protocol: 6, l4Offset: 0 },
  },
  {
    name: 'IPv4 header cut short',
    hex: '4500 0040 0000 4000 4006 0000 0a00 0001 0a00 00',
    expect: { family: 4 },
  },
  {
    name: 'TCP cut after the ports',
    hex: `${ip4('06')} 0050 1770 0000`,
    expect: { ...TEN4, protocol: 6, sport: 80, dport: 6000, hasPorts: 1 },
  },
  {
    name: 'TCP cut within the ports',
    hex: `${ip4('06')} 0050 17`,
    expect: { ...TEN4, protocol: 6 },
  },
  {
    name: 'IPv6 extension header cut short',
    hex: `${ip6('00')} 0600 0104`,
    expect: LO6,
  },
  { name: 'neither IPv4 nor IPv6', hex: '5500 0040 0000 4000', expect: {} },
  { name: 'nothing copied', hex: '', expect: {} },
];

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
