/** What the queues of buckets are made of, for a table by itself. */
import { Prng } from '../../../../src/base/prng.ts';
import type { ClassInfo } from '../../../../src/core/classes/classes.ts';
import { BucketQueues, type WaitingParts } from '../../../../src/core/each/bucket-queues.ts';
import type { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import type { HeldTable } from '../../../../src/core/packets/held.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';

export function waitingParts(classes: readonly ClassInfo[], held: HeldTable, flows: FlowTable): WaitingParts {
  return { held, flows, acks: new AckFilter(classes, held), prng: new Prng(1), keysOf: () => [5, 6] };
}

export function bucketQueues(
  rows: number,
  classes: readonly ClassInfo[],
  held: HeldTable,
  flows: FlowTable,
): BucketQueues {
  return new BucketQueues(rows, classes, waitingParts(classes, held, flows));
}
