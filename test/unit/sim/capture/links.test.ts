/** Link layers: an IPv4 or IPv6 packet behind each header that people meet, and frames that carry none. */
import { describe, expect, test } from 'vitest';
import { CARRIES_ARP, CARRIES_IP, CARRIES_OTHER } from '../../../../src/sim/capture/links.ts';
import { IPPROTO_UDP, ipv4 } from '../../../../src/sim/packets/packets.ts';
import { behind, captureFile, ethernet, packetBytes } from './capture-file.ts';
import { readAll } from './read-all.ts';

const UDP = packetBytes({ src: ipv4(10, 0, 0, 1), dst: ipv4(8, 8, 8, 8), protocol: IPPROTO_UDP }, 100);
const MACS = [...Array<number>(12).keys()];
const SNAP = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
const wifi = (kind: number, flags: number, more: readonly number[] = []): number[] => [
  ...[kind, flags, 0, 0],
  ...Array<number>(20).fill(2),
  ...more,
];
const radiotap = (flags: number): number[] => [0, 0, 9, 0, 2, 0, 0, 0, flags];

describe('IP behind', () => {
  test.each<[string, number, readonly number[]]>([
    ['VLAN 9100 and 8100', 1, ethernet(0x0800, 0x9100, 0x8100)],
    ['PPPoE', 1, [...ethernet(0x8864), 0x11, 0, 0, 1, 0, 102, 0, 0x21]],
    ['one MPLS label', 1, [...ethernet(0x8847), 0, 6, 0x41, 0x40]],
    ['two MPLS labels', 1, [...ethernet(0x8847), 0, 6, 0x40, 0x40, 0, 6, 0x41, 0x40]],
    ['SNAP', 1, [...MACS, 0, 108, ...SNAP]],
    ['Linux cooked with a VLAN tag', 113, [...Array<number>(14).fill(0), 0x81, 0, 0, 7, 8, 0]],
    ['Linux cooked 2 with a VLAN tag', 276, [0x81, 0, ...Array<number>(18).fill(0), 0, 7, 8, 0]],
    ['PPP', 9, [0xff, 3, 0, 0x21]],
    ['PPP with a short protocol', 9, [0x21]],
    ['Cisco HDLC', 104, [0x0f, 0, 8, 0]],
    ['frame relay', 107, [0x18, 0x41, 3, 0xcc]],
    ['frame relay with SNAP', 107, [0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]],
    ['OpenBSD loopback', 108, [0, 0, 0, 2]],
    ['802.11 data', 105, [...wifi(0x08, 1), ...SNAP]],
    ['802.11 QoS data between access points', 105, [...wifi(0x88, 3, Array<number>(8).fill(0)), ...SNAP]],
    ['radiotap', 127, [...radiotap(0), ...wifi(0x08, 2), ...SNAP]],
    ['radiotap with a padded header', 127, [...radiotap(0x20), ...wifi(0x88, 2, [0, 0, 0, 0]), ...SNAP]],
  ])('%s', (_, linkType, header) => {
    const [packet] = readAll(captureFile([{ ns: 0, bytes: behind(header, UDP) }], { linkType })).packets;
    expect([packet!.carries, packet!.bytes.length, packet!.lengthBytes]).toEqual([CARRIES_IP, 100, 100]);
  });
});

describe('no IP in', () => {
  test.each<[string, number, readonly number[], number]>([
    ['ARP', 1, ethernet(0x0806), CARRIES_ARP],
    ['spanning tree', 1, [...MACS, 0, 39, 0x42, 0x42, 3], CARRIES_OTHER],
    ['FabricPath', 1, [...ethernet(0x8903), 0x40, 0x20], CARRIES_OTHER],
    ['PPPoE discovery', 1, ethernet(0x8863), CARRIES_OTHER],
    ['a PPP control protocol', 9, [0xff, 3, 0xc0, 0x21], CARRIES_OTHER],
    ['an encrypted 802.11 frame', 105, [...wifi(0x08, 0x41), ...SNAP], CARRIES_OTHER],
    ['an 802.11 beacon', 105, wifi(0x80, 0), CARRIES_OTHER],
  ])('%s', (_, linkType, header, carries) => {
    const [packet] = readAll(captureFile([{ ns: 0, bytes: behind(header, UDP) }], { linkType })).packets;
    expect(packet!.carries).toBe(carries);
  });
});
