/**
 * Which process was found behind an inode. The kernel numbers sockets upwards, so the newest few thousand
 * have places of their own: a new inode takes the place of the one that is as many older, and nothing grows.
 */
import type { Holder } from './holder.ts';

/** A power of two. */
const PLACES = 16384;

export class InodeCache {
  private readonly inodes = new Uint32Array(PLACES);
  private readonly holders: (Holder | null)[] = new Array<Holder | null>(PLACES).fill(null);
  /** When the answer "nobody" was found: it holds for one generation of processes. */
  private readonly generations = new Float64Array(PLACES);

  /** The process that was found; null: no process that is known; undefined: nobody has looked. */
  find(inode: number, generation: number): Holder | null | undefined {
    const place = inode & (PLACES - 1);
    if (this.inodes[place] !== inode) return undefined;
    const holder = this.holders[place]!;
    if (holder) return holder.isGone ? undefined : holder;
    return this.generations[place] === generation ? null : undefined;
  }

  set(inode: number, holder: Holder | null, generation: number): void {
    const place = inode & (PLACES - 1);
    this.inodes[place] = inode;
    this.holders[place] = holder;
    this.generations[place] = generation;
  }
}
