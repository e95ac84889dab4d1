/** Programs that use a mount. This process itself must not: it would wait for itself. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mayMount } from '../../../../src/files/fuse/mount.ts';

/** Why real mounts cannot be tried here; empty when they can. */
export function mountsMissing(): string {
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse';
  return mayMount(readFileSync('/proc/self/status', 'utf8')) === true ? '' : 'no CAP_SYS_ADMIN';
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a script of the shell in a folder, as somebody. */
export function sh(cwd: string, script: string, uid = 0): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' };
    // The shell enters the folder itself: spawn() would do so in this process.
    const child = spawn('bash', ['-c', `cd "$0" || exit 99\n${script}`, cwd], {
      ...{ env, uid, gid: uid },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, out, err }));
  });
}
