/** Flows of a capture: rows in order of appearance, also when the table has grown. */
import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { createParsed } from '../../../../src/packet/parse.ts';
import { FlowList } from '../../../../src/sim/capture/flow-list.ts';
import { DIRECTION_UNKNOWN } from '../../../../src/sim/capture/records.ts';

const parsed = createParsed();

/** The flow of a UDP packet from 10.0.0.1 to 192.0.2.0 and `n`, or back. */
function rowOf(list: FlowList, n: number, isBack = false): number {
  const [inside, outside] = [0x0a000001, 0xc0000200 + n];
  parsed.family[0] = 4;
  parsed.protocol[0] = 17;
  parsed.sport[0] = isBack ? 53 : 4000;
  parsed.dport[0] = isBack ? 4000 : 53;
  parsed.src0[0] = isBack ? outside : inside;
  parsed.dst0[0] = isBack ? inside : outside;
  return list.rowOf(parsed, 0, DIRECTION_UNKNOWN);
}

it('a flow and its reverse have rows, names and directions of their own', () => {
  const list = new FlowList();
  expect([rowOf(list, 1), rowOf(list, 1, true), rowOf(list, 1), rowOf(list, 2)]).toEqual([0, 1, 0, 2]);
  expect(list.count).toBe(3);
  expect(list.name(0)).toBe('udp 10.0.0.1:4000 > 192.0.2.1:53');
  expect(list.name(1)).toBe('udp 192.0.2.1:53 > 10.0.0.1:4000');
  expect([...list.isUp.subarray(0, 3)]).toEqual([1, 0, 1]);
});

it('rows, names and counts stay when the table grows', () => {
  const list = new FlowList();
  for (let n = 0; n < 3000; n++) {
    const row = rowOf(list, n);
    expect(row).toBe(n);
    list.bytes[row] = n;
  }
  expect(list.count).toBe(3000);
  expect(rowOf(list, 7)).toBe(7);
  expect(list.name(2999)).toBe('udp 10.0.0.1:4000 > 192.0.13.183:53');
  expect([list.bytes[5], list.bytes[2999]]).toEqual([5, 2999]);
  expect(rowOf(list, 3000)).not.toBe(NONE);
});
