/**
 * The mount point: what may be there before, how it is mounted and how that ends. Nothing here looks into a
 * mount of ours from this process, which would wait for itself; a tool does that, and nobody waits for it
 * longer than a few seconds.
 */
import { lstat, mkdir, readdir, readFile, realpath, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EXIT_IMPOSSIBLE, OperatingError } from '../../base/errors.ts';
import { isSystemError, reasonOf } from '../../base/system-error.ts';
import { listMounts, type Mount, mountAt, OUR_TYPE } from './mounts.ts';
import { runTool } from './tool.ts';

const LOOK_MS_MAX = 3000;
const MOUNT_MS_MAX = 10_000;
const UNMOUNT_MS_MAX = 5000;
/** Mounts of ours that may lie on each other at one place. */
const DEAD_MAX = 16;
const CAP_SYS_ADMIN = 21n;

let mountsMade = 0;

export class MountError extends OperatingError {
  override readonly name = 'MountError';

  constructor(message: string, hint: string, cause?: unknown) {
    super(EXIT_IMPOSSIBLE, message, hint, cause);
  }
}

export interface MountPoint {
  /** Without links, as the kernel lists it. */
  readonly path: string;
  /** The outermost folder that was made for it; null: it was there. */
  readonly made: string | null;
}

/** Whether this process may mount; null: there is no telling. */
export function mayMount(statusText: string): boolean | null {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(statusText);
  return match ? ((BigInt(`0x${match[1]}`) >> CAP_SYS_ADMIN) & 1n) === 1n : null;
}

/** Throws MountError without the right to mount, before anything is touched. */
export async function checkRights(): Promise<void> {
  if (mayMount(await readFile('/proc/self/status', 'utf8')) !== false) return;
  const hint =
    'run it as root, or with CAP_SYS_ADMIN: only this process needs it, not the one that sees packets';
  throw new MountError('the capability CAP_SYS_ADMIN is missing, which mounting needs', hint);
}

/**
 * Makes the folder if it is missing. A mount of ours whose process has died is taken away.
 * @throws MountError
 */
export async function prepareMountPoint(folder: string): Promise<MountPoint> {
  const wanted = resolve(folder);
  try {
    const made = (await mkdir(dirname(wanted), { recursive: true, mode: 0o755 })) ?? null;
    const path = await withoutLinks(wanted);
    await clearDead(path);
    const madeHere = await mkdir(path, { recursive: true, mode: 0o755 });
    if ((await readdir(path)).length > 0)
      throw new MountError(`the mount point ${path} is not empty`, 'choose an empty folder, or a new one');
    return { path, made: made ?? madeHere ?? null };
  } catch (error) {
    if (error instanceof MountError) throw error;
    const code = isSystemError(error) ? error.code : '';
    // mkdir says EEXIST of something that is no directory.
    const reason = code === 'EEXIST' || code === 'ENOTDIR' ? 'not a directory' : reasonOf(error);
    throw new MountError(`mount point ${wanted}: ${reason}`, 'choose an empty folder, or a new one', error);
  }
}

/** As the kernel lists it. The folder itself is looked at only if nothing is mounted there. */
async function withoutLinks(folder: string): Promise<string> {
  const path = join(await realpath(dirname(folder)), basename(folder));
  return mountAt(path) === null && (await isLink(path)) ? realpath(path) : path;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Throws MountError if anything but a dead mount of ours is there. */
async function clearDead(path: string): Promise<void> {
  for (let n = 0; n < DEAD_MAX; n++) {
    const found = mountAt(path);
    if (found === null) return;
    if (found.type !== OUR_TYPE) {
      const message = `another file system (${found.type}) is mounted at ${path}`;
      throw new MountError(message, `choose another folder, or unmount it: umount ${path}`);
    }
    const state = await stateOf(path);
    if (state !== 'dead') {
      const message =
        state === 'alive'
          ? `another shaper serves files at ${path}`
          : `another shaper does not answer at ${path}`;
      const hint = `end that one, or choose another folder; umount -l -f ${path} takes its mount away`;
      throw new MountError(message, hint);
    }
    await unmountPath(path);
  }
  throw new MountError(`dead mounts at ${path} cannot be taken away`, `umount -l -f ${path}`);
}

/** A look by a tool, because a mount whose process stands still answers nobody. */
async function stateOf(path: string): Promise<'alive' | 'dead' | 'silent'> {
  const { status, stderr } = await runTool('stat', [path], LOOK_MS_MAX);
  if (status === null) return 'silent';
  return status !== 0 && /not connected|connection abort/i.test(stderr) ? 'dead' : 'alive';
}

/** Has a tool ask for something in the mount. */
export async function touch(path: string): Promise<void> {
  await runTool('stat', [join(path, '.end')], LOOK_MS_MAX);
}

/** Mounts the device that `fd` is. Returns what the kernel lists. @throws MountError */
export async function mountDevice(fd: number, { path }: MountPoint): Promise<Mount> {
  const ids = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`;
  // Tells this mount from others at the same place.
  const source = `shaper:${process.pid}.${++mountsMade}`;
  const options = `fd=3,rootmode=40000,${ids},allow_other,default_permissions,nosuid,nodev,noexec`;
  const args = ['-i', '-t', OUR_TYPE, '-o', options, source, path];
  const { status, stderr } = await runMount(args, fd);
  if (status !== 0) {
    const hint = 'Linux needs FUSE (modprobe fuse), and this process CAP_SYS_ADMIN where it mounts';
    throw new MountError(`mounting at ${path} failed: ${stderr || 'mount did not end in time'}`, hint);
  }
  const there = listMounts().filter((mount) => mount.path === path);
  const ours = there.find((mount) => mount.source === source);
  if (ours === undefined) throw new MountError(`the mount at ${path} has gone at once`, 'try again');
  // Two that start at the same instant both find an empty folder. The later one gives way.
  if (ours !== there[0]) {
    await unmountAll(ours);
    throw new MountError(`another shaper serves files at ${path}`, 'end that one, or choose another folder');
  }
  return ours;
}

async function runMount(args: readonly string[], fd: number): ReturnType<typeof runTool> {
  try {
    return await runTool('mount', args, MOUNT_MS_MAX, fd);
  } catch (error) {
    throw new MountError(`mount: ${reasonOf(error)}`, 'install the package mount', error);
  }
}

/**
 * Takes the file system away from all places where it is, and cuts its connection: programs that have files
 * of it open get an error with their next call. Says whether it is gone.
 */
export async function unmountAll({ device, source }: Mount): Promise<boolean> {
  // The kernel gives the number of a device again; together with the source it means one mount.
  const isOurs = (mount: Mount): boolean =>
    mount.device === device && mount.source === source && mount.type === OUR_TYPE;
  for (const { path } of listMounts().filter(isOurs).reverse()) await unmountPath(path);
  return !listMounts().some(isOurs);
}

/** `-l` never waits for those who use it, `-f` cuts the connection. */
async function unmountPath(path: string): Promise<void> {
  await runTool('umount', ['-l', '-f', path], UNMOUNT_MS_MAX);
}

/** Takes a mount away that a killed process left at the folder. Says whether there was one. */
export async function removeDeadMount(folder: string): Promise<boolean> {
  const wanted = resolve(folder);
  const path = await withoutLinks(wanted).catch(() => wanted);
  const found = mountAt(path);
  if (found?.type !== OUR_TYPE || (await stateOf(path)) !== 'dead') return false;
  return unmountAll(found);
}

/** Takes all mounts away that killed processes left. Returns where they were. */
export async function removeDeadMounts(): Promise<string[]> {
  const ours = listMounts().filter(({ type }) => type === OUR_TYPE);
  const removed: string[] = [];
  for (const { path } of ours) if (await removeDeadMount(path)) removed.push(path);
  return removed;
}

/** Removes what was made for the mount, as far as it is empty. */
export async function removeMade({ path, made }: MountPoint): Promise<void> {
  if (made === null) return;
  for (let folder = path; folder.length >= made.length; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (isSystemError(error)) return;
      throw error;
    }
  }
}
