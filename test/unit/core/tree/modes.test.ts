import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { SetQueues } from '../../../../src/core/queues/set-queues.ts';
import { BORROW, ClassBuckets, WAIT } from '../../../../src/core/tree/class-buckets.ts';
import { Modes } from '../../../../src/core/tree/modes.ts';
import { PRIORITIES, Turns } from '../../../../src/core/tree/turns.ts';
import { SECOND, shaper } from '../../../sim/world.ts';

const [ROOT, A] = [0, 1];

/** A root, leaf a with a rate of 500 and a ceiling of 1000 B/s and a burst of 1000 B, default. */
function make() {
  const leaves = [{ name: 'a', rate: 500, ceil: 1000, burst: 1000, priority: 0 }];
  const classes = listClasses(shaper({ wan: { up: { rate: 1e6, burst: 1e6, leaves } } }));
  const held = new HeldTable(64);
  const flows = new FlowTable(64, 1, 2, new Ledger(classes.length, held));
  const queues = new SetQueues(
    64,
    () => [1, 2],
    QueueSets.ofLeaves(classes),
    held,
    flows,
    new AckFilter(classes, held),
  );
  const buckets = new ClassBuckets(classes);
  const turns = new Turns(classes);
  const modes = new Modes(classes, held, queues, buckets, turns);
  const push = (lengthBytes: number): void => {
    const h = held.take();
    held.leaf[h] = A;
    held.flow[h] = NONE;
    held.lengthBytes[h] = lengthBytes;
    held.chargeBytes[h] = lengthBytes;
    queues.push(A, h, 0);
    modes.look(A);
  };
  return { modes, turns, buckets, queues, push };
}

test('a leaf with packets and tokens is in its row, an emptied one in none', () => {
  const { modes, turns, queues, push } = make();
  push(1000);
  expect([modes.isActive(A), modes.isActive(ROOT)]).toEqual([true, true]);
  expect(turns.firstInRows(ROOT)).toBe(A * PRIORITIES);
  queues.shift(A, 0);
  modes.look(A);
  expect([modes.isActive(A), modes.isActive(ROOT), turns.anyRow(ROOT)]).toEqual([false, false, false]);
});

test('modes follow the buckets: WAIT, then borrowing by the root, then its own rate', () => {
  const { modes, turns, buckets, push } = make();
  push(600);
  buckets.take(A, A, 900, 0);
  modes.charged(A);
  // 500 B are missing: after 0.5 s at the ceiling, 1 s at the rate.
  expect([modes.mode[A], modes.nextChangeNs()]).toEqual([WAIT, 0.5 * SECOND]);
  modes.advance(0.5 * SECOND);
  expect([modes.mode[A], modes.nextChangeNs()]).toEqual([BORROW, SECOND]);
  expect(turns.firstInRows(ROOT), 'the root lends').toBe(ROOT * PRIORITIES);
  modes.advance(SECOND);
  expect([turns.firstInRows(ROOT), modes.nextChangeNs()]).toEqual([A * PRIORITIES, Number.POSITIVE_INFINITY]);
});

test('a root that gets its first packet forgets until when nothing could leave', () => {
  const { modes, push } = make();
  modes.rootDueNs[ROOT] = SECOND;
  push(100);
  expect(modes.rootDueNs[ROOT]).toBe(0);
});
