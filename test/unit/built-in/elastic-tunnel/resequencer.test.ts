import { expect, test } from 'vitest';
import { NO_FLOW } from '../../../../src/built-in/elastic-tunnel/frames.ts';
import { Resequencer } from '../../../../src/built-in/elastic-tunnel/resequencer.ts';

/** Packets are told by their first bytes: flow and number. */
function setUp(): {
  order: Resequencer;
  out: string[];
  take: (flow: number, number: number, ms?: number) => void;
} {
  const out: string[] = [];
  const order = new Resequencer((packet) => out.push(`${packet[0]}:${(packet[1]! << 8) | packet[2]!}`));
  const take = (flow: number, number: number, ms = 0): void => {
    const packet = new Uint8Array(1500);
    packet.set([flow & 255, number >> 8, number & 255]);
    order.take(packet, flow, number, ms);
    packet.fill(0xee);
  };
  return { order, out, take };
}

test('packets of a flow come out in order, and wait for no other flow', () => {
  const { order, out, take } = setUp();
  for (const number of [0, 2, 3, 1, 4]) take(1, number);
  take(2, 1);
  take(3, 0);
  expect(out).toEqual(['1:0', '1:1', '1:2', '1:3', '1:4', '3:0']);
  expect(order.heldBytes).toBe(1500);
  take(2, 0);
  expect([out.slice(-2), order.heldBytes]).toEqual([['2:0', '2:1'], 0]);
});

test('a flow that the peer has had for long begins where it is', () => {
  const { out, take } = setUp();
  for (const number of [40_000, 40_002, 40_001]) take(1, number);
  expect(out).toEqual(['1:40000', '1:40001', '1:40002']);
});

test('numbers go round', () => {
  const { out, take } = setUp();
  for (let number = 0; number < 65_534; number++) take(1, number);
  out.length = 0;
  for (const number of [65_535, 1, 65_534, 0]) take(1, number);
  expect(out).toEqual(['1:65534', '1:65535', '1:0', '1:1']);
});

test('a packet that does not come is given up after half a second; if it comes then, it is not lost', () => {
  const { order, out, take } = setUp();
  for (const number of [0, 3, 4, 6]) take(1, number, 10);
  order.look(509);
  expect(out).toEqual(['1:0']);
  order.look(510);
  expect(out).toEqual(['1:0', '1:3', '1:4']);
  take(1, 2, 600);
  expect(out.at(-1)).toBe('1:2');
  order.look(1009);
  expect(out).toHaveLength(4);
  order.look(1010);
  expect([out.at(-1), order.heldBytes]).toEqual(['1:6', 0]);
});

test('what is held has a bound', () => {
  const { order, out, take } = setUp();
  for (let number = 1; number < 20_000; number++) take(1, number);
  expect(order.heldBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect(out.length).toBeGreaterThan(14_000);
  expect(out[0]).toBe('1:1');
});

test('packets of no flow have no order', () => {
  const { out, take } = setUp();
  take(NO_FLOW, 7);
  take(NO_FLOW, 3);
  expect(out).toEqual(['255:7', '255:3']);
});
