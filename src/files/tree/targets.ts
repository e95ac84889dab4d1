/** From the target of a link to a class, and back. */
import { FileError } from '../fuse/filesystem.ts';
import type { Names } from './branch.ts';
import { NETWORK } from './network.ts';

/**
 * The path of the class at a target, as it was given to `ln -s`. `directory` are the names from the root of
 * the tree to the directory of the link. Throws EINVAL.
 */
export function classAt(target: string, directory: Names, mountPoint: string): string {
  const names = target.startsWith('/') ? below(target, mountPoint) : [...directory, ...target.split('/')];
  const walked: string[] = [];
  for (const name of names ?? []) {
    if (name === '' || name === '.') continue;
    if (name !== '..') walked.push(name);
    else if (walked.pop() === undefined) throw wrong(target, `it leads out of ${mountPoint}`);
  }
  const [top, ...path] = walked;
  if (names === null) throw wrong(target, `it is not in ${mountPoint}`);
  if (top !== NETWORK || path.length < 2)
    throw wrong(target, `it leads to ${walked.join('/') || 'the root'}`);
  return path.join('/');
}

/** The target that is read of a link in a directory so many names below the root. */
export function targetText(path: string, depth: number): string {
  return `${'../'.repeat(depth)}${NETWORK}/${path}`;
}

/** null: the path is elsewhere. */
function below(target: string, mountPoint: string): readonly string[] | null {
  const names = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');
  const [at, all] = [names(mountPoint), names(target)];
  return at.every((name, i) => all[i] === name) ? all.slice(at.length) : null;
}

function wrong(target: string, fault: string): FileError {
  const rule = `a link leads to a class, such as ../../${NETWORK}/LINK/up/CLASS`;
  return new FileError('EINVAL', `${target}: ${fault}; ${rule}`);
}
