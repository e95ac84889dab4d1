/** The process that shows classes as files, beside a real instance: how it starts, is kept, and ends. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { call } from '../../../src/client/client.ts';
import { removeDeadMount } from '../../../src/files/fuse/mount.ts';
import { mountAt, OUR_TYPE } from '../../../src/files/fuse/mounts.ts';
import {
  describeNetns,
  ended,
  type Finished,
  type RunningShaper,
  shaperCommand,
  until,
  useLab,
  useShapers,
} from '../harness.ts';

const LINKS = 'links: { wan: { device: wan0, up: { rate: 10mbit, classes: { guests: { rate: 2mbit } } } } }';
const SERVED = 'classes are shown as files';

const isMounted = (folder: string): boolean => mountAt(folder)?.type === OUR_TYPE;

/** Processes whose parent is this one and whose command line has the word. */
function childrenOf(parent: number, word: string): number[] {
  const read = (pid: string, name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8');
    } catch {
      // It has ended meanwhile.
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) =>
      read(pid, 'stat')
        .replace(/^.*\) \S+ /s, '')
        .startsWith(`${parent} `),
    )
    .filter((pid) => read(pid, 'cmdline').includes(word))
    .map(Number);
}

describeNetns('classes as files', () => {
  const world = useLab({ hasMounts: true });
  let folder = '';
  let net = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shaper-story-'));
    net = join(folder, 'net');
  });
  afterEach(async () => {
    for (const name of ['net', 'other']) await removeDeadMount(join(folder, name));
    rmSync(folder, { recursive: true, force: true });
  });
  // Hooks run in the reverse order: the instances end before their folder is removed.
  const start = useShapers(world);

  const served = (shaper: RunningShaper): number => shaper.logs.filter(({ msg }) => msg === SERVED).length;
  const rewrite = (shaper: RunningShaper, files: string): Promise<Finished> => {
    const text = readFileSync(shaper.configPath, 'utf8');
    writeFileSync(shaper.configPath, text.replace(/^files: .*$/m, `files: ${files}`));
    return shaper.cli(['reload', shaper.configPath]);
  };
  /** This process stays out of the mount: it could wait for ever. */
  const shell = async (script: string): Promise<string> => {
    const { stdout, stderr } = await world.lab.router.exec(['sh', '-c', script], { check: false });
    return `${stdout}${stderr}`.trim();
  };

  it('the instance starts the process, keeps it, and ends it', async () => {
    const shaper = await start(`${LINKS}\nfiles: ${net}`);
    await shaper.logged(SERVED);
    expect(await shell(`cat ${net}/network/wan/up/guests/rate`)).toBe('2mbit');
    const [first] = childrenOf(shaper.pid, 'files-process');
    process.kill(first!, 'SIGKILL');
    await until('the next process', () => served(shaper) === 2);
    expect(await shell(`cat ${net}/network/wan/up/guests/rate`)).toBe('2mbit');
    expect(childrenOf(shaper.pid, 'files-process')).not.toContain(first);
    const { code } = await shaper.stop();
    // Who replaces a dead mount finds the folder there, and leaves it.
    expect([code, isMounted(net), readdirSync(folder)]).toEqual([0, false, ['net']]);
  });

  it('a change that was answered is seen by the next read', async () => {
    const shaper = await start(`${LINKS}\nfiles: ${net}`);
    await shaper.logged(SERVED);
    for (let i = 1; i <= 10; i++) {
      const rate = `${1000 + i}kbit`;
      await call(shaper.socketPath, 'PATCH', '/v1/classes/wan/up/guests', { rate });
      expect(await shell(`cat ${net}/network/wan/up/guests/rate`)).toBe(rate);
    }
  });

  it('another folder, or none, holds with a reload', async () => {
    const shaper = await start(`${LINKS}\nfiles: ${net}`);
    await shaper.logged(SERVED);
    const other = join(folder, 'other');
    expect((await rewrite(shaper, other)).code).toBe(0);
    await until('the other folder', () => isMounted(other) && served(shaper) === 2);
    expect([isMounted(net), await shell(`ls ${other}/network`)]).toEqual([false, 'wan']);
    expect((await rewrite(shaper, 'none')).code).toBe(0);
    await until('no folder', () => !isMounted(other));
    expect((await rewrite(shaper, 'net')).code).toBe(2);
  });

  it('a folder that cannot be taken is told, and packets go on', async () => {
    mkdirSync(join(net, 'full'), { recursive: true });
    const shaper = await start(`${LINKS}\nfiles: ${net}`);
    await shaper.logged(`no files: the mount point ${net} is not empty`);
    expect((await shaper.status()).warnings).toContainEqual(`no files: the mount point ${net} is not empty`);
    // It is tried again.
    rmSync(join(net, 'full'), { recursive: true });
    await shaper.logged(SERVED);
    expect((await shaper.status()).warnings).toEqual([]);
  });

  it('the mount goes with an instance that is killed', async () => {
    const shaper = await start(`${LINKS}\nfiles: ${net}`);
    await shaper.logged(SERVED);
    await shaper.kill();
    await until('no mount', () => !isMounted(net));
    expect(await shell(`ls ${folder}`)).toBe('');
  });

  it('shaper files does the same by hand, and clean takes away what a killed one left', async () => {
    const shaper = await start(LINKS);
    const command = [...shaperCommand(), 'files', net, '--socket', shaper.socketPath];
    const killed = world.lab.router.spawn(command);
    await until('the mount', () => isMounted(net));
    expect(await shell(`ls ${net}/network/wan/up/guests | head -1`)).toBe('ackFilter');
    const second = await shaper.cli(['files', net, '--socket', shaper.socketPath]);
    expect([second.code, second.stderr]).toEqual([
      3,
      expect.stringContaining('another shaper serves files at'),
    ]);
    killed.kill('SIGKILL');
    await ended(killed, 30_000);
    expect(await shell(`ls ${net}`)).toContain('not connected');
    expect((await shaper.cli(['clean'])).stdout).toContain(`umount ${net}`);
    expect(isMounted(net)).toBe(false);
    const left = world.lab.router.spawn(command);
    await until('the mount', () => isMounted(net));
    await shaper.stop();
    expect(await ended(left, 30_000)).toBe(true);
    expect([left.exitCode, isMounted(net)]).toEqual([1, false]);
  });
});
