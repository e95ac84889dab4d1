import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { portGaps, portObstacles } from '../../../src/spec/bridge-ports.ts';
import type { LinkSpec } from '../../../src/spec/spec.ts';

const PORTS = new Map([
  ['p1', 'br0'],
  ['p2', 'br1'],
]);
const ALL = { ip: true, ip6: true, tagged: true };
const linksOf = (text: string): readonly LinkSpec[] => loadConfig(`links: { ${text} }`, 'f').spec.links;
const BOTH = linksOf('a: { device: p1, up: 1gbit, down: 1mbit }, b: { device: p2, down: 1gbit }');

describe('what keeps the packets of ports from us', () => {
  const messages = (...args: Parameters<typeof portObstacles>): string[] =>
    portObstacles(...args).map(({ device, message, hint }) => `${device}: ${message}; ${hint}`);

  it('is nothing for rules in the hooks of bridges', () => {
    expect(messages(PORTS, BOTH, 'nft', null)).toEqual([]);
    expect(messages(PORTS, BOTH, 'iptables', ALL)).toEqual([]);
  });

  it('is br_netfilter that is not there, or off: the sysctl to set is named', () => {
    expect(messages(PORTS, BOTH, 'iptables', null)).toEqual([
      expect.stringMatching(
        /^p1: .*which is not loaded; modprobe br_netfilter, then sysctl -w .*call-iptables=1/,
      ),
      expect.stringMatching(/^p2: p2 is a port of the bridge br1/),
    ]);
    const [off = ''] = messages(PORTS, BOTH, 'iptables', { ...ALL, ip6: false });
    expect(off).toContain(
      'while net.bridge.bridge-nf-call-ip6tables is 0; sysctl -w net.bridge.bridge-nf-call-ip6',
    );
    expect(off).not.toContain('call-iptables');
  });

  it('is the bridge as another device, where rules cannot tell both', () => {
    const links = [...BOTH, ...linksOf('lan: { device: br1, up: 1mbit }')];
    expect(messages(PORTS, links, 'nft', null)).toEqual([]);
    expect(messages(PORTS, links, 'iptables', ALL)).toEqual([
      expect.stringMatching(/^p2: .* cannot tell its packets from those of br1, .*; name p2 or br1/),
    ]);
  });
});

describe('what passes by a port that is shaped', () => {
  it('is nothing in the hooks of bridges, but superpackets come whole to slow classes', () => {
    expect(portGaps('p2', 'br1', BOTH, 'nft', null, true)).toEqual([]);
    expect(portGaps('p1', 'br0', BOTH, 'nft', null, true)).toEqual([expect.stringContaining('superpackets')]);
  });

  it('is, with rules of iptables, what this host sends by it, and what has a VLAN tag', () => {
    expect(portGaps('p1', 'br0', BOTH, 'iptables', ALL, false)).toEqual([
      expect.stringContaining('what this host sends or routes by p1 shows br0 alone'),
    ]);
    expect(portGaps('p2', 'br1', BOTH, 'iptables', { ...ALL, tagged: false }, true)).toEqual([
      'packets of p2 with a VLAN tag pass unshaped while net.bridge.bridge-nf-filter-vlan-tagged is 0',
    ]);
    expect(portGaps('p2', 'br1', BOTH, 'iptables', ALL, true)).toEqual([]);
  });

  it('is pacing in hooks of bridges, where the kernel drops edited packets', () => {
    const paced = linksOf('a: { device: p1, down: { rate: 1gbit, tcp: { pace: true } } }');
    expect(portGaps('p1', 'br0', paced, 'nft', null, false)).toEqual([
      expect.stringContaining('tcp.pace is off at p1'),
    ]);
    expect(portGaps('p1', 'br0', paced, 'nft', null, true)).toEqual([]);
    expect(portGaps('p1', 'br0', paced, 'iptables', ALL, false)).toEqual([]);
  });
});
