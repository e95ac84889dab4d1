import { expect, test } from 'vitest';
import { FlowNumbers } from '../../../../src/core/modules/flow-numbers.ts';
import { FLOW_UNKNOWN, Rows } from '../../../../src/core/modules/rows.ts';
import { MODULE_FLOWS_MAX } from '../../../../src/limits.ts';
import { createBatch } from '../../../../src/packet/batch.ts';
import { createParsed } from '../../../../src/packet/parse.ts';

const MINUTE = 60e9;

function bench() {
  const rows = new Rows(createBatch().arrivals, new Uint8Array(0), createParsed());
  const { parsed } = rows;
  const numbers = new FlowNumbers(1, 2);
  /** Number and direction of a UDP flow between these two ends. */
  const find = (src: number, dst: number, sport = 1, dport = 2): [number, number] => {
    parsed.family[0] = 4;
    parsed.protocol[0] = 17;
    parsed.hasPorts[0] = 1;
    parsed.src0[0] = src;
    parsed.dst0[0] = dst;
    parsed.sport[0] = sport;
    parsed.dport[0] = dport;
    rows.flow[0] = FLOW_UNKNOWN;
    numbers.find(rows, 0);
    return [rows.flow[0]!, rows.direction[0]!];
  };
  return { numbers, find };
}

test('both directions have one number; the first packet says which is 0', () => {
  const { find } = bench();
  expect(find(9, 5, 1, 2)).toEqual([0, 0]);
  expect(find(5, 9, 2, 1)).toEqual([0, 1]);
  expect(find(9, 5, 2, 1)).toEqual([1, 0]);
  // Addresses with the highest bit set are greater, not negative.
  expect(find(0xff000001, 5)).toEqual([2, 0]);
  expect(find(5, 0xff000001, 2, 1)).toEqual([2, 1]);
  expect(find(7, 7, 3, 3)).toEqual([3, 0]);
});

test('a full table takes the number of a flow that has been silent for long', () => {
  const { numbers, find } = bench();
  for (let n = 0; n < MODULE_FLOWS_MAX; n++) {
    if (n % 1000 === 0) numbers.begin(n);
    find(n, 1_000_000);
  }
  numbers.begin(MODULE_FLOWS_MAX);
  const [number] = find(5_000_000, 1_000_000);
  expect(number).toBeLessThan(MODULE_FLOWS_MAX);
  // Of the rows that were looked at the oldest: one of the first thousand.
  expect(number).toBeLessThan(1000);
  expect(find(5_000_000, 1_000_000)).toEqual([number, 0]);
});

test('after a look-up that was cut off all flows get numbers anew', () => {
  const { numbers, find } = bench();
  numbers.begin(0);
  find(1, 2);
  find(3, 4);
  (numbers as unknown as { isBusy: boolean }).isBusy = true;
  numbers.begin(1);
  expect(find(3, 4)).toEqual([0, 0]);
});

test('silent flows lose their numbers within a minute and a half', () => {
  const { numbers, find } = bench();
  numbers.begin(0);
  for (let n = 0; n < 10; n++) find(n, 100);
  for (let nowNs = 1e9; nowNs <= 1.5 * MINUTE; nowNs += 1e9) {
    numbers.begin(nowNs);
    find(3, 100);
  }
  // All but the one that goes on: the first new flow takes a free row.
  const taken = new Set(Array.from({ length: 9 }, (_, n) => find(200 + n, 100)[0]));
  expect([...taken].sort()).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
});
