/**
 * Circular doubly linked lists of nodes, each node in at most one list.
 *
 *   tail(list) -> [first] <-> [second] <-> ... <-> [tail] -> first
 */
import { NONE } from './none.ts';

export class NodeLists {
  lists: number;
  private readonly next: Int32Array;
  private readonly prev: Int32Array;
  /** As ~node, so that memory which was never written means empty lists. */
  private tail: Int32Array;

  constructor(nodes: number, lists: number) {
    this.lists = lists;
    this.next = new Int32Array(nodes);
    this.prev = new Int32Array(nodes);
    this.tail = new Int32Array(lists);
  }

  /** Empties all lists. There are so many of them from now on. */
  empty(lists: number): void {
    this.lists = lists;
    if (lists > this.tail.length) this.tail = new Int32Array(lists);
    else this.tail.fill(0);
  }

  isEmpty(list: number): boolean {
    return this.tail[list] === 0;
  }

  /** The first node. The list must not be empty. */
  first(list: number): number {
    return this.next[~this.tail[list]];
  }

  /** The node behind this one in the list. Returns NONE if this one is the last. */
  after(list: number, node: number): number {
    return this.tail[list] === ~node ? NONE : this.next[node];
  }

  /** The nodes of a list from first to last. */
  nodes(list: number): number[] {
    const all: number[] = [];
    if (this.isEmpty(list)) return all;
    const first = this.first(list);
    let node = first;
    do {
      all.push(node);
      node = this.next[node];
    } while (node !== first);
    return all;
  }

  /** Moves the first node to the back. */
  rotate(list: number): void {
    this.tail[list] = ~this.next[~this.tail[list]];
  }

  append(list: number, node: number): void {
    const tail = ~this.tail[list];
    if (tail === NONE) {
      this.next[node] = node;
      this.prev[node] = node;
    } else {
      const first = this.next[tail];
      this.next[node] = first;
      this.prev[node] = tail;
      this.next[tail] = node;
      this.prev[first] = node;
    }
    this.tail[list] = ~node;
  }

  prepend(list: number, node: number): void {
    const tail = this.tail[list];
    this.append(list, node);
    if (tail !== 0) this.tail[list] = tail;
  }

  /** Takes the node out of its list. */
  remove(list: number, node: number): void {
    const next = this.next[node];
    if (next === node) {
      this.tail[list] = 0;
      return;
    }
    const prev = this.prev[node];
    this.next[prev] = next;
    this.prev[next] = prev;
    if (this.tail[list] === ~node) this.tail[list] = ~prev;
  }
}
