/** Segments as vectors and tests write them, in the columns of algo/queues/ack-filter.ts. */
import {
  type AckRows,
  createAckRows,
  type FoundAck,
  findRedundantAck,
} from '../../src/algo/queues/ack-filter.ts';
import { NONE } from '../../src/base/none.ts';
import { SACK_BLOCKS_MAX } from '../../src/limits.ts';
import type { Segment } from '../oracle/ack-filter.ts';
import { findAggressively } from '../reference/ack-aggressive.ts';

export interface AckQueue {
  readonly rows: AckRows;
  readonly next: Int32Array;
  readonly head: number;
  readonly tail: number;
}

/** Rows are taken from the end, so that an index is not a row by accident. */
export function ackQueue(queue: readonly Segment[], offset = 0): AckQueue {
  const rows = createAckRows(queue.length + 3);
  const next = new Int32Array(queue.length + 3).fill(NONE);
  const rowOf = (index: number): number => queue.length + 2 - index;
  const flows = [...new Set(queue.map(({ flow }) => flow))];
  const wrapped = (value: number): number => (value + offset) >>> 0;
  queue.forEach((segment, index) => {
    const h = rowOf(index);
    if (index > 0) next[rowOf(index - 1)] = h;
    rows.connection[h] = flows.indexOf(segment.flow);
    rows.flags[h] = segment.flags;
    rows.isPlain[h] = (segment.payload ?? 0) === 0 && !segment.unknown_option ? 1 : 0;
    rows.ack[h] = wrapped(segment.ack);
    if (segment.ts) [rows.stamp[h], rows.stampEcho[h]] = segment.ts;
    (segment.sack ?? []).forEach(([left, right], b) => {
      rows.sackLeft[h * SACK_BLOCKS_MAX + b] = wrapped(left);
      rows.sackRight[h * SACK_BLOCKS_MAX + b] = wrapped(right);
    });
    rows.sackBlocks[h] = segment.sack?.length ?? 0;
  });
  return { rows, next, head: rowOf(0), tail: rowOf(queue.length - 1) };
}

/** Index of the segment to drop; null: none. */
export function findInQueue(
  queue: readonly Segment[],
  aggressive: boolean,
  { offset = 0, looksMax = 64 } = {},
): number | null {
  const { rows, next, head, tail } = ackQueue(queue, offset);
  const found: FoundAck = { row: NONE, before: NONE };
  const find = aggressive ? findAggressively : findRedundantAck;
  if (!find(rows, { next: (row) => next[row] }, head, tail, looksMax, found)) return null;
  const index = queue.length + 2 - found.row;
  const before = index === 0 ? NONE : found.row + 1;
  if (found.before !== before) throw new Error(`before ${found.row} is ${before}, not ${found.before}`);
  return index;
}
