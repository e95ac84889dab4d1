/** Replaces a file so that nothing is lost, whatever fails. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EXIT_FAILED, OperatingError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { isSystemError, reasonOf } from '../base/system-error.ts';

const NEW_FILE_MODE = 0o644;
const PERMISSIONS = 0o7777;

/**
 * The file has the old text or the new one at every instant, whatever fails. Mode and owner stay. A symbolic
 * link stays too, and the file behind it is replaced.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  let temporary: string | null = null;
  try {
    const target = await behindLinks(file);
    const old = await statOrNull(target);
    if (old !== null && !old.isFile()) throw new Error('not a regular file');
    const suffix = randomBytes(6).toString('hex');
    const path = join(dirname(target), `.${basename(target)}.${suffix}`);
    // Nobody else reads it before it has the mode of the old file.
    const handle = await open(path, 'wx', 0o600);
    temporary = path;
    try {
      await handle.writeFile(text);
      if (old !== null) await handle.chown(old.uid, old.gid);
      await handle.chmod(old === null ? NEW_FILE_MODE & ~process.umask() : old.mode & PERMISSIONS);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(path, target);
    temporary = null;
    await syncFolder(dirname(target));
  } catch (error) {
    if (temporary !== null) await removeIfThere(temporary);
    const reason = reasonOf(error, {
      ENOSPC: 'no space is left on the device',
      EDQUOT: 'the quota of disk space is used up',
      EACCES: 'permission denied',
      EPERM: 'not permitted (to keep its owner, for example)',
      ENOENT: 'no such folder',
    });
    throw new OperatingError(
      EXIT_FAILED,
      `cannot save to ${printable(file)}: ${reason}`,
      'the file is as it was',
    );
  }
}

/** The file that a path leads to, which need not be there. */
async function behindLinks(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    if (await isLink(file)) throw new Error('a symbolic link to nothing');
    return join(await realpath(dirname(file)), basename(file));
  }
}

async function removeIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

async function isLink(file: string): Promise<boolean> {
  return lstat(file).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

async function statOrNull(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** So that the new name is on the disk as well. Some file systems cannot; the text itself is safe. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  } finally {
    await handle.close();
  }
}
