import { expect, it } from 'vitest';
import { portDoubts } from '../../../src/cli/check-ports.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { Device } from '../../../src/spec/device-graph.ts';

const DEVICES: Device[] = [
  { name: 'br0', kind: 'bridge', master: null, lowers: ['eth0', 'eth1'] },
  { name: 'eth0', kind: '', master: 'br0', lowers: [] },
  { name: 'eth2', kind: '', master: null, lowers: [] },
];
const GRAPH = new Map(DEVICES.map((device) => [device.name, device]));
const ON = { ip: true, ip6: true, tagged: true };
const OFF = { ...ON, ip: false };

const doubts = (backend: string, calls: typeof ON | null, links = 'a: { device: eth0, up: 1mbit }') =>
  portDoubts(
    loadConfig(`links: { ${links} }\nnfqueue: { backend: ${backend} }`, 'x.yaml').spec,
    GRAPH,
    calls,
  );

it('a port that the kernel keeps from rules of iptables is doubtful, unless rules are those of nft', () => {
  const reason =
    /^eth0 is a port of the bridge br0: the kernel keeps .* while net\.bridge\.bridge-nf-call-iptables is 0; sysctl -w /;
  expect(doubts('iptables', OFF)).toEqual([expect.stringMatching(reason)]);
  const [auto] = doubts('auto', OFF);
  expect(auto).toMatch(/^without the nft queue statement, run will refuse this: eth0 is a port /);
  expect(doubts('nft', OFF)).toEqual([]);
});

it('so is one without br_netfilter, and a port beside its bridge', () => {
  expect(doubts('iptables', null)).toEqual([expect.stringContaining('br_netfilter alone')]);
  const both = 'a: { device: eth0, up: 1mbit }, b: { device: br0, up: 1mbit }';
  expect(doubts('iptables', ON, both)).toEqual([expect.stringContaining('which is a device here as well')]);
});

it('others are right', () => {
  expect(doubts('iptables', ON)).toEqual([]);
  const links =
    'a: { device: eth2, up: 1mbit }, b: { device: br0, up: 1mbit }, c: { device: gone, up: 1mbit }';
  expect(doubts('iptables', OFF, links)).toEqual([]);
});
