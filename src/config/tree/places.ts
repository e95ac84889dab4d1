/**
 * Numbers for nodes that were made after the text was parsed. A node of the text has its position as its
 * number. Others have numbers beyond the text, so that a problem of any node can be told by its number.
 */
import type { Node } from 'yaml';

export class Places {
  /** The length of the text. */
  readonly #end: number;
  #next: number;
  /** Positions of the nodes of which others are copies, by the number of the copy. */
  readonly #origins = new Map<number, number>();

  constructor(textLength: number) {
    this.#end = textLength + 1;
    this.#next = this.#end;
  }

  /** Gives the node a number of its own. */
  number<T extends Node>(node: T): T {
    node.range = [this.#next, this.#next, this.#next];
    this.#next += 1;
    return node;
  }

  /** The same for a copy of a node that stays where it is. */
  numberCopy<T extends Node>(copy: T, original: Node): T {
    const origin = this.originOf(original.range?.[0] ?? this.#end);
    if (origin !== null) this.#origins.set(this.#next, origin);
    return this.number(copy);
  }

  /** The position in the text of a node or of the one that it is a copy of; null for a node that is new. */
  originOf(number: number): number | null {
    return number < this.#end ? number : (this.#origins.get(number) ?? null);
  }
}
