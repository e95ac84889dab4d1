/** The end, by every signal: what waits is delivered, the machine is as before, traffic goes on. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  describeNetns,
  ended,
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
/** It takes 0.4 s. A busy machine needs more, but what waits would need ten seconds by itself. */
const STOP_MS_MAX = 7000;
/** The program runs in the background of a terminal that stops what writes to it from there. */
const TOSTOP = `
import fcntl, signal
m, s = pty.openpty()
os.setsid()
fcntl.ioctl(s, termios.TIOCSCTTY, 0)
modes = termios.tcgetattr(s)
modes[3] |= termios.TOSTOP
termios.tcsetattr(s, termios.TCSANOW, modes)
program = os.fork()
if program:
    for n in (signal.SIGTERM, signal.SIGUSR1): signal.signal(n, lambda n, _: os.kill(program, n))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]))
os.setpgid(0, 0)
os.dup2(s, 1)`;
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

async function timed(act: () => Promise<Finished>): Promise<Finished & { tookMs: number }> {
  const before = performance.now();
  const finished = await act();
  return { ...finished, tookMs: performance.now() - before };
}

/** The process id of the child that owns the table. */
async function nftChild(router: Host, shaper: number): Promise<number> {
  const { stdout } = await router.exec(['ps', '--ppid', String(shaper), '-o', 'pid=,args=']);
  return Number.parseInt(stdout.split('\n').find((line) => line.includes('nft'))!, 10);
}

describeNetns('the end', () => {
  const world = useLab();
  const start = useShapers(world);

  it.each(['SIGTERM', 'SIGINT', 'shaper stop'] as const)(
    '%s while packets wait: all are delivered, in order, and the rules are as before',
    async (reason) => {
      const { client, router, server } = world.lab;
      if (reason === 'SIGTERM') await addFirewall(router);
      const before = await ruleset(router);
      const shaper = await start(SLOW);
      expect(await ruleset(router)).not.toBe(before);
      const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 700 });
      await sendUdp(client, server, { port: PORT, count: 120, lengthBytes: 1000 });
      await until('packets wait', async () => (await shaper.status()).totals.held.packets > 50);
      if (reason === 'shaper stop') {
        const { code, stdout } = await shaper.cli(['stop', shaper.configPath]);
        expect({ code, stdout }).toEqual({ code: 0, stdout: `stopped (pid ${shaper.pid})\n` });
        expect(await ended(shaper.child, 20_000)).toBe(true);
        expect(shaper.child.exitCode).toBe(0);
      } else {
        const { code, tookMs } = await shaper.stop(reason);
        expect(code, JSON.stringify(shaper.logs.slice(-4))).toBe(0);
        expect(tookMs).toBeLessThan(STOP_MS_MAX);
      }
      expect(await sink.finished()).toMatchObject({ packets: 120, reordered: 0 });
      expect(shaper.logs.at(-1)).toMatchObject({ msg: 'stopped', reason, undelivered: 0 });
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
      // A start takes seconds where much else runs.
      seconds: 8,
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
    expect(tookMs).toBeLessThan(STOP_MS_MAX);
    const { packets } = await sending;
    expect((await sink.finished()).packets).toBe(packets);
  });

  it('a second signal ends it at once, and the next start works', async () => {
    const { router } = world.lab;
    // An nft that takes its time makes the stop longer than the grace of 300 ms.
    const folder = join(world.lab.folder, 'slow');
    const { stdout } = await router.exec(['sh', '-c', 'PATH="$PATH:/usr/sbin:/sbin"; command -v nft']);
    mkdirSync(folder);
    const lines = [
      '#!/bin/sh',
      `[ -e ${folder}/now ] && { touch ${folder}/called; sleep 4; }`,
      `exec ${stdout.trim()} "$@"`,
      '',
    ];
    writeFileSync(join(folder, 'nft'), lines.join('\n'), { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const first = await start(FAST);
    vi.unstubAllEnvs();
    writeFileSync(join(folder, 'now'), '');
    first.child.kill('SIGTERM');
    await until('the stop has begun', () => existsSync(join(folder, 'called')));
    await sleep(500);
    const { code } = await first.stop('SIGINT');
    expect(code).toBe(1);
    expect(first.logs.some(({ msg }) => msg === 'stopped')).toBe(false);
    await until('the table is gone', async () => !(await hasTable(router)));
    const second = await start(FAST);
    expect((await second.stop()).code).toBe(0);
  });

  it('signals of timeout(1) and a stopped nft: an orderly stop, what waits is delivered, no rules are left', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const shaper = await start(SLOW);
    const sink = await startSink(server, { port: PORT, waitMs: 20_000, idleMs: 700 });
    await sendUdp(client, server, { port: PORT, count: 120, lengthBytes: 1000 });
    await until('packets wait', async () => (await shaper.status()).totals.held.packets > 50);
    process.kill(await nftChild(router, shaper.pid), 'SIGSTOP');
    shaper.child.kill('SIGTERM');
    const { code, tookMs } = await shaper.stop('SIGTERM');
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(STOP_MS_MAX);
    expect((await sink.finished()).packets).toBe(120);
    await until('the rules are gone', async () => (await ruleset(router)) === before);
  });

  it.each([
    ['a full disk', 'os.dup2(os.open("/dev/full", os.O_WRONLY), 1)'],
    [
      'a terminal stopped by Ctrl-S',
      'm, s = pty.openpty(); termios.tcflow(s, termios.TCOOFF); os.dup2(s, 1)',
    ],
    ['a terminal with `stty tostop`', TOSTOP],
    [
      'a full pipe',
      'r, w = os.pipe(); os.set_inheritable(r, True); os.write(w, b"x" * 65536); os.dup2(w, 1)',
    ],
    [
      'a stopped terminal of another user',
      'm, s = pty.openpty(); os.fchmod(s, 0o600); termios.tcflow(s, termios.TCOOFF); os.dup2(s, 1)',
      ['setpriv', '--reuid=nobody', '--inh-caps=+net_admin', '--ambient-caps=+net_admin'],
    ],
  ])('packets pass and SIGTERM ends it though stdout is %s', async (_, redirect, wrapper = []) => {
    const { client, router, server } = world.lab;
    const file = join(world.lab.folder, 'mute.yaml');
    chmodSync(world.lab.folder, 0o755);
    // Everybody may make a socket in /tmp.
    writeFileSync(file, `${FAST}\ncontrol: { socket: /tmp/shaper-mute-${process.pid}.sock }\n`);
    const script = `import os, pty, sys, termios\n${redirect}\n[os.set_inheritable(f, True) for f in range(3, 8) if os.path.exists("/proc/self/fd/%d" % f)]; os.execvp(sys.argv[1], sys.argv[1:])`;
    const child = router.spawn(['python3', '-c', script, ...wrapper, ...shaperCommand(), '--conf', file]);
    await until('the rules are there', () => hasTable(router), 60_000);
    for (let i = 0; i < 50; i++) child.kill('SIGUSR1');
    expect((await ping(client, server, { count: 5 })).received).toBe(5);
    child.kill('SIGTERM');
    expect(await ended(child, 20_000)).toBe(true);
    expect(child.exitCode).toBe(0);
    expect(await hasTable(router)).toBe(false);
  });

  it('SIGTERM at any instant of the start, sent twice and to the group: ended in time, no rules are left', async () => {
    const { router } = world.lab;
    const file = join(world.lab.folder, 'early.yaml');
    writeFileSync(file, `${FAST}\ncontrol: { socket: ${join(world.lab.folder, 'early.sock')} }\n`);
    // Other instants each time, from the loading of the program to `ready`.
    const phaseMs = Math.floor(Math.random() * 150);
    for (let delayMs = 200 + phaseMs; delayMs <= 1400; delayMs += 150) {
      const seconds = String(delayMs / 1000);
      const { code, tookMs } = await timed(() =>
        router.exec(['timeout', seconds, ...shaperCommand(), '--conf', file], { check: false }),
      );
      expect(code, `after ${delayMs} ms`).toBe(124);
      expect(tookMs, `after ${delayMs} ms`).toBeLessThan(delayMs + STOP_MS_MAX);
      expect(await hasTable(router)).toBe(false);
      expect(await queueRules(router)).toEqual([]);
    }
  });

  it('leaves no empty tables of iptables, but such that were there or have rules of others', async () => {
    const { router } = world.lab;
    const tables = async (): Promise<string> => (await router.exec(['nft', 'list', 'tables'])).stdout;
    for (const family of ['ip', 'ip6']) {
      await router.exec(['nft', 'delete', 'table', family, 'security'], { check: false });
    }
    const before = await tables();
    const first = await start(FAST);
    await first.stop();
    expect(await tables()).toBe(before);
    await router.exec(['iptables-nft', '-t', 'security', '-L']);
    const second = await start(FAST);
    const rule = ['-t', 'security', '-A', 'INPUT', '-p', 'sctp', '-j', 'ACCEPT'];
    await router.exec(['ip6tables-nft', ...rule]);
    await second.stop();
    expect((await router.exec(['ip6tables-nft-save', '-t', 'security'])).stdout).toContain(
      '-A INPUT -p sctp',
    );
  });

  it('SIGKILL under load: traffic goes on, nothing hinders the next start, clean removes the rest', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const killed = await start(FAST);
    const echo = ping(client, server, { count: 100, intervalMs: 50 });
    const load = udpTransfer(client, server, {
      port: PORT,
      seconds: 5,
      lengthBytes: 1000,
      rateBitsPerSec: 30e6,
    });
    await until('packets flow', async () => (await killed.status()).totals.received.packets > 1000);
    await killed.kill();
    await until('the table is gone', async () => !(await hasTable(router)));
    const { gapMs } = await echo;
    expect(gapMs).toBeLessThanOrEqual(2000);
    // What was read or waited unread when it died may be lost, and nothing else.
    const { sent, received } = await load;
    expect(received.packets).toBeGreaterThan(0.9 * sent.packets);

    const next = await start(`${FAST}\ncontrol: { socket: ${killed.socketPath} }`);
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    // Beside the firewall of an earlier test, which tracks connections, the first ping passes unqueued.
    const isTracked = (await ruleset(router)).includes('ct state');
    expect((await next.status()).totals.received.packets).toBe(isTracked ? 5 : 6);
    await next.kill();
    await until('the table is gone', async () => !(await hasTable(router)));
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
