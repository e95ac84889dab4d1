/**
 * Control groups of cgroup2 as directories. The id of a group, which the kernel tells of a socket, is the
 * inode number of its directory. Paths begin at the mount: `/system.slice/nginx.service`.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';
import { unlessGone } from '../unless-gone.ts';

/** 64 bits in two unsigned words. */
export interface CgroupId {
  readonly high: number;
  readonly low: number;
}

/** Where cgroup2 is mounted: /sys/fs/cgroup, or a directory below it beside groups of version 1. */
export function cgroupMount(mounts: string = readFileSync('/proc/self/mounts', 'utf8')): string | null {
  for (const line of mounts.split('\n')) {
    const [, place, kind] = line.split(' ');
    // Spaces and backslashes of a place are written in octal.
    if (kind === 'cgroup2' && place)
      return place.replace(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 8)),
      );
  }
  return null;
}

export class Cgroups {
  readonly mount: string;

  constructor(mount: string) {
    this.mount = mount;
  }

  /** People copy paths below /sys as well. */
  withoutMount(path: string): string {
    const isBelow = path === this.mount || path.startsWith(`${this.mount}/`);
    return isBelow ? path.slice(this.mount.length) || '/' : path;
  }

  /** null if there is no such group. */
  idOf(path: string): CgroupId | null {
    return unlessGone(() => {
      const { ino } = statSync(this.folderOf(path), { bigint: true });
      return { high: Number(ino >> 32n), low: Number(ino & 0xffffffffn) };
    });
  }

  /** The folder in which a group is, or would be: the nearest around it that is there. */
  folderAround(path: string): string {
    const parent = parentOf(path);
    return parent === '/' || this.idOf(parent) !== null ? this.folderOf(parent) : this.folderAround(parent);
  }

  folderOf(path: string): string {
    return path === '/' ? this.mount : this.mount + path;
  }

  /** The names of the groups directly in a group. */
  children(path: string): string[] {
    const entries = unlessGone(() => readdirSync(this.folderOf(path), { withFileTypes: true })) ?? [];
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  /** The group and all groups below it; none if there is no such group. */
  below(path: string): string[] {
    if (this.idOf(path) === null) return [];
    const paths = [path];
    for (const one of paths) for (const name of this.children(one)) paths.push(joined(one, name));
    return paths;
  }

  /** The processes in this group, without those in groups below it. */
  processes(path: string): number[] {
    const text = unlessGone(() => readFileSync(`${this.folderOf(path)}/cgroup.procs`, 'utf8')) ?? '';
    // A process of another pid namespace is 0.
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  }

  /** Throws system errors, as the following do. */
  make(path: string): void {
    mkdirSync(this.folderOf(path));
  }

  join(path: string, pid: number): void {
    writeFileSync(`${this.folderOf(path)}/cgroup.procs`, String(pid));
  }

  /** Removes a group in which nothing is. Returns whether it is gone. */
  remove(path: string): boolean {
    try {
      rmdirSync(this.folderOf(path));
      return true;
    } catch (error) {
      if (isSystemError(error)) return error.code === 'ENOENT';
      throw error;
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The path of a group in a group. */
export function joined(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

/** Groups with such a name, but none inside another of them. */
export function groupsCalled(cgroups: Cgroups, isMeant: (name: string) => boolean): string[] {
  const found: string[] = [];
  const waiting = ['/'];
  for (const path of waiting) {
    for (const name of cgroups.children(path)) (isMeant(name) ? found : waiting).push(joined(path, name));
  }
  return found;
}
