/**
 * Nodes that the kernel knows by number, and where each is. A node has its parent and name instead of a path,
 * so a directory that is renamed takes all below along, open files as well. The kernel counts how often it
 * was given a node and says when it forgets it; until then its number stays valid. Numbers are never given
 * again, so no generation has to tell two nodes apart.
 */
import { invariant } from '../../base/assert.ts';
import type { FileKind } from './filesystem.ts';
import { ROOT_ID } from './protocol.ts';

interface Node {
  readonly id: number;
  readonly kind: FileKind;
  /** null: the root, or a node that was removed and that the kernel still has. */
  parent: Node | null;
  name: string;
  /** How often the kernel was given it, and has not forgotten it. */
  lookups: number;
  /** Empty for most nodes, so it is made when it is needed. */
  children: Map<string, Node> | null;
}

export class NodeTable {
  readonly #nodes = new Map<number, Node>();
  readonly #root: Node;
  #nextId = ROOT_ID + 1;

  constructor() {
    this.#root = { id: ROOT_ID, kind: 'dir', parent: null, name: '', lookups: 1, children: null };
    this.#nodes.set(ROOT_ID, this.#root);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** null: it was removed, or nobody was given this number. */
  pathOf(id: number): string | null {
    const names: string[] = [];
    for (let node = this.#nodes.get(id); node !== this.#root; node = node.parent ?? undefined) {
      if (node === undefined) return null;
      names.push(node.name);
    }
    return names.reverse().join('/');
  }

  /** null: no path leads to the directory any more. */
  pathIn(parentId: number, name: string): string | null {
    const path = this.pathOf(parentId);
    return path === null ? null : joined(path, name);
  }

  /** The kernel is given the node once more. Returns its number. */
  give(parentId: number, name: string, kind: FileKind): number {
    const parent = this.#nodes.get(parentId);
    invariant(parent !== undefined, 'the kernel names a directory that it has');
    const known = parent.children?.get(name);
    if (known?.kind === kind) {
      known.lookups++;
      return known.id;
    }
    if (known) this.#detach(known);
    const node: Node = { id: this.#nextId++, kind, parent, name, lookups: 1, children: null };
    this.#nodes.set(node.id, node);
    parent.children ??= new Map();
    parent.children.set(name, node);
    return node.id;
  }

  /** The kernel gives back what it was given `count` times. */
  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined || node === this.#root) return;
    node.lookups = Math.max(0, node.lookups - count);
    this.#drop(node);
  }

  /** Nothing of this name is there any more. Who has it open keeps a node without a path. */
  remove(parentId: number, name: string): void {
    const node = this.#nodes.get(parentId)?.children?.get(name);
    if (node) this.#detach(node);
  }

  /** What had the new name is gone. */
  rename(fromId: number, name: string, toId: number, newName: string): void {
    const from = this.#nodes.get(fromId);
    const to = this.#nodes.get(toId);
    if (from === undefined || to === undefined || (from === to && name === newName)) return;
    this.remove(toId, newName);
    const node = from.children?.get(name);
    // The kernel may have forgotten it meanwhile.
    if (node === undefined) return;
    from.children?.delete(name);
    node.parent = to;
    node.name = newName;
    to.children ??= new Map();
    to.children.set(newName, node);
    this.#drop(from);
  }

  #detach(node: Node): void {
    const { parent } = node;
    parent?.children?.delete(node.name);
    node.parent = null;
    this.#drop(node);
    if (parent) this.#drop(parent);
  }

  /** Lets go of a node that nobody needs, and then of those above it that only it needed. */
  #drop(node: Node): void {
    for (let at: Node | null = node; at !== null && at !== this.#root; ) {
      if (at.lookups > 0 || (at.children !== null && at.children.size > 0)) return;
      const { parent }: Node = at;
      this.#nodes.delete(at.id);
      if (parent?.children?.get(at.name) === at) parent.children.delete(at.name);
      at = parent;
    }
  }
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

/** 53 bits of the path: programs tell files apart by it, and the same path keeps it. */
export function inodeOf(path: string): number {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b);
    low ^= low >>> 13;
  }
  const number = (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
  // 0 means "no such inode" to some programs; the root has 1.
  return path === '' ? 1 : Math.max(2, number);
}
