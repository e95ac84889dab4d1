/**
 * Reads a file of history without changing it, for commands: while an instance writes it, or a copy of it. It
 * never waits for the instance, nor does the instance wait for it.
 */
import { EXIT_FAILED, EXIT_USAGE, OperatingError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { HistoryPoint, HistoryQuestion, HostCounts, Level, StoredHost } from './batch.ts';
import { readLevels } from './levels.ts';
import { loadHosts } from './load.ts';
import {
  HistoryQuestionError,
  type Piece,
  piecesOf,
  readHistoryPoints,
  readSpans,
  type Span,
} from './query.ts';
import { checkFile, pointsTable } from './schema.ts';
import { type Database, openDatabaseForReading, type Query } from './sqlite.ts';
import { troubleOf } from './trouble.ts';

/** What all hosts had in one step. Hosts that are missing had nothing. */
export interface HistoryStep {
  readonly fromMs: number;
  readonly toMs: number;
  /** At least half of the step was counted. */
  readonly isKnown: boolean;
  readonly counts: HostCounts;
}

/** Throws OperatingError if the file cannot be read. To be closed. */
export function openHistory(file: string): HistoryFile {
  return told(file, () => {
    const database = openDatabaseForReading(file);
    try {
      checkFile(database);
      return new HistoryFile(file, database);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Its methods throw OperatingError. */
export class HistoryFile {
  readonly #file: string;
  readonly #database: Database;

  constructor(file: string, database: Database) {
    this.#file = file;
    this.#database = database;
  }

  hosts(): StoredHost[] {
    return told(this.#file, () => loadHosts(this.#database));
  }

  /** The finest first. */
  levels(): Level[] {
    return told(this.#file, () => readLevels(this.#database));
  }

  /** From the first instant to the last of which anything is known; null if nothing is. */
  span(): Span | null {
    const spans = told(this.#file, () => readSpans(this.#database));
    const [first, last] = [spans[0], spans.at(-1)];
    return first === undefined || last === undefined ? null : { fromMs: first.fromMs, toMs: last.toMs };
  }

  points(question: HistoryQuestion): HistoryPoint[] {
    return told(this.#file, () => readHistoryPoints(this.#database, question));
  }

  /** All hosts, step after step, in the finest steps that are kept of each time. The oldest first. */
  *steps(): Generator<HistoryStep> {
    const spans = told(this.#file, () => readSpans(this.#database));
    const counted = this.span();
    if (counted === null) return;
    const ids = new Map(
      told(this.#file, () => this.#database.query('key, id', 'FROM hosts').all()) as unknown as [
        number,
        string,
      ][],
    );
    for (const piece of told(this.#file, () => piecesOf(this.#database, counted.toMs)).reverse())
      yield* this.#stepsOf(piece, counted, spans, ids);
  }

  close(): void {
    this.#database.close();
  }

  *#stepsOf(piece: Piece, counted: Span, spans: readonly Span[], ids: ReadonlyMap<number, string>) {
    const { stepSeconds } = piece;
    const stepMs = stepSeconds * 1000;
    const read = this.#database.query(
      'host, up, down',
      `FROM ${pointsTable(stepSeconds)} WHERE step = ? AND host > 0`,
    );
    const fromMs = Math.max(piece.fromSeconds * 1000, Math.floor(counted.fromMs / stepMs) * stepMs);
    const toMs = Math.min(piece.toSeconds * 1000, counted.toMs);
    for (let atMs = fromMs; atMs < toMs; atMs += stepMs) {
      const endMs = Math.min(atMs + stepMs, toMs);
      let knownMs = 0;
      for (const span of spans)
        knownMs += Math.max(0, Math.min(span.toMs, endMs) - Math.max(span.fromMs, atMs));
      const counts = told(this.#file, () => countsOf(read, Math.floor(atMs / stepMs), ids));
      yield { fromMs: atMs, toMs: endMs, isKnown: 2 * knownMs >= endMs - atMs, counts };
    }
  }
}

/** Without hosts that are forgotten. */
function countsOf(read: Query, step: number, ids: ReadonlyMap<number, string>): HostCounts {
  const rows = (read.all(step) as number[][]).filter(([key]) => ids.has(key!));
  return {
    hosts: rows.map(([key]) => ids.get(key!)!),
    upBytes: Float64Array.from(rows, ([, up]) => up!),
    downBytes: Float64Array.from(rows, ([, , down]) => down!),
  };
}

/** Failures as commands tell them. */
function told<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    if (error instanceof HistoryQuestionError) throw new OperatingError(EXIT_USAGE, error.message);
    const { message } = troubleOf(error, file);
    throw new OperatingError(EXIT_FAILED, message, `${printable(file)} was not changed`);
  }
}
