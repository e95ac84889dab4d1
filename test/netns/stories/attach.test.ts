/** Programs, users, control groups and sockets that are attached to classes, on real packets. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { cgroupMount } from '../../../src/io/proc/cgroups.ts';
import {
  classOf,
  describeNetns,
  type Lab,
  type RunningShaper,
  sleep,
  until,
  useLab,
  useShapers,
} from '../harness.ts';
import { endTalker, isThere, type Rates, startTalkers, type Talker, type Talkers } from './talkers.ts';

/** Whatever is not attached shares what is left. */
const CONFIG = `
links:
  wan:
    device: wan0
    up: { rate: 20mbit, classes: { slow: { ceil: 3mbit, match: none }, quick: { match: none }, rest: {} } }
    down: { rate: 24mbit, classes: { slow: { ceil: 5mbit, match: none }, rest: {} } }
`;
const DIST = fileURLToPath(new URL('../../../dist/shaper.js', import.meta.url));
const SLOW = ['wan/up/slow', 'wan/down/slow'];
const MOUNT = cgroupMount()!;
/** In the group `others`; the user of no file. */
const NOBODY = 65534;

interface Attached {
  readonly attachments: readonly {
    readonly id: number;
    readonly subject: string;
    readonly classes: readonly string[];
    readonly processes: number;
    readonly state: string;
  }[];
}

async function attached(shaper: RunningShaper): Promise<Attached['attachments']> {
  const { stdout } = await shaper.cli(['attached', '--json', '--socket', shaper.socketPath]);
  return (JSON.parse(stdout) as Attached).attachments;
}

async function ask(shaper: RunningShaper, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await shaper.cli([...args, '--socket', shaper.socketPath]);
  expect(code, stderr).toBe(0);
  return stdout;
}

/**
 * What the class lets through. A busy machine counts a burst late, and may bring less, but not next to
 * nothing.
 */
function expectSlow({ up, down }: Rates): void {
  expect(up).toBeLessThan(3.4);
  expect(up).toBeGreaterThan(1.5);
  expect(down).toBeLessThan(5.6);
  expect(down).toBeGreaterThan(2.5);
}

/** Clearly more than the class lets through. */
function expectFree({ up, down }: Rates): void {
  expect(up).toBeGreaterThan(3.6);
  expect(down).toBeGreaterThan(6);
}

/** The server of a lab stays for all its tests. */
function oncePerLab(world: { readonly lab: Lab }): () => Promise<Talkers> {
  const started = new WeakMap<Lab, Promise<Talkers>>();
  afterEach(async () => (await started.get(world.lab))?.endAll());
  return () => {
    const talkers = started.get(world.lab) ?? startTalkers(world.lab);
    started.set(world.lab, talkers);
    return talkers;
  };
}

describeNetns('attached to classes', () => {
  const world = useLab({ hasMounts: true });
  const start = useShapers(world);
  const groups: string[] = [];
  afterEach(() => {
    for (const path of groups.splice(0).reverse()) rmdirSync(path);
  });
  // Programs end before their groups are removed: what is declared last runs first.
  const inLab = oncePerLab(world);

  const begin = async () => {
    const shaper = await start(CONFIG);
    return { shaper, talkers: await inLab() };
  };
  const end = async (...all: readonly Talker[]): Promise<void> => {
    for (const one of all) await endTalker(one);
  };

  it('a program that transfers already is held within a second, its children too, and free again', async () => {
    const { shaper, talkers } = await begin();
    const program = await talkers.start({ wrap: ['sh', '-c', '"$@" & wait', 'sh'] });
    const other = await talkers.start({ family: 6 });
    const shell = program.child.pid!;
    expect(program.pid, 'the program is a child of what is attached').not.toBe(shell);
    await sleep(1000);
    for (const rates of await talkers.measure([program, other], 2000)) expectFree(rates);

    expect(await ask(shaper, 'attach', `pid:${shell}`, ...SLOW)).toContain('2 processes, 1 socket');
    await sleep(1000);
    const [held, untouched] = await talkers.measure([program, other], 3000);
    expectSlow(held!);
    expectFree(untouched!);

    await ask(shaper, 'detach', `pid:${shell}`);
    await sleep(1000);
    expectFree((await talkers.measure([program], 2000))[0]!);
    await end(program, other);
  });

  it('a user is held with all that runs by his rights, and nobody else', async () => {
    const { shaper, talkers } = await begin();
    const become = `process.setgid(${NOBODY}); process.setuid(${NOBODY});`;
    const [his, ours] = [await talkers.start({ before: become }), await talkers.start()];
    await ask(shaper, 'attach', `user:${NOBODY}`, ...SLOW);
    const later = await talkers.start({ before: become, family: 6 });
    await sleep(1000);
    const [first, second, untouched] = await talkers.measure([his, later, ours], 3000);
    expectSlow({ up: first!.up + second!.up, down: first!.down + second!.down });
    expectFree(untouched!);
    await end(his, later, ours);
    expect(await attached(shaper)).toMatchObject([{ subject: `user:${NOBODY}`, state: 'waiting' }]);
  });

  it('a unit is held: what runs in its group, and what came into it with open connections', async () => {
    const { shaper, talkers } = await begin();
    const name = `shaper-test-${process.pid}.service`;
    const folder = `${MOUNT}/${name}`;
    mkdirSync(folder);
    groups.push(folder);
    const moved = await talkers.start();
    writeFileSync(`${folder}/cgroup.procs`, String(moved.pid));
    const join = `require('node:fs').writeFileSync('${folder}/cgroup.procs', String(process.pid));`;
    const begun = await talkers.start({ before: join });
    const other = await talkers.start();
    await ask(shaper, 'attach', `unit:${name}`, ...SLOW);
    await sleep(1000);
    const [first, second, untouched] = await talkers.measure([moved, begun, other], 3000);
    expectSlow({ up: first!.up + second!.up, down: first!.down + second!.down });
    expectFree(untouched!);
    await end(moved, begun, other);
  });

  it('one socket is held, and the other of the same program is not', async () => {
    const { shaper, talkers } = await begin();
    const program = await talkers.start({ connections: 2 });
    const [one, other] = [program.connection(0), program.connection(1)];
    await ask(shaper, 'attach', `socket:${program.pid}/${one.fd}`, ...SLOW);
    await sleep(1000);
    const [held, untouched] = await talkers.measure([one, other], 3000);
    expectSlow(held!);
    expectFree(untouched!);
    await end(program);
    await until('nobody has the socket', async () => (await attached(shaper)).length === 0);
  });

  it('a process that ends leaves nothing, and a class that is removed lets its programs go', async () => {
    const { shaper, talkers } = await begin();
    const [first, second] = [await talkers.start(), await talkers.start()];
    await ask(shaper, 'attach', `pid:${first.pid}`, ...SLOW);
    await ask(shaper, 'attach', `pid:${second.pid}`, 'wan/up/quick', 'wan/down/slow');
    await ask(shaper, 'class', 'remove', 'wan/down/slow');
    expect((await attached(shaper)).map(({ classes }) => classes)).toEqual([
      ['wan/up/slow'],
      ['wan/up/quick'],
    ]);
    await sleep(1000);
    const [half, free] = await talkers.measure([first, second], 2000);
    expect(half!.up).toBeLessThan(3.4);
    expect(half!.down).toBeGreaterThan(6);
    expectFree(free!);
    await ask(shaper, 'class', 'remove', 'wan/up/slow');
    expect((await attached(shaper)).map(({ subject }) => subject)).toEqual([`pid:${second.pid}`]);
    await end(first, second);
    await until('nothing is attached', async () => (await attached(shaper)).length === 0);
  });

  it('what an attached shell starts is in the class with its first packet', async () => {
    const { shaper, talkers } = await begin();
    const shell = world.lab.router.spawn(['sh', '-c', 'read line; exec sh -c "$line"']);
    await ask(shaper, 'attach', `pid:${shell.pid}`, 'wan/up/quick');
    // A number of children that the packet thread has to find by itself.
    const connect = `exec 3<>/dev/tcp/${world.lab.server.addresses.v4}/7100 && echo hello >&3`;
    shell.stdin?.end(`for n in 1 2 3 4 5 6 7 8 9 10; do bash -c '${connect}'; done\n`);
    await new Promise((resolve) => shell.once('exit', resolve));
    void talkers;
    const status = await shaper.status();
    expect(classOf(status, 'wan/up/quick').sent.packets).toBeGreaterThan(30);
    // The last packets of a connection whose process has ended belong to nobody.
    expect(classOf(status, 'wan/up/rest').sent.packets).toBeLessThanOrEqual(20);
  });
});

describeNetns('shaper exec', () => {
  const world = useLab({ hasMounts: true });
  const start = useShapers(world);
  const inLab = oncePerLab(world);
  const leftGroups = (): string[] => readdirSync(MOUNT).filter((name) => name.startsWith('shaper-exec-'));

  it('starts a command in a class of its own with the first packet, also if it is killed itself', async () => {
    const shaper = await start(CONFIG);
    const talkers = await inLab();
    const made = ['--up', '2mbit', '--down', '4mbit', '--socket', shaper.socketPath, '--'];
    const exec = [process.execPath, DIST, 'exec', 'wan/up/slow', 'wan/down', ...made];
    const program = await talkers.start({ wrap: exec });
    expect(await attached(shaper)).toMatchObject([
      { classes: ['wan/up/slow/exec-1', 'wan/down/exec-1'], processes: 2, state: 'active' },
    ]);
    await sleep(1000);
    const [rates] = await talkers.measure([program], 2000);
    expect(rates!.up).toBeLessThan(2.3);
    expect(rates!.down).toBeLessThan(4.5);
    const before = await shaper.status();
    for (const path of ['wan/up/rest', 'wan/down/rest', 'wan/up/quick', 'wan/up/slow/default'])
      expect(classOf(before, path).sent.packets, path).toBe(0);

    program.child.kill('SIGKILL');
    await until('exec has ended', () => !isThere(program.child.pid!));
    await sleep(1000);
    const [after] = await talkers.measure([program], 2000);
    expect(after!.up).toBeLessThan(2.3);
    expect(after!.up).toBeGreaterThan(0.5);

    process.kill(program.pid, 'SIGKILL');
    await until('nothing is attached', async () => (await attached(shaper)).length === 0);
    await until('its classes are gone', async () =>
      (await shaper.status()).classes.every(({ path }) => !path.includes('exec-')),
    );
    await until('its group is gone', () => leftGroups().length === 0);
  });

  it('ends as the command ends', async () => {
    const shaper = await start(CONFIG);
    const exec = (...command: string[]) =>
      shaper.cli(['exec', 'wan/up/slow', '--socket', shaper.socketPath, '--', ...command]);
    expect(await exec('sh', '-c', 'echo out; echo err >&2; exit 7')).toMatchObject({
      ...{ code: 7, stdout: 'out\n', stderr: 'err\n' },
    });
    expect((await exec('sh', '-c', 'kill -TERM $$')).signal).toBe('SIGTERM');
    expect(await exec('no-such-command')).toMatchObject({ code: 127 });
    expect(await exec()).toMatchObject({ code: 2 });
    const refused = await shaper.cli(['exec', 'wan', '--socket', shaper.socketPath, '--', 'true']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('wan is a link') });
    expect(await attached(shaper)).toEqual([]);
    expect(leftGroups()).toEqual([]);
  });

  it('passes signals on, and a class that it made is not kept by save', async () => {
    const shaper = await start(CONFIG);
    const folder = world.lab.folder;
    const args = ['exec', 'wan/up/slow', '--up', '1mbit', '--socket', shaper.socketPath, '--'];
    const command = ['sh', '-c', 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done'];
    const child = world.lab.router.spawn([process.execPath, DIST, ...args, ...command]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await ask(shaper, 'save', `${folder}/saved.yaml`);
    expect(readFileSync(`${folder}/saved.yaml`, 'utf8')).not.toContain('exec-');
    await ask(shaper, 'reload');
    expect(classOf(await shaper.status(), 'wan/up/slow/exec-1').path).toBe('wan/up/slow/exec-1');
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(5);
    await until('its class is gone', async () =>
      (await shaper.status()).classes.every(({ path }) => !path.includes('exec-')),
    );
    expect(existsSync(`${folder}/saved.yaml`)).toBe(true);
  });
});
