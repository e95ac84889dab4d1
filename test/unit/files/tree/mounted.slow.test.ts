/** The tree in a real mount: what shells see, and the errno of each refusal, as root and as others. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDeadMount } from '../../../../src/files/fuse/mount.ts';
import { type MountedFiles, mountFiles } from '../../../../src/files/fuse/mounted.ts';
import { LinuxMachine } from '../../../../src/files/tree/machine.ts';
import { createTree } from '../../../../src/files/tree/open-tree.ts';
import { groupsOfProcess } from '../../../../src/files/tree/rights.ts';
import { Accounts } from '../../../../src/io/accounts.ts';
import { mountsMissing, sh } from '../fuse/tools.ts';
import { closeWorlds, world } from './world.ts';

const NOBODY = 65534;
const missing = mountsMissing();

let place: string;
let mounted: MountedFiles | null = null;
let made: ReturnType<typeof world>;
const sleepers: ChildProcess[] = [];
const faults: unknown[] = [];

beforeEach(async () => {
  if (missing !== '') return;
  place = await mkdtemp(join(tmpdir(), 'shaper-tree-mount-'));
  made = world();
  const tree = createTree({
    ...{ ask: made.ask, mountPoint: place, accounts: new Accounts(), machine: new LinuxMachine() },
    groupsOf: groupsOfProcess,
  });
  mounted = await mountFiles(tree, place, (error) => faults.push(error));
});
afterEach(async () => {
  await mounted?.close();
  mounted = null;
  for (const child of sleepers.splice(0)) child.kill('SIGKILL');
  closeWorlds();
  if (missing !== '') return;
  await removeDeadMount(place);
  await rm(place, { recursive: true });
  expect(faults).toEqual([]);
});

/** A process of somebody. */
function sleeper(uid: number): number {
  const child = spawn('sleep', ['1000'], { uid, gid: uid, stdio: 'ignore', cwd: '/' });
  sleepers.push(child);
  return child.pid!;
}

/** What the shell prints; all of it on one line, errors included. */
async function said(script: string, uid = 0): Promise<string> {
  const { out, err } = await sh(place, `exec 2>&1\n${script}`, uid);
  return `${out}${err}`.trim();
}

describe.skipIf(missing !== '')(`a mounted tree${missing === '' ? '' : ` (${missing})`}`, () => {
  it('is used with echo, cat, mkdir, mv and rmdir', async () => {
    const script = `cd network/wan/up
      cat vif3/bandwidth; echo 3mbit > vif3/bandwidth; cat vif3/bandwidth
      mkdir vif3/vif1; echo 2 > vif3/vif1/weight; cat vif3/vif1/weight; cat vif3/vif1/match
      mv vif3/vif1 vif3/first; ls -d vif3/first; rmdir vif3/first; ls -d vif3/first
      echo much > vif3/bandwidth; cat vif3/error; cat vif3/bandwidth`;
    const lines = (await said(script)).split('\n');
    expect(lines.slice(0, 5)).toEqual(['4mbit', '3mbit', '2', 'none', 'vif3/first']);
    expect(lines[5]).toContain('No such file or directory');
    expect(lines[6]).toContain('Invalid argument');
    expect(lines[7]).toContain("'much' is not a rate");
    expect(lines.at(-1)).toBe('3mbit');
  });

  it.each([
    ['echo 11mbit > network/wan/up/vif3/bandwidth', 'Invalid argument'],
    ['echo 1 > network/wan/up/vif3/stat', 'Read-only file system'],
    ['echo 1 > network/wan/up/vif3/nothing', 'Operation not permitted'],
    ['cat network/wan/up/none/rate', 'No such file or directory'],
    ['mkdir network/wan/up/vif3', 'File exists'],
    ['mkdir network/wan/up/Big', 'Invalid argument'],
    ['mkdir network/new', 'Read-only file system'],
    ['mkdir network/wan/up/vif3/rate/x', 'Not a directory'],
    ['mkdir network/wan/up/vif3/a && rmdir network/wan/up/vif3', 'Directory not empty'],
    ['rmdir network/wan/up/default', 'Device or resource busy'],
    ['rm network/wan/up/vif3/rate', 'Operation not permitted'],
    [
      "python3 -c \"import os; os.rename('network/wan/up/vif3', 'network/wan/down/vif3')\"",
      'Invalid cross-device link',
    ],
    ['mkdir processes/4194303', 'No such file or directory'],
    ['ln -s ../../network/wan/up/none processes/$$/wan.up', 'Invalid argument'],
    ['ln -s ../../network/wan/up/vif3 processes/$$/else', 'Invalid argument'],
    ['ln -s x network/wan/up/vif3/x', 'Operation not permitted'],
    ['chown nobody processes/$$', 'Operation not permitted'],
  ])('as root: %s: %s', async (script, errno) => {
    expect(await said(script)).toContain(errno);
  });

  it.each([
    ['echo 1mbit > network/wan/up/vif3/bandwidth', 'Permission denied'],
    ['echo 1mbit > network/wan/up/vif3/stat', 'Permission denied'],
    ['mkdir network/wan/up/x', 'Permission denied'],
    ['rmdir network/wan/up/vif3', 'Permission denied'],
    ['mv network/wan/up/vif3 network/wan/up/x', 'Permission denied'],
    ['chmod 777 network/wan/up/vif3', 'Operation not permitted'],
    ['chown 65534 network/wan/up/vif3/rate', 'Operation not permitted'],
    ['ln -s ../../network/wan/up/vif3 processes/$$/wan.up', 'Permission denied'],
    ['ln -s ../../network/wan/up/vif3 processes/1/wan.up', 'Permission denied'],
    ['ls processes/1/sockets', 'Permission denied'],
  ])('as nobody: %s: %s', async (script, errno) => {
    expect(await said(script, NOBODY)).toContain(errno);
    expect(made.service.generation).toBe(0);
  });

  it('a subtree is delegated by chown, and its user does there as he likes, within its limits', async () => {
    expect(await said('chown nobody network/wan/up/vif3')).toBe('');
    const user = (script: string): Promise<string> => said(`cd network/wan/up/vif3\n${script}`, NOBODY);
    expect(await user('mkdir mine && echo 2mbit > mine/bandwidth && cat mine/bandwidth')).toBe('2mbit');
    expect(await user('stat -c "%U %a" . mine mine/bandwidth bandwidth mine/stat')).toBe(
      'nobody 755\nnobody 755\nnobody 644\nroot 644\nnobody 444',
    );
    expect(await user('echo 9mbit > mine/bandwidth')).toContain('Invalid argument');
    expect(await user('cat mine/error')).toContain('above the 4mbit of wan/up/vif3');
    expect(await user('echo 9mbit > bandwidth')).toContain('Permission denied');
    expect(await user('mv mine theirs && rmdir theirs')).toBe('');
    expect((await made.service.config()).yaml).toContain('access: { dir: nobody:root 755 }');
  });

  it('a process is attached by ln -s of its user, and shown by ls, readlink and clients', async () => {
    const pid = sleeper(NOBODY);
    await said('chown nobody network/wan/up/vif3');
    const link = `processes/${pid}/wan.up`;
    expect(
      await said(
        `mkdir processes/${pid} && ln -s ../../network/wan/up/vif3 ${link} && readlink ${link}`,
        NOBODY,
      ),
    ).toBe('../../network/wan/up/vif3');
    expect(await said(`cat network/wan/up/vif3/clients; ls processes/${pid}; cat ${link}/bandwidth`)).toBe(
      `pid:${pid} text of pid:${pid}\nerror\nsockets\nwan.up\n4mbit`,
    );
    expect(await said(`ln -sn ../../network/wan/up/web ${link}`)).toContain('File exists');
    expect(await said(`ln -sfn $PWD/network/wan/up/web ${link} && readlink ${link}`)).toBe(
      '../../network/wan/up/web',
    );
    expect(await said(`rm ${link}`, NOBODY)).toContain('Permission denied');
    expect(await said(`rm ${link} && ls processes/${pid}`)).toBe('error\nsockets');
    expect(await said(`ln -s ../../network/wan/up/vif3 ${link}`, 1)).toContain('Permission denied');
  });

  it('a thousand classes are listed with one question', async () => {
    const classes = Array.from({ length: 1000 }, (_, i) => `c${i}: { match: none }`);
    const text = `links: { wan: { device: e, up: { rate: 9mbit, classes: { ${classes} } } } }`;
    await made.service.reload({ file: '/x.yaml', text }, undefined);
    const before = made.asked.length;
    const [count, took] = (
      await said(
        's=$(date +%s%N); ls -l network/wan/up | grep -c "^d"; echo $((($(date +%s%N) - s) / 1000000))',
      )
    ).split('\n');
    expect(count).toBe('1001');
    const questions = made.asked.slice(before).length;
    // One for each tenth of a second that it took.
    expect(questions).toBeLessThanOrEqual(2 + Number(took) / 50);
  });

  it('writers of several programs each make one change', async () => {
    await said('cd network/wan/up/vif3; for i in $(seq 12); do mkdir c$i & done; wait');
    expect(await said('cd network/wan/up/vif3; ls -d c[0-9]* | wc -l')).toBe('12');
    await said('cd network/wan/up/vif3; for i in $(seq 12); do echo $i > c$i/weight & done; wait');
    expect(await said('cat network/wan/up/vif3/c12/weight')).toBe('12');
  });

  it('a class that goes while its file is open leaves no program waiting', async () => {
    const script = `exec 3<> network/wan/up/vif3/weight; rmdir network/wan/up/vif3; echo 2 >&3; cat <&3; echo over`;
    const lines = (await said(script)).split('\n');
    expect(lines[0]).toMatch(/No such file or directory|Stale file handle/);
    expect(lines.at(-1)).toBe('over');
  });
});
