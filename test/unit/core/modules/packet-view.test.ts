/** What a module sees and sets of a packet, against a twin that writes every checksum from scratch. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketView } from '../../../../src/core/modules/packet-view.ts';
import { EDITED, REROUTED, Rows } from '../../../../src/core/modules/rows.ts';
import type { Handle } from '../../../../src/modules/api/packet.ts';
import { addressText } from '../../../../src/packet/address-text.ts';
import { createBatch, NF_INET_FORWARD, NF_INET_LOCAL_OUT } from '../../../../src/packet/batch.ts';
import { createParsed } from '../../../../src/packet/parse.ts';
import { runs } from '../../../effort.ts';
import { type TwinPacket, twinBytes } from '../../../oracle/packet-twin.ts';

const MASK = 0xff00;
const ROOM = 3000;

function bench(bytes: Uint8Array, hook = NF_INET_FORWARD, copied = bytes.length) {
  const { arrivals } = createBatch();
  const rows = new Rows(arrivals, new Uint8Array(ROOM + 100), createParsed());
  const none = new Rows(createBatch().arrivals, new Uint8Array(0), createParsed());
  const refused: string[] = [];
  rows.endOffset = ROOM;
  rows.rows = 1;
  rows.slab.set(bytes, 33);
  arrivals.slabOffset[0] = 33;
  arrivals.lengthBytes[0] = bytes.length;
  arrivals.copiedBytes[0] = copied;
  arrivals.hook[0] = hook;
  arrivals.mark[0] = 0x1234;
  arrivals.ifIndexIn[0] = 3;
  rows.clear(0);
  rows.readAgain(0);
  const view = new PacketView(none, {
    markMask: MASK,
    nameOf: (ifIndex) => (ifIndex === 0 ? '' : `eth${ifIndex}`),
    findFlow: () => {},
    hold: () => 7 as Handle,
    refused: () => refused.push('refused'),
  });
  view.show(rows, 0, true);
  const now = (): Uint8Array => rows.slab.slice(33, 33 + arrivals.lengthBytes[0]!);
  return { rows, view, now, refused };
}

const address = (family: 4 | 6) =>
  fc.array(fc.integer({ min: 0, max: 0xffffffff }), {
    minLength: family === 4 ? 1 : 4,
    maxLength: family === 4 ? 1 : 4,
  });
const up = (max: number) => fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, max));

const packets: fc.Arbitrary<TwinPacket> = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    protocol: fc.constantFrom(6, 6, 17, 17, 136, 132, family === 4 ? 1 : 58),
    src: address(family),
    dst: address(family),
    dscp: up(63),
    ecn: up(3),
    ttl: up(255),
    sport: up(0xffff),
    dport: up(0xffff),
    flags: up(255),
    seq: up(0xffffffff),
    ack: up(0xffffffff),
    window: up(0xffff),
    isUnsummed: fc.boolean(),
    coverage: fc.constantFrom(0, 8),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
);

type Field = Exclude<keyof TwinPacket, 'family' | 'protocol' | 'isUnsummed' | 'coverage' | 'data'>;
const TCP_FIELDS: readonly string[] = ['flags', 'seq', 'ack', 'window'];
const PORTS: readonly string[] = ['sport', 'dport'];
const FIELDS: readonly Field[] = [
  ...(['src', 'dst', 'dscp', 'ecn', 'ttl', 'sport', 'dport', 'flags', 'seq', 'ack', 'window'] as const),
];

/** Writes a field of both; the twin has it as it is, the view as modules set it. */
function set(view: PacketView, twin: TwinPacket, field: Field, from: TwinPacket): void {
  if (field === 'src' || field === 'dst') {
    const words = from.family === twin.family ? from[field] : twin[field];
    twin[field] = words;
    view[field] = addressText(twin.family, words);
    return;
  }
  if (TCP_FIELDS.includes(field) && twin.protocol !== 6) {
    expect(view.tcp).toBeNull();
    return;
  }
  if (PORTS.includes(field) && (twin.protocol === 1 || twin.protocol === 58)) {
    expect(() => {
      view[field as 'sport'] = 1;
    }).toThrow(TypeError);
    return;
  }
  twin[field] = from[field];
  if (TCP_FIELDS.includes(field)) view.tcp![field as 'seq'] = from[field];
  else view[field as 'ttl'] = from[field];
}

test('whatever is set, bytes and checksums are those of a packet made from scratch', () => {
  fc.assert(
    fc.property(
      packets,
      fc.array(fc.tuple(fc.constantFrom(...FIELDS), packets), { maxLength: 8 }),
      (start, changes) => {
        const twin = structuredClone(start);
        const { view, now } = bench(twinBytes(twin));
        for (const [field, from] of changes) set(view, twin, field, from);
        expect(Buffer.from(now()).toString('hex')).toBe(Buffer.from(twinBytes(twin)).toString('hex'));
      },
    ),
    { numRuns: runs(2000) },
  );
});

test('what is set is seen at once, by the view and in the columns', () => {
  fc.assert(
    fc.property(packets, packets, (start, to) => {
      const twin = structuredClone(start);
      const { view, rows } = bench(twinBytes(twin));
      for (const field of FIELDS) set(view, twin, field, to);
      expect([view.dscp, view.ecn, view.ttl]).toEqual([twin.dscp, twin.ecn, twin.ttl]);
      expect([view.src, view.dst]).toEqual(
        [twin.src, twin.dst].map((words) => addressText(twin.family, words)),
      );
      expect([rows.parsed.dscp[0], rows.parsed.ecn[0]]).toEqual([twin.dscp, twin.ecn]);
      const hasPorts = twin.protocol !== 1 && twin.protocol !== 58;
      expect([view.sport, view.dport]).toEqual(hasPorts ? [twin.sport, twin.dport] : [0, 0]);
      if (twin.protocol !== 6) return;
      const { flags, seq, ack, window, dataBytes } = view.tcp!;
      expect([flags, seq, ack, window]).toEqual([twin.flags, twin.seq, twin.ack, twin.window]);
      expect(dataBytes).toBe(twin.data.length);
      expect(rows.parsed.tcpFlags[0]).toBe(twin.flags);
    }),
    { numRuns: runs(500) },
  );
});

test('touched() makes checksums and length anew, whatever was written', () => {
  fc.assert(
    fc.property(packets, packets, (start, other) => {
      const twin = structuredClone(start);
      const wrong = twinBytes(twin);
      const { view, now } = bench(wrong);
      const to = { ...twin, data: Uint8Array.from(twin.data, (byte, n) => byte ^ (other.data[n] ?? 0)) };
      view.bytes!.set(twinBytes(to).subarray(wrong.length - to.data.length), wrong.length - to.data.length);
      view.touched();
      expect(now()).toEqual(twinBytes(to));
    }),
    { numRuns: runs(500) },
  );
});

const TCP: TwinPacket = {
  family: 4,
  protocol: 6,
  src: [0x0a000001],
  dst: [0x0a000002],
  dscp: 0,
  ecn: 0,
  ttl: 64,
  sport: 1000,
  dport: 80,
  flags: 0x18,
  seq: 1,
  ack: 2,
  window: 3,
  isUnsummed: false,
  coverage: 0,
  data: new Uint8Array(10),
};

test('a value that does not fit is refused, says what would, and changes nothing', () => {
  const { view, now, rows } = bench(twinBytes(TCP));
  const before = now();
  const attempts: [() => void, RegExp][] = [
    [() => (view.dscp = 64), /dscp 64 is no whole number from 0 to 63/],
    [() => (view.ecn = -1), /ecn -1/],
    [() => (view.ttl = 1.5), /ttl 1.5/],
    [() => (view.sport = 65536), /sport 65536/],
    [
      () => (view.src = 'example.org'),
      /src "example.org" is no address, such as "192.0.2.1" or "2001:db8::1"/,
    ],
    [() => (view.src = null as never), /src null is no address/],
    [() => (view.dst = '010.1.1.1'), /dst "010.1.1.1" is no address/],
    [() => (view.dscp = { a: 1 } as never), /dscp \{"a":1\} is no whole number/],
    [() => (view.dst = '2001:db8::1'), /another family/],
    [() => (view.mark = 0x100), /mark 0x100 has bits of the shaper's own mask 0xff00/],
    [() => (view.tcp!.window = 65536), /window 65536/],
    [() => view.replace(new Uint8Array(65536)), /too many/],
  ];
  for (const [attempt, message] of attempts) {
    expect(attempt).toThrow(RangeError);
    expect(attempt).toThrow(message);
  }
  expect(() => view.replace(new Uint8Array(30))).toThrow(TypeError);
  expect(() => view.replace(null as never)).toThrow(
    'a Uint8Array with a whole IP packet is expected, and not null',
  );
  expect(() => view.replace(twinBytes(TCP).subarray(0, 40))).toThrow('says 50 bytes, but there are 40');
  expect([now(), rows.edits[0]]).toEqual([before, 0]);
});

test('replace() takes another packet, longer or shorter', () => {
  const { view, now, rows } = bench(twinBytes(TCP));
  const longer = twinBytes({ ...TCP, protocol: 17, data: new Uint8Array(1400).fill(5) });
  view.replace(longer);
  expect([now(), view.length, view.protocol, view.tcp]).toEqual([longer, longer.length, 17, null]);
  expect(rows.edits[0]).toBe(EDITED);
  view.replace(twinBytes(TCP));
  expect([view.length, view.tcp?.seq, view.bytes?.length]).toEqual([50, 1, 50]);
});

test('replace() and bytes need payload: true', () => {
  const { view, rows } = bench(twinBytes(TCP));
  view.show(rows, 0, false);
  expect(view.bytes).toBeNull();
  expect(() => view.replace(twinBytes(TCP))).toThrow('payload: true');
});

test('the mark is without our bits, which stay; a local packet is routed again by mark, TOS and addresses', () => {
  const { view, rows } = bench(twinBytes(TCP), NF_INET_LOCAL_OUT);
  expect(view.mark).toBe(0x34);
  view.ttl = 9;
  expect(rows.edits[0]).toBe(EDITED);
  view.mark = 0x70001;
  expect([view.mark, rows.arrivals.mark[0]]).toEqual([0x70001, 0x71201]);
  expect(rows.edits[0]).toBe(EDITED | REROUTED);
});

test('a packet that was not copied whole is left as it is, and counts as an error', () => {
  const { view, rows, now, refused } = bench(twinBytes(TCP), NF_INET_FORWARD, 45);
  const before = now();
  view.dscp = 8;
  view.ttl = 8;
  view.tcp!.window = 8;
  expect([now(), rows.edits[0], refused.length]).toEqual([before, 0, 3]);
});

test('what is no IP packet has no fields, and none can be set', () => {
  const { view } = bench(new Uint8Array(40));
  expect([view.family, view.src, view.sport, view.ttl, view.tcp]).toEqual([0, '', 0, 0, null]);
  expect(() => (view.dscp = 1)).toThrow(TypeError);
  expect(() => (view.src = '10.0.0.1')).toThrow(TypeError);
});

test('hooks and devices have names; between batches the view shows nothing', () => {
  const { view } = bench(twinBytes(TCP));
  expect([view.hook, view.iif, view.oif, view.segments, view.length]).toEqual(['forward', 'eth3', '', 1, 50]);
  view.close();
  expect([view.length, view.family]).toEqual([0, 0]);
  expect(() => (view.ttl = 1)).toThrow(TypeError);
});

test('a change that was cut off is mended', () => {
  const { view, now, rows } = bench(twinBytes(TCP));
  // As if the code had been ended between the field and its checksum.
  view.isBusy = true;
  rows.slab[33 + 8] = 7;
  view.repair();
  expect(now()).toEqual(twinBytes({ ...TCP, ttl: 7 }));
});
