/** Rules that change while packets wait, on real packets, for one back end. */
import assert from 'node:assert/strict';
import type { Host, Lab } from '../../bench/lab/lab.ts';
import { until } from '../../bench/lab/process.ts';
import type { Backend, RulesRequest } from '../../src/io/rules/index.ts';
import {
  addCounters,
  counters,
  Driver,
  MASK,
  type Plan,
  queueRules,
  request,
  ruleset,
  sendUdp,
  WAN,
} from './rules-bed.ts';

const PORTS = [6001, 6002, 6003, 6004, 6005];

/** Packets that the kernel holds for all NFQUEUEs. */
async function heldPackets(host: Host): Promise<number> {
  const { stdout } = await host.exec(['cat', '/proc/net/netfilter/nfnetlink_queue']);
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0);
}

/** Chains that have come again stand at the end. */
async function sortedRules(host: Host): Promise<string> {
  return (await ruleset(host)).split('\n').sort().join('\n');
}

function withDscps(wanted: RulesRequest, dscps: readonly number[]): RulesRequest {
  return { ...wanted, plan: { ...wanted.plan, dscps } };
}

/** Installs the rules, and has five packets wait at wan0. */
async function holding(lab: Lab, backend: Backend, wanted: RulesRequest): Promise<Driver> {
  const { client, router, server } = lab;
  const driver = new Driver(router);
  await driver.call('install', wanted, backend);
  await driver.call('listen', MASK);
  await driver.call('hold');
  await sendUdp(client, server.addresses.v4, { from: 5000, to: PORTS });
  await until('five packets wait', async () => (await driver.call('waiting')) === PORTS.length);
  return driver;
}

async function changesKeepWhatWaits(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  await addCounters(router, { 'postrouting 0': ['udp dport 6001-6005 counter name kept'] });
  const driver = await holding(lab, backend, request(WAN));
  const before = await sortedRules(router);
  const moved: Plan = [
    { device: 'lan0', direction: 'down', nfqueue: 0, fastNfqueue: null },
    { device: 'wan0', direction: 'up', nfqueue: 2, fastNfqueue: null },
  ];
  const other = withDscps(request(moved, { bypass: false }), [36, 0, 46]);
  await driver.call('change', other);
  assert.notEqual(await sortedRules(router), before);
  const text = (await router.exec(['nft', 'list', 'table', 'inet', 'shaper_100'])).stdout;
  assert.match(text, /chain dscp_46/);
  assert.doesNotMatch(text, /chain queue_1/);
  if (backend === 'iptables') {
    const numbers = (await queueRules(router)).map(({ rule }) =>
      / --queue-num (\d+)( --queue-bypass)?/.exec(rule),
    );
    assert.deepEqual([...new Set(numbers.map((match) => match?.[0].trim()))].sort(), [
      '--queue-num 100',
      '--queue-num 102',
      '--queue-num 65535 --queue-bypass',
    ]);
  }
  // The first direction that fits is another one now.
  await driver.call('queued');
  await sendUdp(client, server.addresses.v4, { from: 5000, to: 7000 });
  await until('the sixth waits', async () => (await driver.call('waiting')) === 6);
  assert.deepEqual(await driver.call('queued'), [1, 0, 0, 0]);
  await driver.call('changeAndBack', request([moved[1]!], { bypass: true }));
  await driver.call('change', request(WAN));
  assert.equal(await sortedRules(router), before);
  assert.equal(await heldPackets(router), 6);
  await driver.call('release', MASK);
  await until('all have passed', async () => (await counters(router)).kept === PORTS.length);
  await driver.call('remove');
  await driver.call('closePort');
  await driver.end();
}

/** With the last rule about connections the kernel would take out its hooks for them, and drop all. */
async function changesKeepTracking(lab: Lab, backend: Backend): Promise<void> {
  const { router } = lab;
  await addCounters(router, { 'postrouting 0': ['udp dport 6001-6005 counter name kept'] });
  const steered = request([{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: 2 }]);
  const driver = await holding(lab, backend, steered);
  await driver.call('change', { ...request(WAN), keepsTracking: true });
  assert.equal(await heldPackets(router), PORTS.length);
  await driver.call('change', { ...steered, keepsTracking: true });
  assert.equal(await heldPackets(router), PORTS.length);
  await driver.call('release', MASK);
  await until('all have passed', async () => (await counters(router)).kept === PORTS.length);
  await driver.call('remove');
  await driver.call('closePort');
  await driver.end();
}

export const CHANGES = [
  { name: 'rules change and change back while packets wait', differs: true, run: changesKeepWhatWaits },
  { name: 'rules about connections go while packets wait', differs: true, run: changesKeepTracking },
] as const;
