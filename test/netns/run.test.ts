/**
 * The program as a user starts it: what it refuses, what it says, what it does when its surroundings change.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  describeNetns,
  ended,
  type Finished,
  ping,
  shaperCommand,
  until,
  useLab,
  useShapers,
} from './harness.ts';
import { hasTable, ruleset } from './rules-bed.ts';

const WAN = 'links: { wan: { device: wan0, up: 20mbit, down: 100mbit } }';
const OTHER_QUEUES = 'nfqueue: { first: 200, mark: 0x00ff0000 }';

describeNetns('run', () => {
  const world = useLab();
  const start = useShapers(world);

  /** Starts an instance that is expected to refuse. */
  function refused(config: string, wrapper: readonly string[] = []): Promise<Finished> {
    const file = join(world.lab.folder, 'refused.yaml');
    const hasSocket = config.includes('control:');
    const socket = join(world.lab.folder, 'refused.sock');
    writeFileSync(file, hasSocket ? config : `${config}\ncontrol: { socket: ${socket} }\n`);
    return world.lab.router.exec([...wrapper, ...shaperCommand(), '--conf', file], { check: false });
  }

  it('refuses what is taken, exit 3 and what to do, and leaves the first instance alone', async () => {
    const first = await start(WAN);
    const lan = 'links: { lan: { device: lan0, up: 20mbit } }';
    const cases: [string, string][] = [
      [WAN, 'nfqueue.first 100'],
      [`${WAN}\n${OTHER_QUEUES}`, 'device wan0 is shaped by'],
      [`${lan}\nnfqueue: { first: 200, mark: 0xff000000 }`, 'mark mask'],
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
    const before = await ruleset(world.lab.router);
    const device = await refused('links: { x: { device: nodevice0, up: 1mbit } }');
    expect(device).toMatchObject({ code: 3, stderr: expect.stringMatching(/nodevice0.*[\s\S]*lan0.*wan0/) });
    const drop = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'];
    const capability = await refused(WAN, drop);
    expect(capability).toMatchObject({ code: 3, stderr: expect.stringContaining('CAP_NET_ADMIN') });
    expect(await ruleset(world.lab.router)).toBe(before);
  });

  it('SIGUSR1 logs counters and opens no debugger, one that NODE_OPTIONS opened is closed', async () => {
    const listening = (): Promise<Finished> =>
      world.lab.router.exec(['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    const LISTEN = / 0A 0{8}:0{8} /;
    vi.stubEnv('NODE_OPTIONS', '--inspect=127.0.0.1:9229');
    const shaper = await start(WAN);
    vi.unstubAllEnvs();
    expect(shaper.stderr()).toContain('Debugger listening');
    await shaper.logged("Node's debugger was open, to every local user: closed");
    expect((await listening()).stdout).not.toMatch(LISTEN);
    expect((await ping(world.lab.client, world.lab.server, { count: 3 })).received).toBe(3);
    shaper.child.kill('SIGUSR1');
    expect(await shaper.logged('counters')).toMatchObject({ received: 6, accepted: 6, dropped: 0, held: 0 });
    expect((await listening()).stdout).not.toMatch(LISTEN);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('SIGUSR1 while Node itself starts opens a debugger that is closed before the program has started', async () => {
    const { router } = world.lab;
    const file = join(world.lab.folder, 'early.yaml');
    writeFileSync(file, `${WAN}\ncontrol: { socket: ${join(world.lab.folder, 'early.sock')} }\n`);
    // The signal is ignored until Node listens for it.
    const command = ['sh', '-c', 'trap "" USR1; exec "$@"', 'sh', ...shaperCommand(), '--conf', file];
    const child = router.spawn(command);
    let stderr = '';
    child.stderr?.on('data', (text: Buffer) => {
      stderr += text;
    });
    const isNode = (): boolean =>
      readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith(process.execPath);
    await until('Node starts', isNode);
    await until('the debugger opens', () => {
      child.kill('SIGUSR1');
      return stderr.includes('Debugger listening');
    });
    await until('the rules are there', () => hasTable(router));
    const { stdout } = await router.exec(['cat', '/proc/net/tcp', '/proc/net/tcp6']);
    expect(stdout).not.toMatch(/ 0A 0{8}:0{8} /);
    child.kill('SIGTERM');
    expect(await ended(child, 30_000)).toBe(true);
    expect(child.exitCode).toBe(0);
  });

  it('when the rules are lost it says so and ends with exit 1, leaving nothing', async () => {
    const before = await ruleset(world.lab.router);
    const shaper = await start(WAN);
    const { stdout } = await world.lab.router.exec(['ps', '--ppid', String(shaper.pid), '-o', 'pid=,args=']);
    const child = stdout.split('\n').find((line) => line.includes('nft'));
    process.kill(Number.parseInt(child!.trim(), 10), 'SIGKILL');
    expect(await ended(shaper.child, 30_000)).toBe(true);
    expect(shaper.child.exitCode).toBe(1);
    expect(shaper.logs.find((line) => line.msg === 'stopping')).toMatchObject({
      reason: expect.stringMatching(/^nft ended[^\n]*$/),
    });
    expect(await ruleset(world.lab.router)).toBe(before);
    expect((await ping(world.lab.client, world.lab.server, { count: 3 })).received).toBe(3);
  });

  it('the first packet by a device that is made anew is shaped', async () => {
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
    await send();
    const { bounds, classes } = await shaper.status();
    expect([bounds.unmatched, classes[0]!.sent.packets]).toEqual([0, 2]);
    expect((await shaper.stop()).code).toBe(0);
  });
});
