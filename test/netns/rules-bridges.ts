/** What a bridge switches from port to port, while br_netfilter shows it to the rules for IP. */
import assert from 'node:assert/strict';
import type { Lab } from '../../bench/lab/lab.ts';
import { run } from '../../bench/lab/process.ts';
import type { Backend } from '../../src/io/rules/index.ts';
import {
  addCounters,
  counters,
  Driver,
  isLost,
  MASK,
  type Plan,
  passes,
  request,
  ruleset,
} from './rules-bed.ts';

const BRIDGE: Plan = [
  { device: 'br8', direction: 'up', nfqueue: 0, fastNfqueue: null },
  { device: 'br8', direction: 'down', nfqueue: 1, fastNfqueue: null },
];
export const SWITCHED = ['10.78.0.2', 'fd78::2'] as const;
/** The client reaches it by the router, which sends packets back by the bridge they came from. */
export const ROUTED = '10.79.0.2';

/** A second way from the client to the server: through ports of a bridge in the router, with its address. */
export async function addBridge({ client, router, server }: Lab): Promise<void> {
  const batch = (ns: string, lines: readonly string[]): Promise<unknown> =>
    run(['ip', '-n', ns, '-batch', '-'], { input: lines.join('\n') });
  await batch(router.ns, [
    'link add br8 type bridge',
    `link add port8 type veth peer name eth8 netns ${client.ns}`,
    `link add port9 type veth peer name eth8 netns ${server.ns}`,
    'link set port8 master br8 up',
    'link set port9 master br8 up',
    'addr add 10.78.0.254/24 dev br8',
    'addr add 10.79.0.254/24 dev br8',
    'link set br8 up',
  ]);
  const up = (n: number): string[] => [
    `addr add 10.78.0.${n}/24 dev eth8`,
    `addr add fd78::${n}/64 dev eth8 nodad`,
    'link set eth8 up',
  ];
  await batch(client.ns, [...up(1), 'route add 10.79.0.0/24 via 10.78.0.254']);
  await batch(server.ns, [...up(2), 'addr add 10.79.0.2/32 dev eth8']);
  // Else the client learns that it need not ask the router.
  await router.exec([
    'sysctl',
    '-q',
    '-w',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.br8.send_redirects=0',
  ]);
}

export async function setCalls({ router }: Lab, value: 0 | 1): Promise<boolean> {
  const names = ['iptables', 'ip6tables'].map((name) => `net.bridge.bridge-nf-call-${name}=${value}`);
  return (await router.exec(['sysctl', '-q', '-w', ...names], { check: false })).code === 0;
}

async function sparesSwitched(lab: Lab, backend: Backend): Promise<void> {
  const { client, router } = lab;
  await addBridge(lab);
  await router.exec(['modprobe', 'br_netfilter'], { check: false });
  const isShown = await setCalls(lab, 1);
  for (const address of [...SWITCHED, ROUTED]) assert.ok(await passes(client, address), address);
  await addCounters(router, {
    'forward 160': [
      `iifname "br8" oifname "br8" meta mark & 0x00ffffff == 0 counter name shown`,
      'meta mark set meta mark | 0x00000055',
    ],
    'postrouting 200': [`meta mark & ${MASK} != 0 counter name ours`],
  });
  const before = await ruleset(router);
  const wanted = request(BRIDGE, { bypass: false });
  const driver = Driver.in(router);
  if (isShown) {
    // The rules cannot tell them by themselves: what they queue is lost.
    await driver.call('install', wanted, backend);
    for (const address of SWITCHED) assert.ok(await isLost(client, address), address);
    await driver.call('remove');
    assert.equal(await ruleset(router), before);
  }
  await driver.call('install', { ...wanted, sparesSwitched: true }, backend);
  for (const address of SWITCHED) assert.ok(await passes(client, address), `${address} crosses no link`);
  assert.ok(await isLost(client, ROUTED), 'what is routed back into the bridge is shaped');
  const seen = await counters(router);
  assert.equal(seen.ours, 0, 'our bits do not leave');
  assert.equal(seen.shown! > 0, isShown);
  // Without br_netfilter's calls the rules for IP see nothing and clear nothing.
  if (isShown) await setCalls(lab, 0);
  for (const address of SWITCHED) assert.ok(await passes(client, address), `${address}, not shown`);
  await driver.call('remove');
  assert.equal(await ruleset(router), before);
  await driver.end();
  await router.exec(['ip', 'link', 'delete', 'br8']);
  for (const port of ['port8', 'port9']) await router.exec(['ip', 'link', 'delete', port]);
}

export const BRIDGES = [
  { name: 'what a bridge switches from port to port is not queued', differs: true, run: sparesSwitched },
] as const;
