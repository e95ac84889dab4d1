/** Answers questions about history: in steps of any length, from the finest points that are kept. */
import { HISTORY_ANSWER_POINTS_MAX } from '../limits.ts';
import type { HistoryPoint, HistoryQuestion } from './batch.ts';
import { ceilTo, heldSince, readLevels } from './levels.ts';
import { bytesBetween } from './points.ts';
import { HOUSE, pointsTable } from './schema.ts';
import type { Database } from './sqlite.ts';

const MS_PER_SEC = 1000;

/** The question cannot be answered as it is. */
export class HistoryQuestionError extends Error {
  override readonly name = 'HistoryQuestionError';
}

/** A span of time whose points are read from one table. In seconds; both ends are multiples of its step. */
export interface Piece {
  readonly stepSeconds: number;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** In which spans the program counted, in order and apart from each other. */
export function readSpans(database: Database): Span[] {
  const rows = database.query('from_ms, to_ms', 'FROM spans ORDER BY from_ms').all() as number[][];
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const [fromMs, toMs] of rows) {
    const last = spans.at(-1);
    if (last !== undefined && fromMs! <= last.toMs) last.toMs = Math.max(last.toMs, toMs!);
    else spans.push({ fromMs: fromMs!, toMs: toMs! });
  }
  return spans;
}

/** Where to read what: of each instant, from the finest level that still has it. The newest piece first. */
export function piecesOf(database: Database, nowMs: number): Piece[] {
  const held = readLevels(database).map((level) => ({
    stepSeconds: level.stepSeconds,
    sinceSeconds: heldSince(level, nowMs),
  }));
  const pieces: Piece[] = [];
  let toSeconds = Infinity;
  held.forEach(({ stepSeconds, sinceSeconds }, i) => {
    const coarser = held.slice(i + 1).find((other) => other.sinceSeconds < sinceSeconds);
    // Up to where a finer level begins, a coarser one gives whole steps: nothing is read twice.
    const fromSeconds = coarser === undefined ? sinceSeconds : ceilTo(sinceSeconds, coarser.stepSeconds);
    if (fromSeconds >= toSeconds) return;
    pieces.push({ stepSeconds, fromSeconds, toSeconds });
    toSeconds = fromSeconds;
  });
  return pieces;
}

export function readHistoryPoints(database: Database, question: HistoryQuestion): HistoryPoint[] {
  const grid = gridOf(question);
  const key = keyOf(database, question.host);
  const spans = readSpans(database);
  const [first, last] = [spans[0], spans.at(-1)];
  if (first === undefined || last === undefined) return grid.points(() => false);
  const pieces = piecesOf(database, last.toMs);
  for (const piece of pieces)
    readPiece(database, piece, key, grid, { fromMs: first.fromMs, toMs: last.toMs });
  const keptFromMs = (pieces.at(-1)?.fromSeconds ?? Infinity) * MS_PER_SEC;
  return grid.points(knownIn(spans, keptFromMs, last.toMs));
}

/** The bytes of each step that is asked for. */
class Grid {
  readonly #stepMs: number;
  readonly #firstMs: number;
  readonly #up: Float64Array;
  readonly #down: Float64Array;

  constructor(stepMs: number, firstMs: number, steps: number) {
    this.#stepMs = stepMs;
    this.#firstMs = firstMs;
    this.#up = new Float64Array(steps);
    this.#down = new Float64Array(steps);
  }

  get fromMs(): number {
    return this.#firstMs;
  }

  get toMs(): number {
    return this.#firstMs + this.#up.length * this.#stepMs;
  }

  /** Bytes that came evenly between two instants. The share outside the grid is left out. */
  add(fromMs: number, toMs: number, upBytes: number, downBytes: number): void {
    const last = Math.floor((toMs - 1 - this.#firstMs) / this.#stepMs);
    let shareBefore = 0;
    for (let i = Math.floor((fromMs - this.#firstMs) / this.#stepMs); i <= last; i++) {
      const endMs = this.#firstMs + (i + 1) * this.#stepMs;
      const shareToEnd = Math.min(1, (endMs - fromMs) / (toMs - fromMs));
      if (i >= 0 && i < this.#up.length) {
        this.#up[i]! += bytesBetween(upBytes, shareBefore, shareToEnd);
        this.#down[i]! += bytesBetween(downBytes, shareBefore, shareToEnd);
      }
      shareBefore = shareToEnd;
    }
  }

  points(isKnown: (fromMs: number, toMs: number) => boolean): HistoryPoint[] {
    return Array.from(this.#up, (upBytes, i) => {
      const at = this.#firstMs + i * this.#stepMs;
      if (!isKnown(at, at + this.#stepMs)) return { at, upBytes: null, downBytes: null };
      return { at, upBytes, downBytes: this.#down[i]! };
    });
  }
}

function gridOf({ fromMs, toMs, stepSeconds }: HistoryQuestion): Grid {
  if (!Number.isSafeInteger(stepSeconds) || stepSeconds < 1)
    throw new HistoryQuestionError(`${stepSeconds} is not a step of whole seconds`);
  const stepMs = stepSeconds * MS_PER_SEC;
  const firstMs = Math.floor(fromMs / stepMs) * stepMs;
  const steps = Math.max(0, Math.ceil((toMs - firstMs) / stepMs));
  if (!(steps <= HISTORY_ANSWER_POINTS_MAX))
    throw new HistoryQuestionError(
      `${steps} points are more than the ${HISTORY_ANSWER_POINTS_MAX} of one answer; ask for longer steps or a shorter time`,
    );
  return new Grid(stepMs, firstMs, steps);
}

function keyOf(database: Database, host: string | null): number {
  if (host === null) return HOUSE;
  const [row] = database.query('key', 'FROM hosts WHERE id = ?').all(host);
  if (row === undefined) throw new HistoryQuestionError(`there is no history of a host '${host}'`);
  return row[0] as number;
}

function readPiece(database: Database, piece: Piece, key: number, grid: Grid, counted: Span): void {
  const { stepSeconds } = piece;
  const stepMs = stepSeconds * MS_PER_SEC;
  const fromMs = Math.max(grid.fromMs, counted.fromMs, piece.fromSeconds * MS_PER_SEC);
  const toMs = Math.min(grid.toMs, counted.toMs, piece.toSeconds * MS_PER_SEC);
  if (fromMs >= toMs) return;
  // One look-up by the whole key in each step: the points of a host do not lie together.
  const rows = database
    .query(
      'point.step, up, down',
      `FROM (WITH RECURSIVE every(step) AS
         (SELECT ?1 UNION ALL SELECT step + 1 FROM every WHERE step < ?2) SELECT step FROM every) AS every
       CROSS JOIN ${pointsTable(stepSeconds)} AS point ON point.step = every.step AND point.host = ?3`,
    )
    .all(Math.floor(fromMs / stepMs), Math.floor((toMs - 1) / stepMs), key) as number[][];
  for (const [step, up, down] of rows) {
    const beginMs = step! * stepMs;
    // A step reaches over the edges of its piece only if the steps of two levels do not fit into each other.
    const partFromMs = Math.max(beginMs, piece.fromSeconds * MS_PER_SEC);
    const partToMs = Math.min(beginMs + stepMs, piece.toSeconds * MS_PER_SEC);
    const part = (bytes: number): number =>
      bytesBetween(bytes, (partFromMs - beginMs) / stepMs, (partToMs - beginMs) / stepMs);
    const endMs = Math.min(partToMs, counted.toMs);
    grid.add(Math.max(partFromMs, counted.fromMs), endMs, part(up!), part(down!));
  }
}

/** Known is a step of whose time so far at least half was counted. */
function knownIn(spans: readonly Span[], keptFromMs: number, nowMs: number) {
  return (fromMs: number, toMs: number): boolean => {
    const endMs = Math.min(toMs, nowMs);
    let knownMs = 0;
    for (const span of spans)
      knownMs += Math.max(0, Math.min(span.toMs, endMs) - Math.max(span.fromMs, fromMs, keptFromMs));
    return endMs > fromMs && 2 * knownMs >= endMs - fromMs;
  };
}
