import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { FlowKeys } from '../../../../src/core/flows/flow-keys.ts';
import { createFlowMemory } from '../../../../src/core/flows/flow-layout.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import { udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

const FIELD = 11;
const V6: PacketShape = { ...udp(1), src: [1, 2, 3, 4], dst: [5, 6, 7, 8] };

test('a flow is absent until it is inserted, then found in the same row', () => {
  const keys = new FlowKeys(createFlowMemory(16), 1, 2);
  for (const shape of [udp(1), V6, udp(2)]) {
    expect(keys.find(parsedOf(shape), 0)).toBe(NONE);
    const f = keys.insert();
    expect(keys.find(parsedOf(shape), 0)).toBe(f);
  }
});

test('an IPv6 flow leaves nothing in the key of the IPv4 flow asked for next', () => {
  const keys = new FlowKeys(createFlowMemory(16), 1, 2);
  keys.find(parsedOf(udp(1)), 0);
  const f = keys.insert();
  keys.find(parsedOf(V6), 0);
  expect(keys.find(parsedOf(udp(1)), 0)).toBe(f);
});

test('a large table reads ahead: the probable row is the flow’s, and find() agrees with a look-up', () => {
  const keys = new FlowKeys(createFlowMemory(8192), 1, 2);
  const rows: number[] = [];
  const parsed = parsedOf(udp(1));
  for (let n = 0; n < 5000; n++) {
    parsed.src0[0] = n;
    expect(keys.find(parsed, 0)).toBe(NONE);
    rows.push(keys.insert());
  }
  let probable = 0;
  for (let n = 0; n < 5000; n++) {
    parsed.src0[0] = n;
    keys.readAhead(parsed, 1, FIELD);
    if (keys.probableRow(0) === rows[n]) probable++;
    expect(keys.find(parsed, 0)).toBe(rows[n]);
  }
  expect(probable, 'most flows are in the first slot that their hash names').toBeGreaterThan(3500);
});

test('a small table reads nothing ahead', () => {
  const keys = new FlowKeys(createFlowMemory(16), 1, 2);
  const parsed = parsedOf(udp(1));
  keys.find(parsed, 0);
  keys.insert();
  keys.readAhead(parsed, 1, FIELD);
  expect(keys.probableRow(0)).toBe(NONE);
});
