/** What is mounted where, from /proc/self/mountinfo: without a look into any file system, which may hang. */
import { readFileSync } from 'node:fs';

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
    return [{ device, path: path.replace(/\\(\d{3})/g, (_, octal) => byteOf(octal)), type, source }];
  });
}

function byteOf(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}

/** The one on top at each path is the last in the list. */
export function listMounts(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** What programs see at the path; null: nothing is mounted there. */
export function mountAt(path: string): Mount | null {
  return listMounts().findLast((mount) => mount.path === path) ?? null;
}
