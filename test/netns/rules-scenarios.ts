/**
 * What the rules must do on real packets, for one back end. There is no listener: with `bypass` packets pass,
 * without it whatever is queued is lost, which shows that it was queued.
 */
import assert from 'node:assert/strict';
import { type Lab, OUTSIDE } from '../../bench/lab/lab.ts';
import { until } from '../../bench/lab/process.ts';
import type { Backend, RulesRequest } from '../../src/io/rules/index.ts';
import { ANSWERS } from './rules-answers.ts';
import {
  addCounters,
  counters,
  Driver,
  hasTable,
  isLost,
  nftChildren,
  type Plan,
  passes,
  queueRules,
  request,
  ruleset,
  sendUdp,
  WAN,
} from './rules-bed.ts';
import { BRIDGES } from './rules-bridges.ts';
import { CHANGES } from './rules-changes.ts';
import { MODULES } from './rules-modules.ts';

export interface Scenario {
  readonly name: string;
  /** The back ends differ here; the others are about the table that both share. */
  readonly differs: boolean;
  run(lab: Lab, backend: Backend): Promise<void>;
}

async function installed(lab: Lab, backend: Backend, wanted: RulesRequest): Promise<Driver> {
  const driver = Driver.in(lab.router);
  await driver.call('install', wanted, backend);
  return driver;
}

async function leavesNothing(lab: Lab, backend: Backend): Promise<void> {
  const { router } = lab;
  await addCounters(router, { 'postrouting 0': ['counter name total'] });
  await router.exec(['iptables-nft', '-A', 'FORWARD', '-p', 'tcp', '-j', 'ACCEPT']);
  await router.exec(['ip6tables-nft', '-t', 'security', '-A', 'OUTPUT', '-p', 'udp', '-j', 'ACCEPT']);
  const before = await ruleset(router);
  const driver = await installed(lab, backend, request(WAN));
  assert.notEqual(await ruleset(router), before);
  assert.ok(await hasTable(router));
  assert.equal((await queueRules(router)).length, backend === 'iptables' ? 10 : 0);
  await driver.call('stopMatching');
  assert.ok(await hasTable(router));
  await driver.call('remove');
  await driver.call('remove');
  assert.equal(await ruleset(router), before);
  assert.deepEqual(await nftChildren(router), []);
  await driver.end();
}

async function queuesWhatIsShaped(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const driver = await installed(lab, backend, request(WAN, { bypass: false }));
  for (const [what, from, to] of [
    ['forwarded', client, server.addresses.v4],
    ['forwarded, IPv6', client, server.addresses.v6],
    ['local', router, server.addresses.v4],
    ['local, IPv6', router, server.addresses.v6],
    ['to us', server, OUTSIDE.v4],
  ] as const) {
    assert.ok(await isLost(from, to), what);
  }
  assert.ok(await passes(client, router.addresses.v4), 'a device that is not shaped');
  assert.ok(await passes(client, router.addresses.v6), 'a device that is not shaped, IPv6');
  await driver.call('stopMatching');
  assert.ok(await passes(client, server.addresses.v4), 'after stopMatching');
  assert.ok(await passes(router, server.addresses.v6), 'after stopMatching, local');
  await driver.call('remove');
  await driver.end();
}

async function neverQueues(lab: Lab, backend: Backend): Promise<void> {
  const { router, server } = lab;
  const left = ['239.7.7.7', '10.77.2.255'].map((to, i) => `ip daddr ${to} counter name group${i}`);
  await addCounters(router, {
    'postrouting 0': [
      ...left,
      'ip6 daddr ff02::7777 counter name group6',
      'udp sport 68 udp dport 67 counter name dhcp',
      'udp sport 546 udp dport 547 counter name dhcp6',
      'udp sport 6868 udp dport 67 counter name other',
    ],
  });
  const driver = await installed(lab, backend, request(WAN, { bypass: false }));
  await router.exec(['ip', 'route', 'add', '239.0.0.0/8', 'dev', 'wan0']);
  await sendUdp(router, '239.7.7.7', { from: 5000, to: 5001 });
  await sendUdp(router, '10.77.2.255', { from: 5000, to: 5001 });
  await sendUdp(router, 'ff02::7777%wan0', { from: 5000, to: 5001 });
  await sendUdp(router, server.addresses.v4, { from: 68, to: 67 });
  await sendUdp(router, server.addresses.v6, { from: 546, to: 547 });
  await sendUdp(router, server.addresses.v4, { from: 6868, to: 67 });
  // Multicast and broadcast pass POSTROUTING a second time, as the copy for local listeners.
  const passed = Object.entries(await counters(router)).map(([name, packets]) => [name, packets > 0]);
  const expected = { group0: true, group1: true, group6: true, dhcp: true, dhcp6: true, other: false };
  assert.deepEqual(Object.fromEntries(passed), expected);

  // Echo requests are lost, yet their neighbour solicitation is answered.
  await server.exec(['ip', '-6', 'neigh', 'flush', 'dev', 'eth0']);
  assert.ok(await isLost(server, OUTSIDE.v6));
  const neighbour = (await server.exec(['ip', '-6', 'neigh', 'show', OUTSIDE.v6])).stdout;
  assert.match(neighbour, /lladdr/);

  assert.ok(await passes(router, OUTSIDE.v4), 'loopback');
  await driver.call('remove');
  await driver.end();
}

async function keepsForeignMarks(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  // Both directions fit a packet from lan0 to wan0: the first decides.
  const two: Plan = [
    { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null },
    { device: 'lan0', direction: 'down', nfqueue: 2, fastNfqueue: null },
    { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: null },
  ];
  const driver = await installed(lab, backend, request(two));
  // The namespaces' own chatter, marked before our table was there, is not to be counted: hence the order.
  await addCounters(router, {
    'prerouting -150': ['iifname "lan0" meta mark set 0x55abcdef'],
    'output -150': ['meta mark set 0x55001234'],
    'forward 145': [
      'meta mark 0x01abcdef counter name first',
      'meta mark & 0x00ffffff == 0x00abcdef meta mark != 0x01abcdef counter name second',
      'meta mark 0x02000000 counter name reply',
    ],
    'postrouting 0': [
      'meta mark 0x00abcdef counter name foreign_forward',
      'meta mark 0x00001234 icmp type echo-request counter name foreign_local',
      'meta mark & 0xff000000 != 0 counter name ours',
      'counter name total',
    ],
  });
  assert.ok(await passes(client, server.addresses.v4));
  assert.ok(await passes(client, server.addresses.v6));
  const forwarded = await counters(router);
  assert.deepEqual(
    [forwarded.first, forwarded.second, forwarded.reply, forwarded.foreign_forward, forwarded.ours],
    [4, 0, 4, 4, 0],
  );
  assert.ok(await passes(router, server.addresses.v4));
  const local = await counters(router);
  assert.equal(local.foreign_local, 2);
  assert.equal(local.ours, 0);
  if (backend === 'iptables') {
    const packets = async (pattern: RegExp): Promise<number> =>
      (await queueRules(router)).filter(({ rule }) => pattern.test(rule)).reduce((n, r) => n + r.packets, 0);
    assert.equal(await packets(/FORWARD .*--queue-num 100 /), 4);
    assert.equal(await packets(/FORWARD .*--queue-num 101 /), 4);
    assert.equal(await packets(/--queue-num 102 /), 0);
    assert.equal(await packets(/OUTPUT .*--queue-num 100 /), 2);
  }
  await driver.call('remove');
  await driver.end();
}

async function diesWithItsOwner(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const before = await ruleset(router);
  const wanted = request(WAN, { bypass: false });
  const killed = await installed(lab, backend, wanted);
  assert.ok(await isLost(client, server.addresses.v4));
  assert.deepEqual(await killed.call('clean', 'all'), [], 'nothing of a running instance');
  await killed.kill();
  await until('the table is gone', async () => !(await hasTable(router)));
  assert.ok(await passes(client, server.addresses.v4));
  assert.equal((await queueRules(router)).length, backend === 'iptables' ? 10 : 0);

  // The next start replaces what was left.
  const next = await installed(lab, backend, wanted);
  assert.equal((await queueRules(router)).length, backend === 'iptables' ? 10 : 0);
  await next.kill();
  await until('the table is gone', async () => !(await hasTable(router)));

  const other = Driver.in(router);
  assert.deepEqual(await other.call('clean', 200), []);
  const cleaned = (await other.call('clean', 100)) as string[];
  assert.equal(cleaned.length, backend === 'iptables' ? 10 : 0);
  if (backend === 'iptables') assert.match(cleaned[0]!, /^iptables-nft -t security -D .*shaper:100/);
  assert.deepEqual(await other.call('clean', 'all'), []);
  assert.equal(await ruleset(router), before);
  await other.end();
}

async function knowsOtherInstances(lab: Lab, backend: Backend): Promise<void> {
  const { router } = lab;
  const first = await installed(lab, backend, request(WAN));
  const before = await ruleset(router);
  const second = Driver.in(router);
  const lan: Plan = [{ device: 'lan0', direction: 'up', nfqueue: 0, fastNfqueue: null }];
  const conflicts = async (wanted: RulesRequest): Promise<string> =>
    ((await second.call('conflicts', wanted)) as string[]).join('\n');
  assert.match(await conflicts(request(WAN)), /^table inet shaper_100 is in use/);
  assert.match(
    await conflicts(request(WAN, { first: 200, markMask: 0xff0000 })),
    /^device wan0 is shaped by the running instance with nfqueue.first 100 \(process \d+\)$/,
  );
  assert.match(
    await conflicts(request(lan, { first: 200, markMask: 0x0ff00000 })),
    /^mark mask 0x0ff00000 shares/,
  );
  const beside = request(lan, { first: 200, markMask: 0xff0000 });
  assert.equal(await conflicts(beside), '');
  const refused = await second.ask('install', request(WAN), backend);
  assert.equal(refused.error?.code, 'taken');
  assert.equal(await ruleset(router), before, 'the first instance is untouched');

  await second.call('install', beside, backend);
  assert.ok(await hasTable(router, 200));
  await second.call('remove');
  assert.equal(await ruleset(router), before);
  await second.end();
  await first.call('remove');
  await first.end();
}

async function reportsLoss(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const before = await ruleset(router);
  const driver = await installed(lab, backend, request(WAN, { bypass: false }));
  const [child, ...others] = await nftChildren(router);
  assert.deepEqual(others, []);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(child!, signal);
  assert.ok(await isLost(client, server.addresses.v4), 'signals for us leave the table alone');
  await router.exec(['nft', 'flush', 'ruleset']);
  assert.ok(await hasTable(router), 'others cannot flush an owned table');
  assert.deepEqual(
    driver.events.filter(({ event }) => event === 'lost'),
    [],
  );
  process.kill(child!, 'SIGKILL');
  await until('the loss is reported', () => driver.events.some(({ event }) => event === 'lost'));
  assert.equal(await hasTable(router), false);
  await driver.call('stopMatching');
  await driver.call('remove');
  assert.equal(await ruleset(router), before);
  await driver.end();
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'install, stop and remove leave the rule set as it was', differs: true, run: leavesNothing },
  { name: 'what passes a shaped device is queued, and nothing else', differs: true, run: queuesWhatIsShaped },
  { name: 'multicast, broadcast, ND, DHCP and loopback are never queued', differs: false, run: neverQueues },
  { name: 'a packet is marked once; only foreign mark bits leave', differs: true, run: keepsForeignMarks },
  { name: 'SIGKILL ends all shaping at once, clean removes the rest', differs: true, run: diesWithItsOwner },
  { name: 'a second instance sees the first and cannot hurt it', differs: false, run: knowsOtherInstances },
  { name: 'signals and flushes leave the table, its loss is reported', differs: false, run: reportsLoss },
  ...ANSWERS,
  ...CHANGES,
  ...BRIDGES,
  ...MODULES,
];
