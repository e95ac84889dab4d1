import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { trustedFolder } from '../../../src/control/folder.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'shaper-test-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A folder in `base` with this mode, whatever the umask. */
function folder(name: string, mode: number): string {
  const path = join(base, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

const REFUSED = { name: 'ControlError', code: 'foreign' };

describe('the folder of the control socket', () => {
  it('is made if it is missing, below a sticky /tmp too', async () => {
    expect(await trustedFolder(join(base, 'a', 'b'))).toBe(join(base, 'a', 'b'));
    expect(existsSync(join(base, 'a', 'b'))).toBe(true);
  });

  it('is refused if others may write to it or to one above, and nothing is made there', async () => {
    const open = folder('open', 0o777);
    await expect(trustedFolder(open)).rejects.toMatchObject(REFUSED);
    await expect(trustedFolder(join(open, 'below'))).rejects.toMatchObject(REFUSED);
    expect(existsSync(join(open, 'below'))).toBe(false);
    expect(await trustedFolder(folder('sticky', 0o1777))).toBe(join(base, 'sticky'));
  });

  it('behind a link it is the real one that counts', async () => {
    symlinkSync(folder('open', 0o777), join(base, 'innocent'));
    await expect(trustedFolder(join(base, 'innocent'))).rejects.toMatchObject(REFUSED);
    symlinkSync(folder('own', 0o755), join(base, 'link'));
    expect(await trustedFolder(join(base, 'link'))).toBe(join(base, 'own'));
  });

  it('a link to nowhere is said', async () => {
    const message = expect.stringContaining('ENOENT');
    symlinkSync('/nowhere', join(base, 'dangling'));
    await expect(trustedFolder(join(base, 'dangling'))).rejects.toMatchObject({ code: 'failed', message });
  });

  it.runIf(process.geteuid?.() === 0)('of another user or group is refused', async () => {
    const theirs = folder('theirs', 0o755);
    chownSync(theirs, 65534, 65534);
    await expect(trustedFolder(theirs)).rejects.toMatchObject(REFUSED);
    const shared = folder('shared', 0o775);
    chownSync(shared, 0, 65534);
    await expect(trustedFolder(shared)).rejects.toMatchObject(REFUSED);
  });
});
