/** The end, by every signal: what waits is delivered, the machine is as before, traffic goes on. */
import { expect, it } from 'vitest';
import {
  describeNetns,
  type Finished,
  type Host,
  ping,
  sendUdp,
  shaperCommand,
  sleep,
  startSink,
  udpTransfer,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { hasTable, queueRules, ruleset } from '../rules-bed.ts';

const PORT = 7001;
/** 120 packets of 1000 B wait for almost ten seconds, longer than a busy machine takes to look. */
const SLOW =
  'links: { wan: { device: wan0, up: { rate: 100kbit, classes: { all: { queue: { discipline: fifo, limit: 500p } } } } } }';
const FAST = 'links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }';

/** A firewall such as a router has, with counters that go on counting. */
async function addFirewall(router: Host): Promise<void> {
  const table = [
    'table inet firewall {',
    '  counter seen { }',
    '  chain forward { type filter hook forward priority 0; policy accept; counter name seen; ct state invalid drop; }',
    '}',
  ];
  await router.exec(['nft', '-f', '-'], { input: `${table.join('\n')}\n` });
  await router.exec(['iptables-nft', '-A', 'FORWARD', '-p', 'tcp', '--dport', '25', '-j', 'DROP']);
  await router.exec(['ip6tables-nft', '-t', 'security', '-A', 'INPUT', '-p', 'sctp', '-j', 'ACCEPT']);
}

describeNetns('the end', () => {
  const world = useLab();
  const start = useShapers(world);

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s while packets wait: all are delivered, in order, and the rules are as before',
    async (signal) => {
      const { client, router, server } = world.lab;
      if (signal === 'SIGTERM') await addFirewall(router);
      const before = await ruleset(router);
      const shaper = await start(SLOW);
      expect(await ruleset(router)).not.toBe(before);
      const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 700 });
      await sendUdp(client, server, { port: PORT, count: 120, lengthBytes: 1000 });
      await until('packets wait', async () => (await shaper.status()).totals.held.packets > 50);
      const { code, tookMs } = await shaper.stop(signal);
      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(2000);
      expect(await sink.finished()).toMatchObject({ packets: 120, reordered: 0 });
      expect(shaper.logs.at(-1)).toMatchObject({ msg: 'stopped', reason: signal, undelivered: 0 });
      expect(await ruleset(router)).toBe(before);
      const status = await shaper.cli(['status', '--conf', shaper.configPath]);
      expect(status).toMatchObject({ code: 3, stderr: expect.stringContaining('no running instance') });
    },
  );

  it('loses no packet at the start, at the stop, and in between, while traffic goes on', async () => {
    const { client, server } = world.lab;
    const sink = await startSink(server, { port: PORT });
    const sending = sendUdp(client, server, {
      port: PORT,
      seconds: 5,
      lengthBytes: 500,
      rateBitsPerSec: 8e6,
    });
    await sleep(500);
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 7mbit, classes: { all: { queue: { discipline: fifo, limit: 5000p } } } } } }',
    );
    await until('packets wait', async () => (await shaper.status()).totals.held.packets > 50);
    const { code, tookMs } = await shaper.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(2000);
    const { packets } = await sending;
    expect((await sink.finished()).packets).toBe(packets);
  });

  it('a second signal ends it at once, and the next start works', async () => {
    const { router } = world.lab;
    const first = await start(FAST);
    first.child.kill('SIGTERM');
    const { code } = await first.stop('SIGINT');
    expect(code).toBe(1);
    expect(first.logs.some(({ msg }) => msg === 'stopped')).toBe(false);
    await until('the table is gone', async () => !(await hasTable(router)), 2000);
    const second = await start(FAST);
    expect((await second.stop()).code).toBe(0);
  });

  it('SIGKILL under load: traffic goes on, nothing hinders the next start, clean removes the rest', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const killed = await start(FAST);
    const echo = ping(client, server, { count: 60, intervalMs: 50 });
    const load = udpTransfer(client, server, {
      port: PORT,
      seconds: 3,
      lengthBytes: 1000,
      rateBitsPerSec: 30e6,
    });
    await sleep(1200);
    expect((await killed.status()).totals.received.packets).toBeGreaterThan(1000);
    await killed.kill();
    await until('the table is gone', async () => !(await hasTable(router)), 2000);
    const { gapMs } = await echo;
    expect(gapMs).toBeLessThanOrEqual(500);
    // What was read or waited unread when it died may be lost, and nothing else.
    const { sent, received } = await load;
    expect(received.packets).toBeGreaterThan(0.9 * sent.packets);

    const next = await start(`${FAST}\ncontrol: { socket: ${killed.socketPath} }`);
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    expect((await next.status()).totals.received.packets).toBe(6);
    await next.kill();
    await until('the table is gone', async () => !(await hasTable(router)), 2000);
    const left = (await queueRules(router)).length;
    const clean = (...options: string[]): Promise<Finished> =>
      router.exec([...shaperCommand(), 'clean', ...options]);
    expect((await clean()).stdout.split('\n').filter((line) => line.includes('tables-nft'))).toHaveLength(
      left,
    );
    expect((await clean()).stdout).toBe('nothing to clean\n');
    expect(await ruleset(router)).toBe(before);
    // The control socket is not where it would be by default.
    expect((await clean('--conf', next.configPath)).stdout).toBe(`rm ${next.socketPath}\n`);
  });
});
