/** What is mounted where, from /proc/self/mountinfo: without a look into any file system, which may hang. */
import { readFileSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { isSystemError } from '../../base/system-error.ts';

export interface Mount {
  /** major:minor of the file system. */
  readonly device: string;
  readonly path: string;
  readonly type: string;
  /** What its owner calls it. */
  readonly source: string;
}

/** Our type in the list of mounts. The kernel takes the part in front of the dot. */
export const OUR_TYPE = 'fuse.shaper';

/** `36 35 98:0 /root /path options tags… - type source options`. Blanks in paths are octal. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , device, , path] = front.split(' ');
    const [type, source] = back.split(' ');
    if (device === undefined || path === undefined || !type || source === undefined) return [];
    return [{ device, path: unescaped(path), type, source }];
  });
}

/** The kernel writes some bytes of a path as a backslash and three octal digits. */
function unescaped(path: string): string {
  const byte = (_: string, octal: string): string => String.fromCharCode(Number.parseInt(octal, 8));
  return Buffer.from(
    Buffer.from(path)
      .toString('latin1')
      .replace(/\\(\d{3})/g, byte),
    'latin1',
  ).toString();
}

/** The one on top at each path is the last in the list. */
export function listMounts(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Whether the first process here has other mounts than we. false: it has not, or there is no telling. */
export async function isMountPrivate(): Promise<boolean> {
  try {
    const [own, first] = await Promise.all(['self', '1'].map((pid) => readlink(`/proc/${pid}/ns/mnt`)));
    return own !== first;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** What programs see at the path; null: nothing is mounted there. */
export function mountAt(path: string): Mount | null {
  return listMounts().findLast((mount) => mount.path === path) ?? null;
}
