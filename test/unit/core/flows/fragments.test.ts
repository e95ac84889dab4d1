import { expect, test } from 'vitest';
import { FragmentTable } from '../../../../src/core/flows/fragments.ts';
import { FRAGMENT_IDLE_NS } from '../../../../src/limits.ts';
import type { Parsed } from '../../../../src/packet/parse.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import type { PacketShape } from '../../../../src/sim/packets/packets.ts';
import { udp } from '../../../sim/world.ts';
import { parsedOf } from '../rows.ts';

const FIRST = 1;
const LATER = 2;
const V6: PacketShape = { ...udp(7), src: [1, 2, 3, 4], dst: [5, 6, 7, 8] };

const first = (shape: PacketShape, fragmentId = 5): Parsed =>
  parsedOf(shape, { fragment: FIRST, fragmentId });
/** As the parser leaves it: without ports. */
const later = (shape: PacketShape, fragmentId = 5): Parsed =>
  parsedOf(shape, { fragment: LATER, fragmentId, sport: 0, dport: 0, hasPorts: 0 });

/** Ports that the later fragment has when it has met a table that knows the first. */
function portsAfter(known: Parsed, asking: Parsed, gapNs = 0): number[] {
  const table = new FragmentTable(1, 2);
  table.join(known, 0, 1000);
  table.join(asking, 0, 1000 + gapNs);
  return [asking.hasPorts[0], asking.sport[0], asking.dport[0]];
}

const NO_PORTS = [0, 0, 0];

test.each([
  ['IPv4', udp(7)],
  ['IPv6', V6],
])('a later fragment has the ports of its first: %s', (_, shape) => {
  const known = first(shape);
  expect(portsAfter(known, later(shape))).toEqual([1, known.sport[0], known.dport[0]]);
});

test('identification, addresses and, in IPv4, the protocol must be the same', () => {
  const known = first(udp(7));
  expect(portsAfter(known, later(udp(7), 6))).toEqual(NO_PORTS);
  expect(portsAfter(known, later(udp(7, { src: 9 })))).toEqual(NO_PORTS);
  expect(portsAfter(known, later(udp(7, { dst: 9 })))).toEqual(NO_PORTS);
  expect(portsAfter(known, later(udp(7, { protocol: IPPROTO_TCP })))).toEqual(NO_PORTS);
});

test('a later fragment of IPv6 that does not name the protocol gets it', () => {
  const known = first(V6);
  const asking = later({ ...V6 });
  asking.protocol[0] = 60;
  expect(portsAfter(known, asking)[0]).toBe(1);
  expect(asking.protocol[0]).toBe(known.protocol[0]);
});

test('the first fragment is remembered for its time', () => {
  expect(portsAfter(first(udp(7)), later(udp(7)), FRAGMENT_IDLE_NS)[0]).toBe(1);
  expect(portsAfter(first(udp(7)), later(udp(7)), FRAGMENT_IDLE_NS + 1)).toEqual(NO_PORTS);
});

test('a later fragment that comes first leaves no trace', () => {
  expect(portsAfter(later(udp(7)), later(udp(7)))).toEqual(NO_PORTS);
});
