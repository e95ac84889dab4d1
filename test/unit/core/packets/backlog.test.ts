import { expect, test } from 'vitest';
import { Backlog } from '../../../../src/core/packets/backlog.ts';
import { FLAG_NEVER_DROP, HeldTable } from '../../../../src/core/packets/held.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';

test('packets enter, move and leave with their bytes, and the statistics show it', () => {
  const held = new HeldTable(2);
  const stats = createStats(2);
  const backlog = new Backlog(stats, held);
  const [a, b] = [held.take(), held.take()];
  held.lengthBytes[a] = 100;
  held.lengthBytes[b] = 1500;
  for (const h of [a, b]) {
    held.leaf[h] = 0;
    backlog.enter(h);
  }
  expect([backlog.packets(0), backlog.bytes(0), backlog.packets(1)]).toEqual([2, 1600, 0]);
  backlog.move(b, 0, 1);
  held.leaf[b] = 1;
  backlog.leave(a);
  expect([backlog.packets(0), backlog.bytes(0), backlog.packets(1), backlog.bytes(1)]).toEqual([
    0, 0, 1, 1500,
  ]);
  expect([...stats.backlogPackets, ...stats.backlogBytes]).toEqual([0, 1, 0, 1500]);
});

test('of packets that must not be dropped it keeps an account of their own', () => {
  const held = new HeldTable(2);
  const backlog = new Backlog(createStats(2), held);
  const [plain, exempt] = [held.take(), held.take()];
  for (const [h, flags, lengthBytes] of [
    [plain, 0, 100],
    [exempt, FLAG_NEVER_DROP, 1500],
  ]) {
    held.leaf[h] = 0;
    held.flags[h] = flags;
    held.lengthBytes[h] = lengthBytes;
    backlog.enter(h);
  }
  const exemptOf = (leaf: number): number[] => [backlog.exemptPackets(leaf), backlog.exemptBytes(leaf)];
  expect([backlog.packets(0), ...exemptOf(0)]).toEqual([2, 1, 1500]);
  backlog.move(exempt, 0, 1);
  held.leaf[exempt] = 1;
  expect([exemptOf(0), exemptOf(1)]).toEqual([
    [0, 0],
    [1, 1500],
  ]);
  backlog.leave(exempt);
  backlog.leave(plain);
  expect([exemptOf(0), exemptOf(1)]).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
