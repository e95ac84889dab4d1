/**
 * Fair queueing inside a leaf: a queue per flow (or host), served by turns of bytes, those that send little first.
 *
 * Reference: RFC 8290 (FQ-CoDel), sections 4.1 and 4.2; host isolation after CAKE (net/sched/sch_cake.c, cake_dequeue and
 * cake_get_flow_quantum).
 *
 *   new   [q4] -> [q9]              queues that were idle: their first quantum goes before everything else
 *   old   [q1] -> [q7] -> [q2]      queues that keep packets waiting, a quantum each per round
 *
 *   flow isolation        a queue per five-tuple
 *   src, dst, host        a queue per source, destination, pair of addresses
 *   dual-src, dual-dst    a queue per five-tuple, its quantum divided by the number of busy flows of its source, destination
 *   triple                divided by the larger of the two
 *
 * A queue that emptied in `new` goes through `old` once before it is forgotten, or coming and going would win (RFC 8290 4.2).
 * When the leaf is full, the queue with the most bytes loses from its head (4.1.3); bins by size find it without a search.
 * Hash collisions do not exist: queues are keyed by the whole flow.
 */
import { histogramBin, HISTOGRAM_BINS } from '../base/histogram.ts';
import { KeyTable } from '../base/key-table.ts';
import { NONE } from '../base/none.ts';
import type { ClassInfo } from './classes.ts';
import type { FlowTable } from './flow-table.ts';
import { HeldFifos, type HeldTable } from './held.ts';
import { NodeLists } from './node-lists.ts';
import type { Isolation } from './spec.ts';

