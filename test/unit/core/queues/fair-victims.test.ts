/** Who pays in a full fair set that has hosts; room.test.ts judges sets of flow queues. */
import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { HeldFifos } from '../../../../src/core/packets/held-fifos.ts';
import { AckFilter } from '../../../../src/core/queues/ack-filter.ts';
import { FairQueues } from '../../../../src/core/queues/fair.ts';
import { FairHosts } from '../../../../src/core/queues/fair-hosts.ts';
import { FairKeys } from '../../../../src/core/queues/fair-keys.ts';
import { payerWeight } from '../../../../src/core/queues/payer-weight.ts';
import { QueueSets } from '../../../../src/core/queues/queue-sets.ts';
import { ipv4 } from '../../../../src/sim/packets/packets.ts';
import { LEAF, LeafParts } from './leaf.ts';

function make() {
  const parts = new LeafParts({ discipline: 'fair', isolation: 'dual-src' });
  const { classes, held, flows } = parts;
  const sets = QueueSets.ofLeaves(classes);
  const hosts = new FairHosts(64, 1, 2, flows);
  const keys = new FairKeys(256, 1, 2, sets, held, flows, hosts);
  const doomed = new HeldFifos(1, held);
  const fair = new FairQueues(sets, held, keys, hosts, new AckFilter(classes, held), doomed);
  /** A packet of flow `n` of a host. */
  const packet = (host: number, n: number, lengthBytes: number): number => {
    const h = parts.packet(n, lengthBytes);
    held.flow[h] = parts.flow(n, ipv4(10, 0, 0, host));
    return h;
  };
  const push = (host: number, n: number, lengthBytes: number): void => {
    expect(fair.push(LEAF, packet(host, n, lengthBytes), 0)).toBe(true);
  };
  const evict = (): { src: number; lengthBytes: number } | null => {
    const h = fair.evict(LEAF, LEAF, true);
    return h === NONE
      ? null
      : { src: flows.srcWord(held.flow[h]!, 0) & 0xff, lengthBytes: held.lengthBytes[h]! };
  };
  return { fair, packet, push, evict };
}

test('a host of many short queues pays for a packet that is longer than each of them', () => {
  const { fair, packet, push, evict } = make();
  for (let n = 0; n < 30; n++) push(1, n, 100);
  for (const n of [1, 2]) push(2, n, 500);
  expect(fair.findPayer(LEAF, packet(2, 1, 500))).toBe(payerWeight(3000, true));
  expect(fair.canSpare(LEAF, LEAF, 1, 500)).toBe(true);
  for (let n = 0; n < 5; n++) expect(evict()).toEqual({ src: 1, lengthBytes: 100 });
});

test('of that host the longest queue pays half, and all new ones in turn when it is less than half of them', () => {
  const { fair, packet, push, evict } = make();
  for (let n = 0; n < 10; n++) push(1, n, 200);
  for (const _ of [1, 2, 3]) push(1, 4, 1500);
  fair.findPayer(LEAF, packet(2, 1, 500));
  const lengths = Array.from({ length: 14 }, () => evict()?.lengthBytes);
  expect(lengths.slice(0, 3)).toEqual([200, 1500, 1500]);
  expect(lengths.slice(3)).toEqual([200, 200, 1500, ...new Array(7).fill(200), undefined]);
});

test('a host whose own packets are most pays for its packet, from the queue that is longest with it', () => {
  const { fair, packet, push, evict } = make();
  for (const _ of [1, 2]) push(1, 1, 1500);
  for (const _ of [1, 2, 3, 4]) push(2, 1, 1000);
  for (const _ of [1, 2]) push(2, 2, 1500);
  expect(fair.findPayer(LEAF, packet(2, 2, 1500))).toBe(payerWeight(11_500, true));
  expect(evict()).toEqual({ src: 2, lengthBytes: 1500 });
});

test('a host with one long packet does not pay while another one has two short ones', () => {
  const { fair, packet, push, evict } = make();
  push(1, 1, 9000);
  push(2, 1, 100);
  push(2, 2, 100);
  // The new ones are two hosts, one of which has several packets.
  expect(fair.findPayer(LEAF, packet(3, 1, 1500))).toBe(payerWeight(10_700, true));
  expect([fair.canSpare(LEAF, LEAF, 1, 9200), fair.canSpare(LEAF, LEAF, 1, 9201)]).toEqual([true, false]);
  expect(evict()).toEqual({ src: 2, lengthBytes: 100 });
  // Where nobody has more than one, whoever holds the most pays.
  expect(evict()).toEqual({ src: 1, lengthBytes: 9000 });
});

test('nine new hosts with a packet each are a flood, eight are not', () => {
  const { fair, packet, push } = make();
  for (let host = 1; host <= 8; host++) push(host, 1, 500);
  expect(fair.findPayer(LEAF, NONE)).toBe(4000);
  expect(fair.findPayer(LEAF, packet(9, 1, 500))).toBe(payerWeight(4500, true));
});

test('a bucket counts with what its host has in the leaf, and within that host against its longest queue', () => {
  const { fair, packet, push } = make();
  for (let n = 0; n < 6; n++) for (const _ of [1, 2]) push(1, n, 500);
  for (const _ of [1, 2]) push(2, 1, 1000);
  const isOutweighed = (host: number, bytes: number, isSeveral: boolean): boolean =>
    fair.isOutweighed(LEAF, packet(host, 1, 500), bytes, isSeveral);
  // Host 2 has 2000 of the 8500 bytes.
  expect(fair.findPayer(LEAF, packet(1, 1, 500))).toBe(payerWeight(8500, true));
  expect([isOutweighed(2, 6500, true), isOutweighed(2, 6501, true)]).toEqual([false, true]);
  // Host 1 is the payer, as it holds more than half. Its longest queue has 2000 bytes by now.
  for (const _ of [1, 2]) push(1, 1, 500);
  expect([isOutweighed(3, 8500, true), isOutweighed(3, 8501, true)]).toEqual([false, true]);
  expect([isOutweighed(1, 2000, true), isOutweighed(1, 2001, true)]).toEqual([false, true]);
  expect([isOutweighed(1, 2001, false), isOutweighed(2, 2001, false)]).toEqual([false, false]);
});
