/**
 * The sample case of virtual interfaces as files, set up by examples/netnice.sh with mkdir, echo, cat and ln:
 * two daemons share 4 Mbit/s, a stream of a browser goes before everything else of it. On real packets of
 * real processes.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { removeDeadMount } from '../../../src/files/fuse/mount.ts';
import {
  describeNetns,
  type Host,
  type RunningShaper,
  type Status,
  sleep,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { startTalkers, type Talkers } from './talkers.ts';

const SCRIPT = new URL('../../../examples/netnice.sh', import.meta.url).pathname;
const NOBODY = '65534';
const MEASURED_MS = 8000;
/** 1250 bytes every 10 ms: 1 Mbit/s of payload, however late a busy machine wakes it. */
const STREAM = (address: string) => `
const stream = require('node:dgram').createSocket('udp4');
const began = performance.now();
let sent = 0;
const send = () => {
  for (const due = (performance.now() - began) / 10; sent < due; sent++) stream.send(Buffer.alloc(1250), 7200, '${address}');
};
stream.bind(0, () => setInterval(send, 10));
`;

const sentBytes = (status: Status, path: string): number =>
  status.classes.find((one) => one.path === path)!.sent.bytes;

/** The mount goes with the instance. */
async function stopped(shaper: RunningShaper, mount: string): Promise<void> {
  await shaper.stop();
  await until('the mount is gone', () => !readFileSync('/proc/mounts', 'utf8').includes(mount));
}

/** In Mbit/s, IP bytes: what left each class between two statuses. */
function rates(before: Status, after: Status, paths: readonly string[]): number[] {
  const seconds = after.uptimeSeconds - before.uptimeSeconds;
  return paths.map((path) => (8e-6 * (sentBytes(after, path) - sentBytes(before, path))) / seconds);
}

describeNetns('virtual interfaces as files', () => {
  const world = useLab({ hasMounts: true });
  let talkers: Talkers | undefined;
  let folder = '';
  afterEach(async () => {
    await removeDeadMount(join(folder, 'net'));
    rmSync(folder, { recursive: true, force: true });
  });
  // Ends before that: hooks run in turn, the last one first.
  const start = useShapers(world);

  const begin = async (): Promise<{ shaper: RunningShaper; mount: string; router: Host }> => {
    const { lab } = world;
    // The folder of the lab is for root alone.
    folder = mkdtempSync(join(tmpdir(), 'shaper-netnice-'));
    chmodSync(folder, 0o755);
    const mount = join(folder, 'net');
    const shaper = await start(`
links: { wan: { device: wan0, up: { rate: 10mbit }, down: 10mbit } }
files: ${mount}
`);
    await until('the tree is mounted', () => readFileSync('/proc/mounts', 'utf8').includes(` ${mount} fuse`));
    return { shaper, mount, router: lab.router };
  };
  /** What a shell says, run by somebody. This process itself stays out of the mount. */
  const say = async (host: Host, script: string, ...as: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await host.exec([...as, 'bash', '-c', script], { check: false });
    return `${stdout}${stderr}`.trim();
  };

  it('two daemons have half of 4 Mbit/s each, the stream waits for nobody, the browser has the rest', async () => {
    const { shaper, mount, router } = await begin();
    talkers ??= await startTalkers(world.lab);
    const [one, two] = [await talkers.start(), await talkers.start()];
    const browser = await talkers.start({ before: STREAM(world.lab.server.addresses.v4) });
    const sockets = (await say(router, `ls ${mount}/processes/${browser.pid}/sockets`))
      .split('\n')
      .map(Number);
    const udp = await say(
      router,
      `for fd in ${sockets.join(' ')}; do
      inode=$(readlink /proc/${browser.pid}/fd/$fd | tr -dc 0-9); grep -q " $inode " /proc/${browser.pid}/net/udp && echo $fd
    done`,
    );
    expect(udp).toMatch(/^\d+$/);
    const told = await say(router, `${SCRIPT} ${mount} wan ${one.pid} ${two.pid} ${browser.pid} ${udp}`);
    expect(told.split('\n')).toEqual([
      expect.stringMatching(`^vif3/vif1: 4mbit, pid:${one.pid}`),
      expect.stringMatching(`^vif3/vif2: 4mbit, pid:${two.pid}`),
      expect.stringMatching(`^vif4: 10mbit, socket:${browser.pid}/${udp}`),
      expect.stringMatching(`^vif5: 3mbit, pid:${browser.pid}`),
    ]);
    await sleep(2000);
    const before = await shaper.status();
    await sleep(MEASURED_MS);
    const after = await shaper.status();
    const up = 'wan/up';
    const paths = ['vif3', 'vif3/vif1', 'vif3/vif2', 'vif4', 'vif5'].map((vif) => `${up}/${vif}`);
    const [both, first, second, stream, rest] = rates(before, after, paths) as [
      number,
      number,
      number,
      number,
      number,
    ];
    // Two connections of a busy machine may bring less, and are no less alike.
    expect(both).toBeGreaterThan(4 * 0.94);
    expect(both).toBeLessThan(4 * 1.02);
    expect(Math.abs(first / both - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(second / both - 0.5)).toBeLessThan(0.01);
    expect(stream).toBeGreaterThan(0.9);
    expect(stream).toBeLessThan(1.15);
    // One connection of a busy machine may bring less.
    expect(rest).toBeGreaterThan(3 * 0.75);
    expect(rest).toBeLessThan(3 * 1.02);
    const reportOf = (path: string) => after.classes.find((of) => of.path === path)!;
    const { dropped, sent, delayMicroseconds } = reportOf(`${up}/vif4`);
    // After a pause of a busy machine the stream comes in a burst, which CoDel sees.
    expect(dropped.aqm).toBeLessThan(0.01 * sent.packets);
    expect(dropped.tail).toBe(0);
    expect(delayMicroseconds.p50).toBeLessThan(reportOf(`${up}/vif5`).delayMicroseconds.p50 / 2);

    // rm detaches, and the process is where it was before.
    await say(router, `rm ${mount}/processes/${one.pid}/wan.up`);
    expect(await say(router, `cat ${mount}/network/${up}/vif3/vif1/clients`)).toBe('');
    await sleep(3000);
    const alone = await shaper.status();
    await sleep(2000);
    const [left, taken] = rates(alone, await shaper.status(), [paths[1]!, paths[2]!]) as [number, number];
    expect(left).toBeLessThan(0.05);
    expect(taken).toBeGreaterThan(3);
    for (const { child } of [one, two, browser]) child.kill('SIGKILL');
    await stopped(shaper, mount);
  }, 120_000);

  it('a delegated subtree is changed by its owner alone, and never beyond the ceil around it', async () => {
    const { shaper, mount, router } = await begin();
    const user = ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'];
    const net = `${mount}/network/wan/up`;
    const root = (script: string): Promise<string> => say(router, script);
    const nobody = (script: string): Promise<string> => say(router, script, ...user);
    expect(
      await root(
        `mkdir ${net}/theirs && echo 4mbit > ${net}/theirs/bandwidth && chown ${NOBODY} ${net}/theirs`,
      ),
    ).toBe('');
    expect(await nobody(`mkdir ${net}/theirs/mine && echo 3mbit > ${net}/theirs/mine/bandwidth`)).toBe('');
    talkers ??= await startTalkers(world.lab);
    const mine = await talkers.start({ wrap: user });
    expect(await nobody(`ln -s ../../network/wan/up/theirs/mine ${mount}/processes/${mine.pid}/wan.up`)).toBe(
      '',
    );
    await sleep(2000);
    const { up } = (await talkers.measure([mine], 3000))[0]!;
    expect(up).toBeLessThan(3.05);
    expect(up).toBeGreaterThan(2);
    expect(await nobody(`echo 9mbit > ${net}/theirs/mine/bandwidth`)).toContain('Invalid argument');
    expect(await nobody(`echo 9mbit > ${net}/theirs/bandwidth`)).toContain('Permission denied');
    expect(await nobody(`mkdir ${net}/others`)).toContain('Permission denied');
    expect(await nobody(`ln -s ../../network/wan/up ${mount}/processes/${process.pid}/wan.up`)).toContain(
      'Permission denied',
    );
    expect(
      (await shaper.status()).classes.find(({ path }) => path === 'wan/up/theirs/mine')!.ceilBitsPerSecond,
    ).toBe(3e6);
    mine.child.kill('SIGKILL');
    await stopped(shaper, mount);
  }, 120_000);
});
