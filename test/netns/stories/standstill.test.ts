/** The process stands still: Ctrl-Z, SIGSTOP. Packets pass, and are shaped again when it goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { watchdogProgram } from '../../../src/io/rules/watchdog.ts';
import {
  describeNetns,
  ended,
  type Host,
  packetsUnaccounted,
  ping,
  type RunningShaper,
  sleep,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { hasTable, ruleset } from '../rules-bed.ts';

const CONFIG = 'links: { wan: { device: wan0, up: 50mbit, down: 50mbit } }';
const STILL = 'this process stood still, so its rules were taken out and packets passed';
const AGAIN = 'the rules are installed again';

/** The child that owns the table, among those that run for a moment. */
const NFT = /\bnft .*-i$/;
const WATCHDOG = /shaper-watchdog/;

const NO_CONTROL_GROUPS = 'no control groups of version 2 here';
const CONTROL_GROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) =>
  existsSync(`${path}/cgroup.procs`),
);

/** Process ids of the children of the shaper with such a command line. */
async function children(router: Host, shaper: RunningShaper, command: RegExp): Promise<number[]> {
  const { stdout } = await router.exec(['ps', '--ppid', String(shaper.pid), '-o', 'pid=,args='], {
    check: false,
  });
  return stdout
    .split('\n')
    .filter((line) => command.test(line) && !line.includes('<defunct>'))
    .map((line) => Number.parseInt(line, 10));
}

const sorted = (text: string): string[] => text.split('\n').sort();

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeNetns('a process that stands still', () => {
  const world = useLab();
  const start = useShapers(world);

  it('stopped with its group: packets pass after a second, and are shaped again when it goes on', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const shaper = await start(CONFIG);
    const during = await ruleset(router);
    // As a shell does with a job: the group of the shaper is its own here.
    const echo = ping(client, server, { count: 80, intervalMs: 50 });
    await sleep(300);
    shaper.child.kill('SIGSTOP');
    await until('the table is gone', async () => !(await hasTable(router)));
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    shaper.child.kill('SIGCONT');
    expect(await shaper.logged(STILL)).toMatchObject({ level: 'warn', seconds: expect.any(Number) });
    await shaper.logged(AGAIN);
    // The process id is the same; the table is younger than those of iptables.
    expect(sorted(await ruleset(router))).toEqual(sorted(during));
    expect((await echo).gapMs).toBeLessThan(2500);
    const counted = (await shaper.status()).totals.received.packets;
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    const status = await shaper.status();
    expect(status.totals.received.packets - counted).toBeGreaterThanOrEqual(6);
    expect(packetsUnaccounted(status)).toBe(0);

    // Once more, and this time it is ended as soon as it goes on.
    shaper.child.kill('SIGSTOP');
    await until('the table is gone', async () => !(await hasTable(router)));
    shaper.child.kill('SIGTERM');
    const { code, tookMs } = await shaper.stop('SIGCONT');
    expect([code, tookMs < 7000]).toEqual([0, true]);
    expect(await ruleset(router)).toBe(before);
  });

  it('a short pause, a busy machine and Ctrl-Z change nothing', async () => {
    const { client, router, server } = world.lab;
    const shaper = await start(CONFIG);
    const nft = await children(router, shaper, NFT);
    expect(nft).toHaveLength(1);
    for (let pause = 0; pause < 4; pause++) {
      shaper.child.kill('SIGSTOP');
      await sleep(400);
      shaper.child.kill('SIGCONT');
      await sleep(100);
    }
    shaper.child.kill('SIGTSTP');
    await shaper.logged('SIGTSTP is ignored: packets would wait. SIGTERM or Ctrl-C stops the shaper');
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    expect(await children(router, shaper, NFT)).toEqual(nft);
    expect(shaper.logs.some(({ msg }) => msg === STILL)).toBe(false);
    expect((await shaper.stop()).code).toBe(0);
  });

  it('a watchdog that is ended has a successor, and none outlives the shaper, even if nft is stopped', async () => {
    const { client, router, server } = world.lab;
    const before = await ruleset(router);
    const shaper = await start(CONFIG);
    const [first] = await children(router, shaper, WATCHDOG);
    process.kill(first!, 'SIGTERM');
    await sleep(100);
    expect(await children(router, shaper, WATCHDOG)).toEqual([first]);
    process.kill(first!, 'SIGKILL');
    await shaper.logged('somebody ended the watchdog; another one takes its place');
    await until('there is another', async () =>
      (await children(router, shaper, WATCHDOG)).some((pid) => pid !== first),
    );
    const [second] = await children(router, shaper, WATCHDOG);
    const [nft] = await children(router, shaper, NFT);
    shaper.child.kill('SIGSTOP');
    await until('the table is gone', async () => !(await hasTable(router)));
    shaper.child.kill('SIGCONT');
    await shaper.logged(AGAIN);
    expect([isAlive(second!), isAlive(nft!)]).toEqual([false, false]);

    const [third] = await children(router, shaper, WATCHDOG);
    const [stopped] = await children(router, shaper, NFT);
    process.kill(stopped!, 'SIGSTOP');
    await shaper.kill();
    await until('nothing is left', () => !isAlive(third!) && !isAlive(stopped!));
    expect((await ping(client, server, { count: 3 })).received).toBe(3);
    expect(await hasTable(router)).toBe(false);
    const next = await start(CONFIG);
    expect((await next.stop()).code).toBe(0);
    expect(await ruleset(router)).toBe(before);
  });

  it('frozen with its control group: the same', async (context) => {
    const { client, router, server } = world.lab;
    if (CONTROL_GROUPS === undefined) return context.skip(NO_CONTROL_GROUPS);
    const shaper = await start(CONFIG);
    const group = `${CONTROL_GROUPS}/shaper-test-${process.pid}`;
    mkdirSync(group);
    try {
      // What the shaper starts from now on is in the group.
      writeFileSync(`${group}/cgroup.procs`, String(shaper.pid));
      const [first] = await children(router, shaper, WATCHDOG);
      process.kill(first!, 'SIGKILL');
      await until('there is another, and it has left the group', async () => {
        // Members last: one that starts between the two would seem to have left.
        const dogs = await children(router, shaper, WATCHDOG);
        const members = readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').map(Number);
        return dogs.some((pid) => pid !== first && !members.includes(pid));
      });
      writeFileSync(`${group}/cgroup.freeze`, '1');
      await until('the table is gone', async () => !(await hasTable(router)));
      expect((await ping(client, server, { count: 3 })).received).toBe(3);
      writeFileSync(`${group}/cgroup.freeze`, '0');
      await shaper.logged(AGAIN);
      expect((await shaper.stop()).code).toBe(0);
    } finally {
      writeFileSync(`${group}/cgroup.freeze`, '0');
      await shaper.kill();
      rmdirSync(group);
    }
  });

  it('frozen at the moment at which the watchdog has left the group: it watches', async (context) => {
    if (CONTROL_GROUPS === undefined) return context.skip(NO_CONTROL_GROUPS);
    const groups = [1, 2, 3, 4].map((n) => `${CONTROL_GROUPS}/shaper-test-${process.pid}-${n}`);
    const watched: ChildProcess[] = [];
    const dogs: ChildProcess[] = [];
    try {
      for (const group of groups) {
        mkdirSync(group);
        const nft = spawn('sleep', ['120'], { stdio: 'ignore' });
        watched.push(nft);
        // The shell joins the group and becomes the watchdog, which never gets a byte.
        const script = `echo $$ > ${group}/cgroup.procs; read line; exec ${watchdogProgram()} ${nft.pid}`;
        const dog = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit'] });
        dogs.push(dog);
        const isMember = (): boolean =>
          readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').includes(String(dog.pid));
        await until('it has joined', isMember);
        dog.stdin?.write('\n');
        // Without a pause: what it still does for a fraction of a millisecond must not matter.
        const endMs = performance.now() + 20_000;
        while (isMember() && performance.now() < endMs);
        writeFileSync(`${group}/cgroup.freeze`, '1');
      }
      const ends = await Promise.all(watched.map((nft) => ended(nft, 20_000)));
      expect(ends).toEqual(groups.map(() => true));
    } finally {
      for (const child of watched) child.kill('SIGKILL');
      for (const group of groups.filter((path) => existsSync(path)))
        writeFileSync(`${group}/cgroup.freeze`, '0');
      await Promise.all(dogs.map((dog) => ended(dog, 20_000)));
      for (const group of groups.filter((path) => existsSync(path))) rmdirSync(group);
    }
  });
});
