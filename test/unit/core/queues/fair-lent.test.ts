import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { planChange } from '../../../../src/core/classes/change.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { FairQueues } from '../../../../src/core/queues/fair.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import { FairKeys } from '../../../../src/core/queues/fair-keys.ts';
import { adoptFair, drainFair, lendFair, listFair } from '../../../../src/core/queues/fair-lent.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import type { QueueSpec } from '../../../../src/spec/spec.ts';
import { shaper } from '../../../sim/world.ts';
import { LEAF, LeafParts } from './leaf.ts';

const FAIR = { discipline: 'fair', isolation: 'flow' } as const;

function make() {
  const parts = new LeafParts(FAIR);
  const { classes, held, flows } = parts;
  const sets = QueueSets.ofLeaves(classes);
  const hosts = new FairHosts(1, 1, 2, flows);
  const keys = new FairKeys(64, 1, 2, sets, held, flows, hosts);
  const fair = new FairQueues(sets, held, keys, hosts, new AckFilter(classes, held), new HeldFifos(1, held));
  const push = (flow: number): number => {
    const h = parts.packet(flow, 1000);
    expect(fair.push(LEAF, h, 0)).toBe(true);
    return h;
  };
  /** The classes after a change of the queue, of which all packets were drained. */
  const adopt = (queue: Partial<QueueSpec>, name = 'default'): void => {
    const specOf = (leaf: string, own: Partial<QueueSpec>) =>
      shaper({ wan: { up: { rate: 1e9, burst: 1e9, leaves: [{ name: leaf, queue: own }] } } });
    const change = planChange(classes, specOf('default', FAIR), specOf(name, queue), new Map(), 0);
    adoptFair(fair, change, QueueSets.ofLeaves(change.classes));
  };
  return { fair, keys, push, adopt };
}

test('listFair() has the packets of a flow in their order and changes nothing', () => {
  const { fair, push } = make();
  const [a, b, c] = [push(1), push(2), push(1)];
  const listed = listFair(fair, LEAF);
  expect([...listed].sort()).toEqual([a, b, c].sort());
  expect(listed.indexOf(c)).toBe(listed.indexOf(a) + 1);
  expect(listFair(fair, LEAF)).toEqual(listed);
});

test('drainFair() takes all that listFair() has; the set is empty, and lent again it begins anew', () => {
  const { fair, push } = make();
  for (const flow of [1, 2, 1, 3]) push(flow);
  const listed = listFair(fair, LEAF);
  expect(drainFair(fair, LEAF)).toEqual(listed);
  expect([fair.isEmpty(LEAF), drainFair(fair, LEAF), listFair(fair, LEAF)]).toEqual([true, [], []]);
  fair.members.giveBack(LEAF);
  lendFair(fair, LEAF);
  const [first, second] = [push(2), push(2)];
  expect([fair.head(LEAF), fair.shift(LEAF, 0), fair.shift(LEAF, 0)]).toEqual([first, first, second]);
});

test('adoptFair() keeps the queues of a class whose rule stays', () => {
  const { fair, keys, push, adopt } = make();
  const packets = [push(1), push(2)];
  drainFair(fair, LEAF);
  adopt({ ...FAIR, limitPackets: 5 });
  expect(packets.map((h) => keys.find(LEAF, h) !== NONE)).toEqual([true, true]);
});

test.each<[string, Partial<QueueSpec>]>([
  ['another isolation', { discipline: 'fair', isolation: 'dual-src' }],
  ['another discipline', { discipline: 'fifo' }],
])('adoptFair() forgets the queues of a class with %s', (_, queue) => {
  const { fair, keys, push, adopt } = make();
  const packets = [push(1), push(2)];
  drainFair(fair, LEAF);
  adopt(queue);
  expect(packets.map((h) => keys.find(LEAF, h))).toEqual([NONE, NONE]);
});
