/** A file system that is mounted and served, from its beginning to its end. */
import { open } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isSystemError, reasonOf } from '../../base/system-error.ts';
import { FuseDevice } from './device.ts';
import type { FileSystem } from './filesystem.ts';
import {
  checkRights,
  MountError,
  type MountPoint,
  mountDevice,
  prepareMountPoint,
  removeMade,
  touch,
  unmountAll,
} from './mount.ts';
import type { Mount } from './mounts.ts';
import { Session } from './session.ts';

const DEVICE = '/dev/fuse';
/** Programs whose calls are under way at the end get their answers within this time, or an error. */
const LAST_ANSWERS_MS = 300;
const END_MS = 3000;
const READY_MS = 10_000;

export interface MountedFiles {
  /** Without links. */
  readonly path: string;
  /** The mount has gone, by us or by somebody else. Rejects if the kernel refuses to go on. */
  readonly ended: Promise<void>;
  /** Takes the mount away, or at least ends the connection, so that nobody waits for us. */
  close(): Promise<void>;
}

/**
 * Resolves when programs can use the mount.
 * @throws MountError
 */
export async function mountFiles(
  fileSystem: FileSystem,
  folder: string,
  onFault: (error: unknown) => void,
): Promise<MountedFiles> {
  await checkRights();
  const fd = await openDevice();
  const device = new FuseDevice(fd);
  let isReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const session = new Session({
    ...{ fileSystem, onFault, onReady: isReady },
    send: (answer) => device.send(answer),
  });
  const ended = device.serve((bytes) => session.handle(bytes)).finally(() => session.close());
  ended.catch(() => undefined);
  let point: MountPoint | null = null;
  try {
    point = await prepareMountPoint(folder);
    const mount = await mountDevice(fd, point);
    device.mounted();
    return await begun(device, mount, point, session, ended, ready);
  } catch (error) {
    device.giveUp();
    if (point) await removeMade(point);
    throw error;
  }
}

async function begun(
  device: FuseDevice,
  mount: Mount,
  point: MountPoint,
  session: Session,
  ended: Promise<void>,
  ready: Promise<void>,
): Promise<MountedFiles> {
  const isGone = ended.then(() => true);
  const close = async (): Promise<void> => {
    const late = new AbortController();
    const within = (ms: number): Promise<boolean> => sleep(ms, false, { signal: late.signal });
    try {
      await Promise.race([session.idle(), within(LAST_ANSWERS_MS)]);
      const isAway = await unmountAll(mount);
      const hasEnded = isAway && (await Promise.race([isGone.catch(() => true), within(END_MS)]));
      if (hasEnded) await removeMade(point);
      else {
        // The kernel keeps the mount. A request by a tool ends the read that waits, and so the connection.
        device.endWithNext();
        await touch(point.path);
      }
    } finally {
      late.abort();
    }
  };
  const began = await Promise.race([ready.then(() => true), isGone, sleep(READY_MS, false, { ref: false })]);
  if (began) return { path: point.path, ended, close };
  await close();
  throw new MountError(`the kernel did not begin to use the mount at ${point.path}`, 'try again');
}

async function openDevice(): Promise<number> {
  try {
    return await promisify(open)(DEVICE, 'r+');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const hint =
      error.code === 'ENOENT' || error.code === 'ENODEV'
        ? 'this kernel has no FUSE: modprobe fuse; a container needs --device /dev/fuse'
        : 'run it as root; a container needs --device /dev/fuse';
    throw new MountError(`${DEVICE}: ${reasonOf(error)}`, hint, error);
  }
}
