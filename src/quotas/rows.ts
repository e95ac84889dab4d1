/** Hosts of the book by their id. A row is free for another host when its host is forgotten. */
import { NONE } from '../base/none.ts';

export class HostRows {
  readonly #rows = new Map<string, number>();
  readonly #ids: (string | null)[] = [];
  readonly #free: number[] = [];

  /** Rows in use are below. */
  get length(): number {
    return this.#ids.length;
  }

  find(id: string): number {
    return this.#rows.get(id) ?? NONE;
  }

  /** null: nobody has this row. */
  idOf(row: number): string | null {
    return this.#ids[row] ?? null;
  }

  add(id: string): number {
    const row = this.#free.pop() ?? this.#ids.length;
    this.#ids[row] = id;
    this.#rows.set(id, row);
    return row;
  }

  remove(row: number): void {
    const id = this.#ids[row];
    if (id === null || id === undefined) return;
    this.#rows.delete(id);
    this.#ids[row] = null;
    this.#free.push(row);
  }

  /** Ids and rows, in the order in which hosts came. */
  entries(): IterableIterator<[id: string, row: number]> {
    return this.#rows.entries();
  }
}

/** A column with room for `rows`, with what it had before. */
export function grown<T extends Float64Array | Uint8Array | Int32Array>(column: T, rows: number): T {
  if (rows <= column.length) return column;
  const longer = new (column.constructor as new (length: number) => T)(Math.max(rows, 2 * column.length, 64));
  longer.set(column);
  return longer;
}
