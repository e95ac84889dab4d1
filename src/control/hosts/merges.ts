/**
 * Hosts that have ended in others of the memory, until those others are known. News of a merge may name a
 * host that was never seen: it began and ended between two looks, or it began after the rows were read.
 */

/** Of a host in a row of the memory. No other host has it. */
export function nameOfRow(row: number, generation: number): number {
  return row * 2 ** 32 + (generation >>> 0);
}

interface Waiting<T> {
  readonly hosts: T[];
  readonly look: number;
}

export class Merges<T> {
  /** By the name of the host in which they have ended. */
  readonly #waiting = new Map<number, Waiting<T>>();

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * The host `from` has ended in `into`, with all that had ended in it; `known` is what is known of it.
   * Merges have to come in their order.
   */
  add(from: number, known: T | undefined, into: number, look: number): void {
    const hosts = this.take(from);
    if (known !== undefined) hosts.push(known);
    if (hosts.length > 0) this.#waiting.set(into, { hosts: [...this.take(into), ...hosts], look });
  }

  isAwaited(into: number): boolean {
    return this.#waiting.has(into);
  }

  /** Hosts that have ended in this one. They wait no longer. */
  take(into: number): T[] {
    const hosts = this.#waiting.get(into)?.hosts ?? [];
    this.#waiting.delete(into);
    return hosts;
  }

  /** Who has not come since an earlier look has ended without a word: what was known of its parts stays. */
  forgetBefore(look: number): void {
    for (const [into, waiting] of this.#waiting) if (waiting.look < look) this.#waiting.delete(into);
  }
}
