import { expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import type { Device } from '../../../../src/spec/device-graph.ts';

const DEVICES: readonly Device[] = [
  { name: 'lo', kind: '', master: null, lowers: [] },
  { name: 'eth0', kind: '', master: null, lowers: [] },
  { name: 'eth0.10', kind: 'vlan', master: null, lowers: ['eth0'] },
  { name: 'eth1', kind: '', master: 'br0', lowers: [] },
  { name: 'eth3', kind: '', master: 'br0', lowers: [] },
  { name: 'br0', kind: 'bridge', master: null, lowers: ['eth1', 'eth3'] },
  { name: 'eth2', kind: '', master: 'blue', lowers: [] },
  { name: 'blue', kind: 'vrf', master: null, lowers: ['eth2'] },
];
const GRAPH = new Map(DEVICES.map((device) => [device.name, device]));

const warnings = (text: string, devices: typeof GRAPH | null = GRAPH): string[] =>
  loadConfig(text, 'f', devices).warnings.map(({ line, column, message }) => `${line}:${column} ${message}`);

const PORT =
  'device: eth1 is a port of the bridge br0: what this host itself sends or routes by it passes unshaped';
const MEMBER = 'eth2 is a member of the VRF blue: packets that arrive by it show blue';

it.each([
  ['{ device: br0, up: 1mbit, down: 1mbit }', []],
  [
    '{ device: eht0, up: 1mbit }',
    [expect.stringMatching(/^1:25 .* no eht0 \(it has eth0, .*; did you mean eth0\?$/)],
  ],
  [
    '{ device: ppp0, up: 1mbit }',
    [expect.stringMatching(/^1:25 device: this machine has no ppp0 \(.*blue\)$/)],
  ],
  ['{ device: ppp0, wait: true, up: 1mbit }', []],
  ['{ device: eth1, wait: true, up: 1mbit }', [expect.stringContaining(PORT)]],
  ['{ device: eth1, up: 1mbit, down: 1mbit }', [expect.stringContaining(PORT)]],
  ['{ device: eth1, down: 1mbit }', []],
  ['{ device: eth2, up: 1mbit }', []],
  [
    '{ device: eth2, up: 1mbit, down: 1mbit }',
    [`1:25 device: ${MEMBER}; put down into a link of its own with device blue; up can stay at eth2`],
  ],
  ['{ device: blue, down: 1mbit }', []],
  ['{ device: blue, up: 1mbit }', [expect.stringContaining('show its members, not blue: eth2')]],
  [
    '{ device: eth0, up: 1mbit, down: 1mbit }',
    ['1:25 device: packets of the devices on top of eth0 do not show eth0 and pass unshaped: eth0.10'],
  ],
])('a link %s', (link, expected) => {
  const text = `links: { wan: ${link} }`;
  expect(warnings(text)).toEqual(expected);
  expect(warnings(text, null)).toEqual([]);
});

it.each([
  ['{ iif: [br0, eth0] }', []],
  ['{ iif: [br0, eth9] }', [expect.stringMatching(/^1:\d+ iif: this machine has no eth9/)]],
  ['{ oif: eth1 }', [expect.stringMatching(/^1:\d+ oif: eth1 is a port of the bridge br0/)]],
  ['{ iif: eth2 }', [expect.stringContaining(`iif: ${MEMBER}`)]],
  ['{ oif: eth2 }', []],
])('a matcher %s', (match, expected) => {
  const text = `links: { wan: { device: br0, up: { rate: 1mbit, classes: { a: { match: ${match} } } } } }`;
  const ofDevices = (devices: typeof GRAPH | null): string[] =>
    warnings(text, devices).filter((warning) => !warning.includes('never matches'));
  expect(ofDevices(GRAPH)).toEqual(expected);
  expect(ofDevices(null)).toEqual([]);
});

it('a matcher of a port sees other ports of its bridge, and no port of another link', () => {
  const link = (device: string): string =>
    `links: { l: { device: ${device}, up: { rate: 1mbit, classes: { a: { match: { iif: eth3 } } } } } }`;
  const ofMatcher = (device: string): string[] =>
    warnings(link(device)).filter((warning) => warning.includes(' iif: '));
  expect(ofMatcher('eth1')).toEqual([]);
  expect(ofMatcher('eth0')).toEqual([
    expect.stringContaining('iif: eth3 is a port of the bridge br0: packets of eth0 show br0'),
  ]);
});

const NO_OIF =
  'oif: this never matches: packets of up leave by eth0; iif is the device by which they came in';
const NO_IIF =
  'iif: this never matches: packets of down come in by eth0; oif is the device by which they leave';

it.each([
  ['up', 'oif: eth1', NO_OIF],
  ['up', 'oif: [eth1, eth2]', NO_OIF],
  ['up', 'oif: [eth1, eth0]', ''],
  ['up', 'iif: eth1', ''],
  ['down', 'iif: eth1', NO_IIF],
  ['down', 'iif: eth0', ''],
  ['down', 'oif: eth1', ''],
  ['both', 'oif: eth1', `${NO_OIF} (in up)`],
  ['both', 'iif: eth1', `${NO_IIF} (in down)`],
])('%s, { %s }: %s', (direction, match, warning) => {
  const text = `links: { w: { device: eth0, ${direction}: { rate: 2mbit, classes: { c: { match: { ${match} } } } } } }`;
  const at = text.indexOf('if: ') + 5;
  expect(warnings(text, null)).toEqual(warning === '' ? [] : [`1:${at} ${warning}`]);
});
