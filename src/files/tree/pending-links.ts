/**
 * Links that wait for their name. `ln -sf` cannot put a link in the place of another one, so it makes one
 * with a name of its own choice and renames it. Until then it attaches nothing.
 */
import { FileError } from '../fuse/filesystem.ts';
import type { Names } from './branch.ts';

/** As GNU coreutils name them. */
const TEMPORARY = /^Cu[A-Za-z0-9]{6}$/;
const PENDING_MAX = 64;

export class PendingLinks {
  readonly #targets = new Map<string, string>();

  isTemporary(name: string): boolean {
    return TEMPORARY.test(name);
  }

  add(names: Names, target: string): void {
    const path = names.join('/');
    if (this.#targets.has(path)) throw new FileError('EEXIST');
    this.#targets.set(path, target);
    const [oldest] = this.#targets.keys();
    if (this.#targets.size > PENDING_MAX) this.#targets.delete(oldest!);
  }

  get(names: Names): string | null {
    return this.#targets.get(names.join('/')) ?? null;
  }

  /** Whether it was there. */
  remove(names: Names): boolean {
    return this.#targets.delete(names.join('/'));
  }
}
