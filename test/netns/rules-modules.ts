/** Packets that come up to modules, and rules of modules that the kernel runs, for one back end. */
import assert from 'node:assert/strict';
import { type Host, type Lab, OUTSIDE } from '../../bench/lab/lab.ts';
import { until } from '../../bench/lab/process.ts';
import type { Backend, RulesRequest } from '../../src/io/rules/index.ts';
import type { Hook } from '../../src/modules/api/packet.ts';
import type { MatcherSpec } from '../../src/spec/match.ts';
import { HOOKS, type ModuleHookPlan } from '../../src/spec/module-hooks.ts';
import type { ModuleAnswer } from './module-packets.ts';
import {
  counters,
  Driver,
  hasTable,
  MASK,
  type Plan,
  queueRules,
  request,
  ruleset,
  sendUdp,
  WAN,
} from './rules-bed.ts';

const PORT = 7000;
const WANTED: MatcherSpec = { proto: [17], dport: [{ from: PORT, to: PORT }], users: ['user:nobody'] };

function withModules(
  moduleHooks: readonly ModuleHookPlan[],
  directions: Plan = WAN,
  bypass = false,
): RulesRequest {
  const wanted = request(directions, { bypass });
  const { plan } = wanted;
  const comesUp = moduleHooks.some(({ interest }) => interest?.length !== 0);
  return {
    ...wanted,
    plan: {
      ...plan,
      moduleHooks,
      moduleNfqueue: comesUp ? 4 : null,
      gso: [...plan.gso, ...(comesUp ? [false] : [])],
      copyBytes: [...plan.copyBytes, ...(comesUp ? [65531] : [])],
    },
  };
}

const at = (...hooks: readonly Hook[]): ModuleHookPlan[] =>
  hooks.map((hook) => ({ hook, interest: [WANTED], kernel: [] }));

/** In all hosts: datagrams to the port that have arrived since now, by length. */
async function countArrivals(lab: Lab): Promise<void> {
  const chain = [
    'type filter hook input priority 200; policy accept;',
    `udp dport ${PORT} udp length 9 counter name m_plain`,
    `udp dport ${PORT} udp length 17 counter name m_grown`,
    `udp dport ${PORT} ip dscp 4 counter name m_marked`,
  ];
  const table = [
    ...['add table inet arrivals', 'delete table inet arrivals', 'table inet arrivals {'],
    ...[
      'counter m_plain { }',
      'counter m_grown { }',
      'counter m_marked { }',
      'chain input {',
      ...chain,
      '}',
      '}',
      '',
    ],
  ];
  for (const host of [lab.client, lab.router, lab.server]) {
    await host.exec(['nft', '-f', '-'], { input: table.join('\n') });
  }
}

/** Waits until so many datagrams have arrived since the beginning, and no more. */
async function arrived(
  host: Host,
  wanted: Partial<Record<'plain' | 'grown' | 'marked', number>>,
): Promise<void> {
  const all = { plain: 0, grown: 0, marked: 0, ...wanted };
  const settled = async (): Promise<boolean> => {
    const now = await counters(host);
    return Object.entries(all).every(([name, packets]) => now[`m_${name}`] === packets);
  };
  await until(`${JSON.stringify(all)} at the ${host.name}`, settled).catch(async (error) => {
    throw new Error(`${String(error)}; it has ${JSON.stringify(await counters(host))}`);
  });
}

async function begin(lab: Lab, backend: Backend, wanted: RulesRequest): Promise<Driver> {
  await countArrivals(lab);
  const driver = Driver.in(lab.router);
  await driver.call('listen', MASK);
  await driver.call('install', wanted, backend);
  return driver;
}

async function finish(driver: Driver): Promise<void> {
  await driver.call('remove');
  await driver.call('closePort');
  await driver.end();
}

async function comesUpAtFiveHooks(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const before = withoutCounters(await ruleset(router));
  const driver = await begin(lab, backend, withModules(at(...HOOKS)));
  const answer: ModuleAnswer = { verdict: 'accept', repeats: backend === 'iptables' };
  await driver.call('answer', answer);
  const ways = [
    ['forwarded', client, server, server.addresses, { prerouting: 1, forward: 1, postrouting: 1 }],
    ['local', router, server, server.addresses, { output: 1, postrouting: 1 }],
    ['to us', server, router, OUTSIDE, { prerouting: 1, input: 1 }],
  ] as const;
  const got = new Map<Host, number>();
  for (const [what, from, to, addresses, hooks] of ways) {
    for (const address of [addresses.v4, addresses.v6]) {
      await driver.call('queued');
      await sendUdp(from, address, { from: 5000, to: PORT });
      got.set(to, (got.get(to) ?? 0) + 1);
      await arrived(to, { plain: got.get(to)! });
      assert.deepEqual(await driver.call('cameUp'), hooks, what);
      // Classes have them by the same verdict. What comes back of them is no concern of modules.
      const [up, down] = (await driver.call('queued')) as number[];
      assert.equal(what === 'to us' ? down : up, 0, what);
      await sendUdp(from, address, { from: 5000, to: PORT + 1 });
      await until('others go to their directions', async () => {
        const queued = (await driver.call('queued')) as number[];
        return queued[what === 'to us' ? 1 : 0] === 1;
      });
      assert.deepEqual(await driver.call('cameUp'), {}, what);
    }
  }
  await finish(driver);
  assert.equal(withoutCounters(await ruleset(router)), before);
}

/** The table with which arrivals are counted stays. */
function withoutCounters(text: string): string {
  return text.replace(/table inet arrivals \{[\s\S]*?\n\}\n?/, '');
}

async function dropsAndEdits(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const driver = await begin(lab, backend, withModules(at(...HOOKS)));
  const repeats = backend === 'iptables';
  const ways: Record<Hook, readonly [Host, Host, string]> = {
    prerouting: [client, server, server.addresses.v4],
    input: [server, router, OUTSIDE.v4],
    forward: [client, server, server.addresses.v4],
    output: [router, server, server.addresses.v4],
    postrouting: [client, server, server.addresses.v4],
  };
  const grown = new Map<Host, number>();
  for (const [hook, name] of HOOKS_BY_NUMBER.entries()) {
    const [from, to, address] = ways[name];
    await driver.call('answer', { verdict: 'drop', repeats, hook });
    await driver.call('cameUp');
    await sendUdp(from, address, { from: 5000, to: PORT });
    await until('it came', async () => ((await driver.call('cameUp')) as Record<string, number>)[name] === 1);
    await driver.call('answer', { verdict: 'accept', repeats, hook, grow: true });
    await sendUdp(from, address, { from: 5000, to: PORT });
    grown.set(to, (grown.get(to) ?? 0) + 1);
    // The one that was dropped would have come before.
    await arrived(to, { grown: grown.get(to)! });
  }
  await driver.call('answer', { verdict: 'accept', repeats, hook: 3, redirect: [10, 77, 1, 2] });
  await sendUdp(router, server.addresses.v4, { from: 5000, to: PORT });
  await arrived(client, { plain: 1 });
  await finish(driver);
}

/** Netfilter's numbers. */
const HOOKS_BY_NUMBER: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

async function changesUnderTraffic(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const before = await ruleset(router);
  const driver = Driver.in(router);
  await driver.call('listen', MASK);
  // Without bypass, a packet that nobody reads would be lost.
  await driver.call('install', request(WAN, { bypass: false }), backend);
  await driver.call('answer', { verdict: 'accept', repeats: backend === 'iptables' });
  const all = (...hooks: readonly Hook[]): ModuleHookPlan[] =>
    hooks.map((hook) => ({
      hook,
      interest: null,
      kernel: [{ name: 'marks', rules: ['ip dscp set 4', 'counter'] }],
    }));
  const flood = client.spawn(['ping', '-q', '-i', '0.002', '-w', '120', '-c', '4000', server.addresses.v4]);
  let text = '';
  flood.stdout!.on('data', (bytes) => {
    text += String(bytes);
  });
  const ended = new Promise((resolve) => flood.once('close', resolve));
  const came = new Set<string>();
  for (let round = 0; round < 100 && flood.exitCode === null; round++) {
    const hooks = HOOKS.filter((_, i) => ((round * 7 + 5) >> i) % 2 === 1);
    await driver.call('change', withModules(all(...hooks)));
    await driver.call('change', request(WAN, { bypass: false }));
    for (const hook of Object.keys((await driver.call('cameUp')) as object)) came.add(hook);
  }
  await ended;
  assert.match(text, / 0% packet loss/);
  assert.ok(came.has('forward') && came.has('postrouting') && came.has('prerouting'), [...came].join());
  assert.equal(await driver.call('refused'), 0);
  assert.deepEqual(
    driver.events.filter(({ event }) => event === 'lost'),
    [],
  );
  await finish(driver);
  assert.equal(await ruleset(router), before);
}

async function runsInTheKernel(lab: Lab, backend: Backend): Promise<void> {
  const { client, router, server } = lab;
  const driver = await begin(lab, backend, request(WAN));
  const rules = (hook: Hook, name: string, texts: readonly string[]): ModuleHookPlan => ({
    ...{ hook, interest: [], kernel: [{ name, rules: texts }] },
  });
  const wanted = withModules([
    rules('prerouting', 'drops', [`udp dport ${PORT} udp sport 5555 drop`]),
    rules('forward', 'marks', [`udp dport ${PORT} ip dscp set 4 return`, 'udp dport 1 drop']),
  ]);
  const refused = withModules([rules('forward', 'marks', ['counter', 'ip dscp sot 4'])]);
  const { error } = await driver.ask('check', refused);
  assert.match(error?.message ?? '', /module marks, hook forward, rule 2, "ip dscp sot 4": nft says: /);
  const masquerades = withModules([rules('forward', 'marks', ['masquerade'])]);
  assert.match(
    (await driver.ask('check', masquerades)).error?.message ?? '',
    /rule 1, "masquerade".*not supported/,
  );
  await driver.call('check', wanted);
  await driver.call('change', wanted);
  await sendUdp(client, server.addresses.v4, { from: 5000, to: PORT });
  await arrived(server, { plain: 1, marked: 1 });
  await sendUdp(client, server.addresses.v4, { from: 5555, to: PORT });
  const counts = async (): Promise<Record<string, { packets: number; dropped: number }>> =>
    (await driver.call('kernelCounts', ['marks', 'drops'])) as never;
  await until('the drop is counted', async () => (await counts()).drops!.dropped === 1);
  const { packets, dropped } = (await counts()).marks!;
  assert.ok(packets >= 1 && dropped === 0);
  // It goes on counting while its rules change.
  await driver.call('change', withModules([rules('forward', 'marks', ['udp dport 2 drop'])]));
  await sendUdp(client, server.addresses.v4, { from: 5000, to: PORT });
  await arrived(server, { plain: 2, marked: 1 });
  assert.ok((await counts()).marks!.packets > packets);
  await driver.call('change', request(WAN));
  assert.doesNotMatch(
    (await router.exec(['nft', 'list', 'table', 'inet', 'shaper_100'])).stdout,
    /marks|drops/,
  );
  await finish(driver);
}

/** A datagram with one byte, without a checksum. */
function datagram(to: readonly number[]): string {
  const ports = [5000 >> 8, 5000 & 255, PORT >> 8, PORT & 255];
  return Buffer.from([
    ...[0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 2, 1, ...to],
    ...[...ports, 0, 9, 0, 0, 120],
  ]).toString('base64');
}

async function sentMeetNoModule(lab: Lab, backend: Backend): Promise<void> {
  const { router, server } = lab;
  const kernel = [{ name: 'drops', rules: [`udp dport ${PORT} udp sport 5000 drop`] }];
  const hooks = HOOKS.map((hook) => ({ hook, interest: null, kernel: hook === 'output' ? kernel : [] }));
  const driver = await begin(lab, backend, withModules(hooks));
  await driver.call('answer', { verdict: 'accept', repeats: backend === 'iptables' });
  assert.equal(await driver.call('inject', datagram([10, 77, 2, 2])), true);
  await arrived(server, { plain: 1 });
  // The server answers that nobody listens, and that meets modules.
  const came = (await driver.call('cameUp')) as Record<string, number>;
  assert.deepEqual([came.output, came.postrouting], [undefined, undefined]);
  // It is shaped all the same.
  assert.equal(((await driver.call('queued')) as number[])[0], 1);
  // What the same ports send without a module's help meets them.
  await sendUdp(router, server.addresses.v4, { from: 5000, to: PORT });
  await until('it is dropped', async () => {
    const counts = (await driver.call('kernelCounts', ['drops'])) as Record<string, { dropped: number }>;
    return counts.drops!.dropped === 1;
  });
  await finish(driver);
}

async function nothingOutlivesUs(lab: Lab, backend: Backend): Promise<void> {
  const { router } = lab;
  const before = await ruleset(router);
  const driver = new Driver(router);
  const kernel = [{ name: 'marks', rules: ['ct original packets > 5 ip dscp set 4'] }];
  await driver.call('install', withModules(HOOKS.map((hook) => ({ hook, interest: null, kernel }))), backend);
  const up = backend === 'iptables' ? 2 * 10 : 0;
  assert.equal((await queueRules(router)).length, up);
  await driver.kill();
  await until('the table has gone', async () => !(await hasTable(router)));
  const cleaner = new Driver(router);
  assert.equal(((await cleaner.call('clean', 'all')) as string[]).length, up);
  await cleaner.end();
  assert.equal(await ruleset(router), before);
}

export const MODULES = [
  { name: 'what modules want comes up at five hooks, nothing else', differs: true, run: comesUpAtFiveHooks },
  { name: 'modules drop and edit packets at five hooks', differs: true, run: dropsAndEdits },
  // An emulated machine stands still under so much of it.
  { name: 'rules of modules come and go under traffic', differs: false, run: changesUnderTraffic },
  { name: 'rules of modules run in the kernel and are counted', differs: true, run: runsInTheKernel },
  { name: 'packets that modules send meet no module', differs: true, run: sentMeetNoModule },
  {
    name: 'rules of modules go with a killed instance and its leftovers',
    differs: true,
    run: nothingOutlivesUs,
  },
] as const;
