/** Quotas on real packets: windows of seconds, from the first byte to the release, over restarts. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { HistoryReport, QuotasReport, StandingReport } from '../../../src/control/hosts/reports.ts';
import type { HostsReport } from '../../../src/control/views/hosts-view.ts';
import {
  describeNetns,
  type Host,
  type RunningShaper,
  sendUdp,
  sleep,
  startSink,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const LIMIT_BYTES = 2e6;
/** Longer than the story takes on a machine that is busy with something else. */
const LONG_SECONDS = 600;
const SHORT_SECONDS = 10;
const RATE = 4e6;
const LENGTH = 1000;
const SECOND_ADDRESS = '10.77.1.9';
const OTHER_ADDRESS = '10.77.1.3';

describeNetns('a quota', () => {
  const world = useLab();
  const start = useShapers(world);

  const configOf = (folder: string, seconds: number): string => `
links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }
hosts: { names: { other: ${OTHER_ADDRESS} } }
history: { file: ${join(folder, 'history.db')}, flush: 1s, keep: [1s for 1h, 1m for 1d] }
quotas:
  small:
    windows: { over: ${seconds}s, up: ${LIMIT_BYTES / 1e6}MB }
    warn: 50%
    then:
      - page: { allow: [192.0.2.1] }
      - exec: [/bin/sh, -c, 'printf "%s\\n" "$*" >>${join(folder, 'told')}', sh, "{host}", "{quota}", "{state}", "{over}", "{direction}"]
`;

  const ask = async <Report>(shaper: RunningShaper, ...args: string[]): Promise<Report> => {
    const { code, stdout, stderr } = await shaper.cli([...args, '--json', '--socket', shaper.socketPath]);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Report;
  };
  const standing = async (shaper: RunningShaper, host: string): Promise<StandingReport> =>
    (await ask<QuotasReport>(shaper, 'quota', host)).hosts[0]!.quotas[0]!;

  /** A device of its own on the client's wire. */
  async function addOther(client: Host): Promise<Host> {
    const child = client.spawn(['unshare', '-n', '-m', 'sleep', '600']);
    await sleep(300);
    const inside = ['nsenter', '-t', String(child.pid), '-n'];
    await client.exec([
      'ip',
      'link',
      'add',
      'link',
      'eth0',
      'name',
      'other0',
      'type',
      'macvlan',
      'mode',
      'bridge',
    ]);
    await client.exec(['ip', 'link', 'set', 'other0', 'netns', String(child.pid)]);
    const other: Host = {
      ...client,
      exec: (command, options) => client.exec([...inside, ...command], options),
      spawn: (command) => client.spawn([...inside, ...command]),
    };
    await other.exec(['ip', 'address', 'add', `${OTHER_ADDRESS}/24`, 'dev', 'other0']);
    await other.exec(['ip', 'link', 'set', 'other0', 'up']);
    await other.exec(['ip', 'route', 'add', 'default', 'via', '10.77.1.1']);
    return other;
  }

  /** The first ping of each kind passes unqueued where connections are tracked, so one answer is none. */
  const isReached = async (from: Host, to: Host, ...options: string[]): Promise<boolean> => {
    const address = options.includes('-6') ? to.addresses.v6 : to.addresses.v4;
    const command = ['ping', '-c', '2', '-i', '0.2', '-W', '1', ...options, address];
    const { stdout } = await from.exec(command, { check: false });
    return /(\d+) received/.exec(stdout)![1] === '2';
  };

  it('stops a host at its limit, whatever its address, over a restart, and nobody else', async () => {
    const { client, server, folder } = world.lab;
    const { v4, v6 } = client.addresses;
    await client.exec(['ip', 'address', 'add', `${SECOND_ADDRESS}/24`, 'dev', 'eth0']);
    const other = await addOther(client);
    let shaper = await start(configOf(folder, LONG_SECONDS));
    expect(await isReached(client, server)).toBe(true);
    expect(await isReached(client, server, '-6')).toBe(true);
    expect(await isReached(other, server)).toBe(true);

    const sink = await startSink(server, { port: 7100, idleMs: 1000 });
    const beganMs = Date.now();
    const sent = sendUdp(client, server, {
      port: 7100,
      rateBitsPerSec: RATE,
      seconds: 6,
      lengthBytes: LENGTH,
    });
    const exceeded = await shaper.logged('quota exceeded', 20_000);
    const stoppedMs = Date.now();
    expect(exceeded).toMatchObject({
      quota: 'small',
      over: '10m',
      direction: 'up',
      limitBytes: LIMIT_BYTES,
    });
    // Half a megabyte a second. A busy machine may be late, but never early.
    expect(stoppedMs - beganMs).toBeGreaterThan(3500);
    await sent;
    const { bytes } = await sink.finished();
    // A few pings count as well.
    expect(bytes).toBeGreaterThan(0.99 * LIMIT_BYTES - 2000);
    expect(bytes).toBeLessThan(1.01 * LIMIT_BYTES);

    // Neither IPv6 nor another address of the device escapes, and nobody else notices.
    expect(await isReached(client, server)).toBe(false);
    expect(await isReached(client, server, '-6')).toBe(false);
    expect(await isReached(client, server, '-I', SECOND_ADDRESS)).toBe(false);
    expect(await isReached(other, server)).toBe(true);
    const over = await standing(shaper, v4);
    expect(over).toMatchObject({
      state: 'exceeded',
      over: '10m',
      direction: 'up',
      limitBytes: LIMIT_BYTES,
    });
    expect((await standing(shaper, v6)).usedBytes).toBe(over.usedBytes);
    expect(await standing(shaper, 'other')).toMatchObject({ state: 'ok', endsAt: null });
    const { hosts } = await ask<HostsReport>(shaper, 'hosts');
    const host = hosts.find(({ addresses }) => addresses.includes(v4))!;
    expect(host.addresses).toEqual(expect.arrayContaining([v4, v6, SECOND_ADDRESS]));
    expect(host.macs).toEqual([host.id]);
    await until('the program was run', () => {
      try {
        return readFileSync(join(folder, 'told'), 'utf8') === `${host.id} small exceeded 10m up\n`;
      } catch {
        return false;
      }
    });

    // A crash and a new start change nothing of it.
    await sleep(1500);
    await shaper.kill();
    shaper = await start(configOf(folder, LONG_SECONDS));
    await until('the host is stopped again', async () => !(await isReached(client, server)));
    expect(await standing(shaper, v4)).toMatchObject({ state: 'exceeded' });
    expect(await isReached(other, server)).toBe(true);

    // It is the same violation: nobody is told again.
    expect(readFileSync(join(folder, 'told'), 'utf8').split('\n')).toHaveLength(2);
    const freed = await ask<{ host: { quotas: StandingReport[] } }>(shaper, 'quota', 'reset', v4);
    expect(freed.host.quotas).toMatchObject([{ state: 'ok', usedBytes: 0 }]);
    await until('the host is free', () => isReached(client, server));
    expect(await isReached(client, server, '-6')).toBe(true);

    const history = await ask<HistoryReport>(shaper, 'history', v4, '--last', '5m', '--step', '1s');
    expect(history.stepSeconds).toBe(1);
    const known = history.points.filter(({ upBytes }) => upBytes !== null);
    const total = known.reduce((sum, point) => sum + point.upBytes!, 0);
    expect(total).toBeGreaterThan(0.9 * LIMIT_BYTES);
    expect(history.points.some(({ upBytes }) => upBytes === null)).toBe(true);
  });

  it('releases a host when its window has slid', async () => {
    const { client, server, folder } = world.lab;
    mkdirSync(join(folder, 'short'));
    const shaper = await start(configOf(join(folder, 'short'), SHORT_SECONDS));
    const options = { port: 7100, rateBitsPerSec: 2 * RATE, seconds: 3, lengthBytes: LENGTH };
    const sent = sendUdp(client, server, options);
    await shaper.logged('quota exceeded', 20_000);
    const stoppedMs = Date.now();
    await sent;
    await shaper.logged('quota: released', 60_000);
    // The oldest bucket is of two seconds before, and one second wide.
    expect(Date.now() - stoppedMs).toBeGreaterThan(1000 * (SHORT_SECONDS - 5));
    await until('the host is free', () => isReached(client, server));
    expect(await standing(shaper, client.addresses.v6)).toMatchObject({ endsAt: null });
  });
});
