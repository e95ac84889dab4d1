import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../../src/io/replace-file.ts';
import { filesWith } from '../cli/helpers.ts';

let files = filesWith({});
const setUp = (more: Record<string, string> = {}): typeof files => {
  files.remove();
  files = filesWith(more);
  return files;
};
afterEach(() => files.remove());

describe('replacing a file', () => {
  it('replaces the text, keeps the mode, and leaves nothing else behind', async () => {
    const { path } = setUp({ 'a.yaml': 'old' });
    chmodSync(path('a.yaml'), 0o640);
    const before = statSync(path('a.yaml'));
    await replaceFile(path('a.yaml'), 'new');
    const after = statSync(path('a.yaml'));
    expect(readFileSync(path('a.yaml'), 'utf8')).toBe('new');
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(after.ino).not.toBe(before.ino);
    expect(readdirSync(dirname(path('a.yaml')))).toEqual(['a.yaml']);
  });

  it('makes a file that is not there, readable as the umask says', async () => {
    const { path } = setUp();
    await replaceFile(path('b.yaml'), 'new');
    expect(statSync(path('b.yaml')).mode & 0o777).toBe(0o644 & ~process.umask());
  });

  it('goes through a symbolic link', async () => {
    const { path } = setUp({ 'a.yaml': 'old' });
    symlinkSync('a.yaml', path('link.yaml'));
    await replaceFile(path('link.yaml'), 'new');
    expect(lstatSync(path('link.yaml')).isSymbolicLink()).toBe(true);
    expect(readFileSync(path('a.yaml'), 'utf8')).toBe('new');
  });

  it('a folder, a missing folder and a link to nothing are refused, and nothing is left behind', async () => {
    const { path } = setUp();
    mkdirSync(path('folder'));
    symlinkSync('nothing', path('link'));
    for (const [name, reason] of [
      ['folder', 'not a regular file'],
      ['none/x.yaml', 'no such folder'],
      ['link', 'a symbolic link to nothing'],
    ] as const)
      await expect(replaceFile(path(name), 'new')).rejects.toMatchObject({
        exitCode: 1,
        message: expect.stringContaining(reason),
      });
    expect(readdirSync(dirname(path('x'))).sort()).toEqual(['folder', 'link']);
  });

  it('a full disk leaves the old file whole', async () => {
    // The length of files is bounded instead of the disk.
    const { path } = setUp({ 'a.yaml': 'old' });
    const script = `import { replaceFile } from ${JSON.stringify(new URL('../../../src/io/replace-file.ts', import.meta.url).href)};
      await replaceFile(${JSON.stringify(path('a.yaml'))}, 'x'.repeat(100000)).then(() => console.log('written'), (error) => console.log(error.message));`;
    const command = `ulimit -f 1; trap '' XFSZ; exec ${process.execPath} --import tsx --input-type=module -e "$SCRIPT"`;
    const out = execFileSync('bash', ['-c', command], {
      env: { ...process.env, SCRIPT: script },
      encoding: 'utf8',
    });
    expect(out).toContain('cannot save to');
    expect(readFileSync(path('a.yaml'), 'utf8')).toBe('old');
    expect(readdirSync(dirname(path('a.yaml')))).toEqual(['a.yaml']);
  });
});
