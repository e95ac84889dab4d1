/**
 * Hears at once when a control group is made or removed in one of some groups. A service that starts has a
 * new group, and its first packet comes soon after.
 */
import { type FSWatcher, watch } from 'node:fs';
import { isSystemError } from '../../base/system-error.ts';

/** Groups beyond these are looked at from time to time only. The kernel bounds the watches of a user. */
const FOLDERS_MAX = 100;

export class GroupWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** From now on these folders are watched, and no others. */
  follow(folders: Iterable<string>): void {
    const wanted = new Set([...folders].slice(0, FOLDERS_MAX));
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  close(): void {
    this.follow([]);
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#onChange);
      // It is looked at from time to time all the same.
      watcher.on('error', () => this.#watchers.delete(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
}
