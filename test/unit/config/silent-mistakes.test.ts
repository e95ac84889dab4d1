/** Files that `check` took without a word, each with the warning that it gets now. */
import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import type { Device } from '../../../src/spec/device-graph.ts';

const DEVICES: readonly Device[] = ['lo', 'eth0', 'eth1'].map((name) => ({
  name,
  kind: '',
  master: null,
  lowers: [],
}));
const GRAPH = new Map(DEVICES.map((device) => [device.name, device]));

const up = (classes: string): string => `up: { rate: 20mbit, classes: { ${classes} } }`;
const down = (classes: string): string => `down: { rate: 20mbit, classes: { ${classes} } }`;

it.each([
  [
    'a class that no packet can reach, because an earlier one takes everything',
    up('all: {}, web: { match: { dport: 443 } }'),
    'class web gets no packets: all before it has no match',
  ],
  [
    'an earlier class with a wider match',
    up('lan: { match: { src: 10.0.0.0/8 } }, guests: { match: { src: 10.0.9.0/24 } }'),
    'class guests gets no packets: lan before it takes them all',
  ],
  [
    'src of an inside prefix in down',
    `${up('g: { match: { src: 10.0.9.0/24 } }')}, ${down('g: { match: { src: 10.0.9.0/24 } }')}`,
    'src: the other direction has the same hosts on this side; in down they are dst',
  ],
  [
    'host bits in a prefix',
    up('g: { match: { src: 10.0.9.7/24 } }'),
    'the address has bits beyond its prefix length; it is taken as 10.0.9.0/24',
  ],
  [
    'a device that does not exist',
    up('g: { match: { iif: eth7 } }'),
    'iif: this machine has no eth7 (it has eth0, eth1)',
  ],
  [
    'a class inside another whose match cannot overlap',
    up('g: { match: { src: 10.0.9.0/24 }, classes: { x: { match: { src: 10.0.8.1 } } } }'),
    'class x gets no packets: its match and that of g around it have none in common',
  ],
  [
    'another device than that of the link where only that one is seen',
    up('g: { match: { oif: eth1 } }'),
    'oif: this never matches: packets of up leave by eth0; iif is the device by which they came in',
  ],
  [
    'ports of servers outside, on the side of the hosts inside',
    `${up('web: { match: { dport: 443 } }')}, ${down('web: { match: { dport: 443 } }')}`,
    'dport: web of up has the same ports on this side; in down those of hosts outside are sport',
  ],
  [
    'one side of both directions',
    'both: { rate: 20mbit, classes: { web: { match: { dport: 443 } } } }',
    'dport: in both this is the inside of one direction and the outside of the other; write insidePort, outsidePort or port',
  ],
])('%s', (_, link, warning) => {
  const { warnings } = loadConfig(`links: { wan: { device: eth0, ${link} } }`, 'f.yaml', GRAPH);
  expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining(warning)]);
});
