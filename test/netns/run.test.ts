/** The program as a user starts it: what it refuses, what it says, how it stops. On real packets. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import {
  describeNetns,
  ended,
  type Finished,
  iperfTcp,
  ping,
  type RunningShaper,
  shaperCommand,
  startShaper,
  useLab,
} from './harness.ts';

const WAN = 'links: { wan: { device: wan0, up: 20mbit, down: 100mbit } }';
const OTHER_QUEUES = 'nfqueue: { first: 200, mark: 0x00ff0000 }';

describeNetns('run', () => {
  const world = useLab();
  const running: RunningShaper[] = [];

  afterEach(async () => {
    for (const shaper of running.splice(0))
      if (shaper.child.exitCode === null) await shaper.kill().catch(() => null);
  });

  async function start(config: string): Promise<RunningShaper> {
    const shaper = await startShaper(world.lab, config);
    running.push(shaper);
    return shaper;
  }

  /** Starts an instance that is expected to refuse. */
  function refused(config: string, wrapper: readonly string[] = []): Promise<Finished> {
    const file = join(world.lab.folder, 'refused.yaml');
    const hasSocket = config.includes('control:');
    const socket = join(world.lab.folder, 'refused.sock');
    writeFileSync(file, hasSocket ? config : `${config}\ncontrol: { socket: ${socket} }\n`);
    return world.lab.router.exec([...wrapper, ...shaperCommand(), '--conf', file], { check: false });
  }

  /** All rules, without the empty built-in iptables chains that the contract lets stand. */
  async function ruleSet(): Promise<string[]> {
    const { stdout } = await world.lab.router.exec(['nft', 'list', 'ruleset']);
    const isKept = (line: string): boolean =>
      line.trim() !== '' &&
      !/^(table ip6? security \{|\tchain \w+ \{|\t\ttype filter hook .*|\t?\})$/.test(line);
    return stdout.split('\n').filter(isKept);
  }

  it('refuses what is taken, exit 3 and what to do, and leaves the first instance alone', async () => {
    const first = await start(WAN);
    const lan = 'links: { lan: { device: lan0, up: 20mbit } }';
    const cases: [string, string][] = [
      [WAN, 'nfqueue.first 100'],
      [`${WAN}\n${OTHER_QUEUES}`, 'device wan0 is shaped by'],
      [`${lan}\nnfqueue: { first: 200 }`, 'mark mask'],
      [`${lan}\nnfqueue: { first: 102, mark: 0x00ff0000 }`, 'queue 102 belongs to another program'],
      [`${lan}\n${OTHER_QUEUES}\ncontrol: { socket: ${first.socketPath} }`, 'another instance answers on'],
    ];
    for (const [config, message] of cases) {
      const { code, stderr } = await refused(config);
      expect(stderr).toContain(message);
      expect(code, message).toBe(3);
    }
    expect((await ping(world.lab.client, world.lab.server, { count: 3 })).received).toBe(3);
    expect((await first.status()).totals.received.packets).toBe(6);
    expect((await first.stop()).code).toBe(0);
  });

  it('says what is missing: the device, the capability', async () => {
    const device = await refused('links: { x: { device: nodevice0, up: 1mbit } }');
    expect(device).toMatchObject({ code: 3, stderr: expect.stringMatching(/nodevice0.*[\s\S]*lan0.*wan0/) });
    const drop = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
    const capability = await refused(WAN, drop);
    expect(capability).toMatchObject({ code: 3, stderr: expect.stringContaining('CAP_NET_ADMIN') });
    expect(await ruleSet()).toEqual([]);
  });

  it('the four numbers add up whenever they are read, and SIGHUP changes nothing', async () => {
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 5mbit, classes: { bulk: { queue: { discipline: fifo, limit: 20p } } } } } }',
    );
    const transfer = iperfTcp(world.lab.client, world.lab.server, { port: 5201, seconds: 3 });
    let held = 0;
    for (let i = 0; i < 4; i++) {
      const { received, accepted, dropped, held: waiting, kernel } = (await shaper.status()).totals;
      expect(received.packets).toBe(accepted.packets + dropped.packets + waiting.packets + kernel.lost);
      held = Math.max(held, waiting.packets);
      if (i === 1) shaper.child.kill('SIGHUP');
    }
    await transfer;
    expect(held).toBeGreaterThan(0);
    await shaper.logged('SIGHUP: reloading comes with a later version; nothing has changed');
    const { classes, totals } = await shaper.status();
    expect(classes.map((c) => c.path)).toEqual(['wan/up', 'wan/up/bulk', 'wan/up/default']);
    expect(classes[0]!.sent).toEqual(classes[1]!.sent);
    const { tail, aqm } = classes[1]!.dropped;
    expect(tail + aqm).toBe(totals.dropped.packets);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('SIGTERM with packets held: all are delivered, exit 0 within 2 s, the rules are as before', async () => {
    const before = await ruleSet();
    const shaper = await start(
      'links: { wan: { device: wan0, up: { rate: 64kbit, classes: { default: { queue: { discipline: fifo, limit: 100p } } } } } }',
    );
    const pings = ping(world.lab.client, world.lab.server, {
      count: 40,
      intervalMs: 20,
      payloadBytes: 1400,
      waitMs: 5000,
    });
    await expect
      .poll(async () => (await shaper.status()).totals.held.packets, { timeout: 5000 })
      .toBeGreaterThan(5);
    const { code, tookMs } = await shaper.stop();
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(2000);
    expect((await pings).received).toBe(40);
    expect(shaper.logs.at(-1)).toMatchObject({ msg: 'stopped', undelivered: 0 });
    expect(await ruleSet()).toEqual(before);
    const status = await shaper.cli(['status', '--conf', shaper.configPath]);
    expect(status).toMatchObject({ code: 3, stderr: expect.stringContaining('no running instance') });
  });

  it('SIGKILL: traffic goes on, clean removes what is left, and the dead socket is replaced', async () => {
    const killed = await start(WAN);
    await killed.kill();
    expect((await ping(world.lab.client, world.lab.server, { count: 5 })).received).toBe(5);
    const again = await start(`${WAN}\ncontrol: { socket: ${killed.socketPath} }`);
    expect((await again.status()).totals.received.packets).toBe(0);
    await again.kill();
    const cleaned = await world.lab.router.exec([...shaperCommand(), 'clean']);
    expect(cleaned.stdout).not.toBe('');
    expect((await world.lab.router.exec([...shaperCommand(), 'clean'])).stdout).toBe('nothing to clean\n');
    expect(await ruleSet()).toEqual([]);
    // Its control socket is not where it would be by default.
    const command = [...shaperCommand(), 'clean', '--conf', again.configPath];
    expect((await world.lab.router.exec(command)).stdout).toBe(`rm ${again.socketPath}\n`);
  });

  it('when the rules are lost it says so and ends with exit 1, leaving nothing', async () => {
    const shaper = await start(WAN);
    const { stdout } = await world.lab.router.exec(['ps', '--ppid', String(shaper.pid), '-o', 'pid=,args=']);
    const child = stdout.split('\n').find((line) => line.includes('nft'));
    process.kill(Number.parseInt(child!.trim(), 10), 'SIGKILL');
    expect(await ended(shaper.child, 5000)).toBe(true);
    expect(shaper.child.exitCode).toBe(1);
    expect(shaper.logs.find((line) => line.msg === 'stopping')).toMatchObject({
      reason: expect.stringMatching(/^nft ended[^\n]*$/),
    });
    expect(await ruleSet()).toEqual([]);
    expect((await ping(world.lab.client, world.lab.server, { count: 3 })).received).toBe(3);
  });

  it('a device that is made anew is shaped again', async () => {
    const { router } = world.lab;
    const make = async (): Promise<void> => {
      await router.exec(['ip', 'link', 'add', 'new0', 'type', 'veth', 'peer', 'name', 'new1']);
      await router.exec(['ip', 'link', 'set', 'new0', 'up']);
      await router.exec(['ip', 'link', 'set', 'new1', 'up']);
      await router.exec(['ip', 'address', 'add', '10.99.0.1/24', 'dev', 'new0']);
    };
    // Nobody answers, but a fixed neighbour lets the packets leave.
    const send = (): Promise<Finished> =>
      router.exec(
        [
          'sh',
          '-c',
          'ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev new0; ping -c 1 -W 0.1 10.99.0.2',
        ],
        { check: false },
      );
    await make();
    const shaper = await start('links: { new: { device: new0, up: 1mbit } }');
    await send();
    await router.exec(['ip', 'link', 'delete', 'new0']);
    await make();
    await expect
      .poll(
        async () => {
          await send();
          return (await shaper.status()).classes[0]!.sent.packets;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(1);
    await shaper.logged('the device has another index');
    expect((await shaper.stop()).code).toBe(0);
  });
});
