/**
 * The folder of the control socket. Who may write to it or to one above it can put other things in the place
 * of the socket, so such a folder is refused.
 */
import { lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isSystemError, reasonOf } from '../base/system-error.ts';
import { ControlError } from './server.ts';

const STICKY = 0o1000;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const HINT = 'choose another control.socket, in a folder such as /run/shaper';

/**
 * Makes the folder if it is missing. Resolves with its real path, of which nobody but root and we can change
 * a part. A sticky folder that everybody may write to (/tmp) is fine.
 * @throws ControlError
 */
export async function trustedFolder(folder: string): Promise<string> {
  try {
    await refuseOthers(await realpath(await nearestThatExists(resolve(folder))));
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const real = await realpath(folder);
    await refuseOthers(real);
    return real;
  } catch (error) {
    if (error instanceof ControlError) throw error;
    throw new ControlError('failed', `control socket in ${folder}: ${reasonOf(error)}`, HINT);
  }
}

async function nearestThatExists(folder: string): Promise<string> {
  try {
    await lstat(folder);
    return folder;
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error;
    return nearestThatExists(dirname(folder));
  }
}

/**
 * Looks at the folder and all above it. In a user namespace root's own folders belong to the owner of `/`.
 */
async function refuseOthers(real: string): Promise<void> {
  const owners = [0, process.geteuid?.() ?? 0, (await stat('/')).uid];
  for (let folder = real; ; folder = dirname(folder)) {
    const { uid, gid, mode } = await stat(folder);
    const groupWrites = (mode & GROUP_WRITES) !== 0 && gid !== process.getegid?.();
    const othersWrite = (groupWrites || (mode & OTHERS_WRITE) !== 0) && (mode & STICKY) === 0;
    if (othersWrite || !owners.includes(uid)) {
      const who = othersWrite ? 'can be written by others' : `belongs to another user (${uid})`;
      throw new ControlError('foreign', `control socket: the folder ${folder} ${who}`, HINT);
    }
    if (folder === '/') return;
  }
}
