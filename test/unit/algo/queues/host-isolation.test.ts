import { expect, test } from 'vitest';
import { ISOLATION, turnShare } from '../../../../src/algo/queues/host-isolation.ts';

test('the table of the header: what names a queue, and whose flows divide a turn', () => {
  const rows = Object.entries(ISOLATION).map(([mode, rule]) => {
    const key = [rule.byPorts && 'ports', rule.bySource && 'src', rule.byDestination && 'dst'];
    const load = [rule.loadOfSource && 'src', rule.loadOfDestination && 'dst'];
    return [mode, key.filter(Boolean).join(' '), load.filter(Boolean).join(' ')];
  });
  expect(rows).toEqual([
    ['flow', 'ports src dst', ''],
    ['host', 'src dst', ''],
    ['src', 'src', ''],
    ['dst', 'dst', ''],
    ['dual-src', 'ports src dst', 'src'],
    ['dual-dst', 'ports src dst', 'dst'],
    ['triple', 'ports src dst', 'src dst'],
  ]);
});

test('a turn is worth less if the other end has more flows, and never less than a part in 32', () => {
  expect([turnShare(0, 0), turnShare(4, 1), turnShare(2, 8), turnShare(0, 2), turnShare(1, 1e6)]).toEqual([
    ...[1, 1, 1 / 4, 1 / 2, 1 / 32],
  ]);
});
