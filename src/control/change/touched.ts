/** Which change was the last one of a class: a request that was made before it may contradict it. */
import { CLASS_CHANGES_REMEMBERED } from '../../limits.ts';

export class Touched {
  /** By path: the generation of its last change. The least lately changed stands first. */
  private readonly last = new Map<string, number>();
  /** The last change of all. */
  private generation: number;
  /** Changes up to here may have been forgotten. */
  private forgotten: number;

  constructor(generation: number) {
    this.generation = generation;
    this.forgotten = generation;
  }

  mark(paths: Iterable<string>, generation: number): void {
    this.generation = generation;
    for (const path of paths) {
      this.last.delete(path);
      this.last.set(path, generation);
    }
    while (this.last.size > CLASS_CHANGES_REMEMBERED) {
      const [path, at] = this.last.entries().next().value!;
      this.last.delete(path);
      this.forgotten = Math.max(this.forgotten, at);
    }
  }

  /** The last change within the scope. */
  lastOf(scope: Scope): number {
    if (scope.kind === 'all') return this.generation;
    let last = this.forgotten;
    for (const [path, at] of this.last) if (at > last && isWithin(scope, path)) last = at;
    return last;
  }
}

/** What a request would overwrite: one class, a class with all inside it, or everything. */
export type Scope =
  | { readonly kind: 'class'; readonly path: string }
  | { readonly kind: 'subtree'; readonly path: string }
  | { readonly kind: 'all' };

export function isWithin(scope: Scope, path: string): boolean {
  if (scope.kind === 'all' || path === scope.path) return true;
  return scope.kind === 'subtree' && path.startsWith(`${scope.path}/`);
}
