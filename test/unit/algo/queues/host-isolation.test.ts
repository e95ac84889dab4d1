import { expect, test } from 'vitest';
import { ISOLATION, turnLoad } from '../../../../src/algo/queues/host-isolation.ts';

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

test('a turn is divided by the end with more flows, and never by less than one', () => {
  expect([turnLoad(0, 0), turnLoad(4, 1), turnLoad(2, 7)]).toEqual([1, 4, 7]);
});
