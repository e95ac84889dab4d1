/** What runs the vectors of one algorithm. */
import type { Vector } from './load.ts';

/** What a runner found: one record of named values per expected row, and what it could not try. */
export interface Found {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Fields of a row when the vector does not name them. */
  readonly fields?: readonly string[];
  /** Why a part of the vector was not tried; the rest was. */
  readonly untried?: string;
}

export interface Runner {
  /** Names in `params` that the runner understands; others make the vector skipped, not passed. */
  readonly params: readonly string[];
  /** Names beside `params`, `events` and `expect` that the runner reads. */
  readonly keys?: readonly string[];
  /**
   * What the rows are compared with, where that is not `expect`: records, or lists of values as named by
   * `fields`.
   */
  readonly expected?: (vector: Vector) => {
    readonly rows: readonly unknown[];
    readonly fields?: readonly string[];
  };
  /** A reason not to run this vector, though its algorithm is known. */
  readonly refuse?: (vector: Vector) => string | undefined;
  readonly run: (vector: Vector) => Found;
}

const foundBefore = new Map<string, unknown>();

/** What `find` found before for the same words: the vector tests run a simulation up to three times. */
export function foundOnce<T>(words: readonly unknown[], find: () => T): T {
  const key = JSON.stringify(words);
  if (!foundBefore.has(key)) foundBefore.set(key, find());
  return foundBefore.get(key) as T;
}
