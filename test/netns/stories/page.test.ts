/** Hosts that a quota has stopped: what they see, what still works, and nothing of it for anybody else. */
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RulesRequest } from '../../../src/io/rules/index.ts';
import { capabilities } from '../capabilities.ts';
import { describeNetns, type Lab, sleep, until, useLab } from '../harness.ts';
import {
  type Answered,
  attempt,
  holdConnection,
  portalDriver,
  startSites,
  stoppedHost,
} from '../page-bed.ts';
import { Driver, hasTable, request, sendUdp, WAN } from '../rules-bed.ts';

const OTHER_HOST = '10.77.1.3';
const ALLOWED = '10.77.2.9';
const NAMED = '10.77.2.10';
/** At once, with room for a busy machine. */
const AT_ONCE_MS = 100;

const NOTHING = { certFile: null, keyFile: null, textFile: null, styleFile: null };
const PAGE: NonNullable<RulesRequest['page']> = {
  lan: null,
  links: ['wan0'],
  allow: [{ family: 4, words: [0x0a4d0209, 0, 0, 0], bits: 32 }],
  hasApi: false,
};

const backend = (await capabilities()).nft ? 'nft' : 'iptables';
const withPage: RulesRequest = { ...request(WAN), page: PAGE };

const isPage = ({ status, text }: Answered): boolean =>
  status === 511 && text.includes('Your connection is stopped') && text.includes('flat-12');
const isSite = ({ status, text }: Answered): boolean => status === 200 && text === 'the real site';

/** How many addresses the set has. */
async function elements({ router }: Lab, set: string): Promise<number> {
  const { stdout } = await router.exec(['nft', '-j', 'list', 'set', 'inet', 'shaper_100', set]);
  const [, { set: found }] = (JSON.parse(stdout) as { nftables: [unknown, { set: { elem?: unknown[] } }] })
    .nftables;
  return found.elem?.length ?? 0;
}

const drivers: Driver[] = [];

/** A driver with rules in force. It ends with the test. */
async function install({ router }: Lab, wanted: RulesRequest): Promise<Driver> {
  const rules = new Driver(router);
  drivers.push(rules);
  await rules.call('listen', wanted.nfqueue.markMask);
  await rules.call('install', wanted, backend);
  return rules;
}

describeNetns('the page for stopped hosts', () => {
  const world = useLab();
  let sites: ChildProcess | undefined;
  beforeEach(async () => {
    sites = await startSites(world.lab.server);
  });
  afterEach(async () => {
    sites?.kill('SIGKILL');
    for (const driver of drivers.splice(0)) await driver.kill();
  });

  it('stands in for the web, all else but DNS and what is allowed is refused, and others notice nothing', async () => {
    const { lab } = world;
    const { client, router, server } = lab;
    const { v4, v6 } = client.addresses;
    await client.exec(['ip', 'address', 'add', `${OTHER_HOST}/24`, 'dev', 'eth0']);
    for (const address of [ALLOWED, NAMED])
      await server.exec(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    const rules = await install(lab, withPage);
    const portal = portalDriver(router);
    drivers.push(portal);
    await portal.call('start', { allow: [], ...NOTHING });
    await until('the page is served', () =>
      portal.events.some(({ message }) => message.endsWith('is served')),
    );
    const site = server.addresses;
    expect(isSite(await attempt(client, 'http', site.v4, 80, v4))).toBe(true);

    await portal.call('setHosts', [stoppedHost([v4, v6])]);
    await rules.call('setAllowed', [NAMED]);
    await rules.call('setStopped', [v4, v6]);
    await until('the host is stopped', async () => (await elements(lab, 'stopped6')) === 1);
    expect(isPage(await attempt(client, 'http', site.v4, 80, v4))).toBe(true);
    // One answer a second for each host, and both addresses are of one.
    await sleep(1100);
    expect(isPage(await attempt(client, 'http', site.v6, 80, v6))).toBe(true);
    for (const [address, from] of [
      [site.v4, v4],
      [site.v6, v6],
    ] as const) {
      const tls = await attempt(client, 'tcp', address, 443, from);
      expect(tls.error).toBe('ECONNREFUSED');
      expect(tls.ms).toBeLessThan(AT_ONCE_MS);
      const game = await attempt(client, 'udp', address, 4000, from);
      expect(game.error).not.toBe('silence');
      expect(game.error).not.toBe('');
      expect(game.ms).toBeLessThan(AT_ONCE_MS);
      expect((await attempt(client, 'udp', address, 53, from)).text).toBe('hello');
    }
    for (const address of [ALLOWED, NAMED]) {
      expect(isSite(await attempt(client, 'http', address, 80, v4))).toBe(true);
      expect((await attempt(client, 'tcp', address, 443, v4)).text).toBe('hello');
    }
    expect(isSite(await attempt(client, 'http', site.v4, 80, OTHER_HOST))).toBe(true);
    expect((await attempt(client, 'tcp', site.v4, 443, OTHER_HOST)).text).toBe('hello');
    // The port of the page is for redirected connections alone.
    for (const from of [v4, OTHER_HOST])
      expect((await attempt(client, 'tcp', router.addresses.v4, 8511, from)).error).toBe('silence');

    await rules.call('setStopped', []);
    await until('the host is released', async () => (await elements(lab, 'stopped6')) === 0);
    expect(isSite(await attempt(client, 'http', site.v4, 80, v4))).toBe(true);
    expect((await attempt(client, 'tcp', site.v4, 443, v4)).text).toBe('hello');
    await rules.kill();
    await portal.kill();
    await until('the table goes with the program', async () => !(await hasTable(router)));
    const listening = async (): Promise<string> => (await router.exec(['ss', '-Hltn'])).stdout;
    await until('nobody listens', async () => !/:8511\b/.test(await listening()));
  });

  it('connections that are open end at both ends, and who is stopped stays so when the rules are made anew', async () => {
    const { lab } = world;
    const { client, router, server } = lab;
    const { v4, v6 } = client.addresses;
    const rules = await install(lab, withPage);
    const held = await holdConnection(client, server.addresses.v4, 7443);
    const open = async (): Promise<number> => {
      const { stdout } = await server.exec(['ss', '-Htn', 'state', 'established', 'sport', '=', ':7443']);
      return stdout.split('\n').filter(Boolean).length;
    };
    expect(await open()).toBe(1);
    await rules.call('setStopped', [v4, v6]);
    await until('the host is stopped', async () => (await elements(lab, 'stopped4')) === 1);
    expect(await held.ended).toBe('ECONNRESET');
    await until('the other end knows', async () => (await open()) === 0);

    rules.child.kill('SIGSTOP');
    await until('the watchdog takes the table out', async () => !(await hasTable(router)));
    rules.child.kill('SIGCONT');
    await until('the rules are made anew', async () => hasTable(router));
    await until(
      'the host is stopped again',
      async () => (await elements(lab, 'stopped4').catch(() => 0)) === 1,
    );
    expect((await attempt(client, 'tcp', server.addresses.v4, 443, v4)).error).toBe('ECONNREFUSED');
  });

  it('rules of the page come, go and come back while packets wait, and none of these is lost', async () => {
    const { client, server } = world.lab;
    const plain: RulesRequest = request(WAN);
    const gone: RulesRequest = { ...plain, keepsPageHooks: true };
    const rules = await install(world.lab, plain);
    await rules.call('hold');
    for (const [round, to] of [withPage, gone, withPage].entries()) {
      await sendUdp(client, [server.addresses.v4, server.addresses.v6], { from: 0, to: [9001, 9002, 9003] });
      await until('packets wait', async () => Number(await rules.call('waiting')) >= 6 * (round + 1));
      await rules.call('change', to);
    }
    await rules.call('changeAndBack', gone);
    await rules.call('release', plain.nfqueue.markMask);
    expect(await rules.call('refused')).toBe(0);
  });

  it('what does not come in time is taken back, and packets that wait stay', async () => {
    const { client, server } = world.lab;
    const plain: RulesRequest = request(WAN);
    const rules = await install(world.lab, plain);
    await rules.call('hold');
    await sendUdp(client, server.addresses.v4, { from: 0, to: [9001, 9002] });
    await until('packets wait', async () => Number(await rules.call('waiting')) >= 2);
    await rules.call('changeAndBack', withPage);
    await rules.call('release', plain.nfqueue.markMask);
    expect(await rules.call('refused')).toBe(0);
  });
});
