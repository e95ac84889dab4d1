/** Real mounts: what usual tools see, who may do what, and that nothing hangs however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeDeadMount } from '../../../../src/files/fuse/mount.ts';
import { type MountedFiles, mountFiles } from '../../../../src/files/fuse/mounted.ts';
import { listMounts } from '../../../../src/files/fuse/mounts.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { mountsMissing, sh } from './tools.ts';

const NOBODY = 65534;
const ROOT = { uid: 0, gid: 0, pid: 1 };

let folder: string;
let place: string;
let fileSystem: MemoryFileSystem;
let open: MountedFiles[] = [];
let children: ChildProcess[] = [];
const faults: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shaper-files-'));
  await sh(folder, 'chmod 755 .');
  place = join(folder, 'net');
  fileSystem = new MemoryFileSystem();
});
afterEach(async () => {
  await Promise.all(open.map((mounted) => mounted.close()));
  for (const child of children) child.kill('SIGKILL');
  open = [];
  children = [];
  await removeDeadMount(place);
  await rm(folder, { recursive: true });
  expect(faults).toEqual([]);
});

async function mount(at = place, files = fileSystem): Promise<MountedFiles> {
  const mounted = await mountFiles(files, at, (error) => faults.push(error));
  open.push(mounted);
  return mounted;
}

/** Another process that mounts there. Resolves with what it says. */
async function mountElsewhere(at = place): Promise<{ child: ChildProcess; said: string }> {
  const file = fileURLToPath(new URL('./mount-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, at], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const said = await new Promise<string>((resolve) =>
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim())),
  );
  return { child, said };
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

describe.skipIf(mountsMissing() !== '')('a mount', () => {
  test('usual tools go through the tree', async () => {
    for (const path of ['a', 'a/b', 'c']) await fileSystem.makeDirectory(path, 0o755, ROOT);
    await mount();
    const { out: listed, err } = await sh(place, 'ls -lR; ls -la . >/dev/null');
    expect(err).toBe('');
    expect(listed.match(/bandwidth$/gm)?.length).toBe(4);
    const found = await sh(place, 'find . -type f | sort; find . -type d | wc -l');
    expect(found.out.trim().split('\n')).toHaveLength(9);
    expect(found.out).toMatch(/\n4\n$/);
    expect((await sh(place, 'grep -r 4mbit . | sort')).out.split('\n')[0]).toBe('./a/b/bandwidth:4mbit');
    const packed = await sh(
      place,
      `tar cf - . | (mkdir ${folder}/copy && tar xf - -C ${folder}/copy) && cat ${folder}/copy/a/b/stat`,
    );
    expect(packed).toEqual({ status: 0, out: 'packets 12\nbytes 3456\n', err: '' });
    expect(
      (await sh(place, 'du -s . >/dev/null && df . >/dev/null && cp -r a ../copy2 && diff -r a ../copy2'))
        .status,
    ).toBe(0);
  });

  test('thousands of directories are listed, each once', async () => {
    for (let i = 0; i < 3000; i++) await fileSystem.makeDirectory(`class-${i}`, 0o755, ROOT);
    await mount();
    expect((await sh(place, 'ls | wc -l; ls -U | sort -u | wc -l')).out).toBe('3002\n3002\n');
  });

  test('directories, links and values are made, changed and removed', async () => {
    await mount();
    const script = [
      'mkdir -p a/b && echo 5mbit > a/b/bandwidth && cat a/b/bandwidth',
      'ln -s ../a a/link && readlink a/link && cat a/link/b/bandwidth',
      'mv a/b c && cat c/bandwidth',
      'rm a/link && rmdir a c && ls',
    ];
    const { out, err } = await sh(place, script.join('\n'));
    expect([err, out.trim().split('\n')]).toEqual([
      '',
      ['5mbit', '../a', '5mbit', '5mbit', 'bandwidth', 'stat'],
    ]);
  });

  test('a bad value is an error of its write and changes nothing; no value is too long for an error', async () => {
    await mount();
    expect((await sh(place, 'echo bad > bandwidth')).err).toContain('Invalid argument');
    expect(
      (await sh(place, 'head -c 300000 /dev/zero | tr "\\0" x | dd bs=300000 iflag=fullblock of=bandwidth'))
        .err,
    ).toContain('File too large');
    expect((await sh(place, 'cat bandwidth')).out).toBe('4mbit\n');
    expect(
      (
        await sh(
          place,
          'printf "25\\n" | dd bs=1 of=bandwidth 2>/dev/null; echo 26 >> stat; cat bandwidth stat',
        )
      ).out,
    ).toBe('25\n26\n');
  });

  test('an editor that would replace the file is told, and may write into it', async () => {
    await mount();
    const saved = await sh(place, 'echo 6mbit > .bandwidth.swp && mv .bandwidth.swp bandwidth');
    expect(saved.status).not.toBe(0);
    expect(saved.err).toContain('Operation not permitted');
    expect((await sh(place, 'sed -i s/4/7/ bandwidth')).status).not.toBe(0);
    expect((await sh(place, 'cat bandwidth; ls -A')).out).toBe('4mbit\nbandwidth\nstat\n');
    expect(
      (
        await sh(
          place,
          'sed s/4/7/ bandwidth > /tmp/h-$$ && cp /tmp/h-$$ bandwidth; rm /tmp/h-$$; cat bandwidth',
        )
      ).out,
    ).toBe('7mbit\n');
  });

  test('owner and mode of the tree are obeyed', async () => {
    await mount();
    await sh(place, 'mkdir a && chmod 640 a/stat');
    expect((await sh(place, 'echo 1mbit > a/bandwidth', NOBODY)).err).toContain('Permission denied');
    expect((await sh(place, 'cat a/stat', NOBODY)).err).toContain('Permission denied');
    expect((await sh(place, 'mkdir a/b', NOBODY)).err).toContain('Permission denied');
    await sh(place, `chown ${NOBODY}:${NOBODY} a a/bandwidth`);
    expect(await sh(place, 'echo 1mbit > a/bandwidth && mkdir a/b && stat -c %u a/b', NOBODY)).toEqual({
      status: 0,
      out: `${NOBODY}\n`,
      err: '',
    });
    expect((await sh(place, 'chmod 777 .', NOBODY)).err).toContain('not permitted');
    expect(fileSystem.changes).toEqual([`write a/bandwidth "1mbit\\n" by ${NOBODY}`]);
  });

  test('fifty readers and writers at once', async () => {
    await mount();
    const writers =
      'for i in $(seq 25); do (mkdir w$i; for n in 1 2 3 4; do echo $i$n > w$i/bandwidth; done; cat w$i/bandwidth) & done';
    const readers =
      'for i in $(seq 25); do (for n in 1 2 3 4; do cat stat; ls -R >/dev/null 2>&1; done) & done';
    const { out, err } = await sh(place, `${writers}\n${readers}\nwait`);
    expect(err).toBe('');
    const lines = out.trim().split('\n');
    const values = lines.filter((line) => /^\d+$/.test(line)).sort();
    expect(values).toEqual(Array.from({ length: 25 }, (_, i) => `${i + 1}4`).sort());
    expect(lines.filter((line) => line === 'bytes 3456')).toHaveLength(100);
  });

  test('a change from elsewhere is seen by the next read', async () => {
    await mount();
    await sh(place, 'mkdir a && cat a/stat && ls a');
    await fileSystem.write('a/stat', 'other\n', ROOT);
    expect((await sh(place, 'cat a/stat')).out).toBe('other\n');
    await fileSystem.removeDirectory('a');
    expect((await sh(place, 'cat a/stat; ls')).out).toBe('bandwidth\nstat\n');
  });
});

describe.skipIf(mountsMissing() !== '')('a mount point', () => {
  test('is made if it is missing, and removed again', async () => {
    const deep = join(folder, 'x/y');
    const mounted = await mount(deep);
    expect((await sh(deep, 'ls')).out).toBe('bandwidth\nstat\n');
    await mounted.close();
    await mounted.ended;
    expect((await sh(folder, 'ls')).out).toBe('');
  });

  test('must be an empty directory with nothing of others on it', async () => {
    await mkdir(join(folder, 'full/inside'), { recursive: true });
    await expect(mount(join(folder, 'full'))).rejects.toThrow(/full is not empty/);
    await writeFile(join(folder, 'file'), '');
    await expect(mount(join(folder, 'file'))).rejects.toThrow(/not a directory/);
    await expect(mount(join(folder, 'file/x'))).rejects.toThrow(/not a directory/);
    await sh(folder, 'mkdir other && mount -t tmpfs none other');
    await expect(mount(join(folder, 'other'))).rejects.toThrow(/another file system \(tmpfs\) is mounted/);
    await sh(folder, 'umount other');
    await sh(folder, 'ln -s . loop && mkdir real && ln -s real link');
    expect((await mount(join(folder, 'loop/link'))).path).toBe(join(folder, 'real'));
  });

  test('belongs to one at a time', async () => {
    await mount();
    await expect(mount()).rejects.toThrow(/another shaper serves files at/);
    expect((await sh(place, 'cat bandwidth')).out).toBe('4mbit\n');
    const { said } = await mountElsewhere();
    expect(said).toContain('another shaper serves files at');
  });

  test('of two that start at once one gives way', async () => {
    const results = await Promise.allSettled([mount(), mount()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(listMounts().filter(({ path }) => path === place)).toHaveLength(1);
    expect((await sh(place, 'cat bandwidth')).out).toBe('4mbit\n');
  });
});

describe.skipIf(mountsMissing() !== '')('the end', () => {
  test('is orderly after a signal: nothing is left', async () => {
    const { child, said } = await mountElsewhere();
    expect(said).toBe('mounted');
    child.kill('SIGTERM');
    await ended(child);
    expect([child.exitCode, (await sh(folder, 'ls')).out]).toEqual([0, '']);
  });

  test('after SIGKILL the next start replaces the dead mount', async () => {
    const { child } = await mountElsewhere();
    child.kill('SIGKILL');
    await ended(child);
    expect((await sh(folder, 'ls net')).err).toContain('not connected');
    await mount();
    expect((await sh(place, 'cat bandwidth')).out).toBe('4mbit\n');
    expect(listMounts().filter(({ path }) => path === place)).toHaveLength(1);
  });

  test('a dead mount is taken away, one that lives is not', async () => {
    const { child } = await mountElsewhere();
    expect(await removeDeadMount(place)).toBe(false);
    child.kill('SIGKILL');
    await ended(child);
    expect(await removeDeadMount(place)).toBe(true);
    expect(listMounts().some(({ path }) => path === place)).toBe(false);
  });

  test('programs that have files open, or wait for an answer, get an error', async () => {
    const mounted = await mount();
    const wait = 'while [ ! -e go ]; do sleep 0.1; done';
    const holder = sh(place, `exec 3< stat; read -r line <&3; echo "$line"; cd ${folder}; ${wait}; cat <&3`);
    const asked = new Set<string>();
    fileSystem.before = async (call, path) => {
      asked.add(`${call} ${path}`);
      if (call === 'write') await new Promise(() => undefined);
    };
    const waiter = sh(place, 'echo 1mbit > bandwidth');
    await expect
      .poll(() => asked.has('read stat') && asked.has('write bandwidth'), { timeout: 30_000 })
      .toBe(true);
    await mounted.close();
    await mounted.ended;
    await writeFile(join(folder, 'go'), '');
    expect((await waiter).err).toMatch(
      /write error: (Software caused connection abort|Transport endpoint is not connected)/,
    );
    const { out, err } = await holder;
    expect(out).toBe('packets 12\n');
    expect(err).toMatch(/connect/);
    expect((await sh(folder, 'ls')).out).toBe('go\n');
  });

  test('is noticed when somebody else unmounts', async () => {
    const mounted = await mount();
    await sh(folder, 'umount net');
    await mounted.ended;
    await mounted.close();
    expect((await sh(folder, 'ls')).out).toBe('');
  });
});
