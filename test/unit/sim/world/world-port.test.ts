/**
 * The world's port against the real engine: what it parses is what was written, each id has one verdict,
 * NFQUEUEs have a length.
 */
import { describe, expect, test } from 'vitest';
import { ARRIVAL_ROWS, EDIT_BYTES } from '../../../../src/limits.ts';
import { NF_ACCEPT, NF_DROP, VERDICT_SET_MARK, VERDICT_UP_TO } from '../../../../src/packet/batch.ts';
import { createParsed, parseBatch } from '../../../../src/packet/parse.ts';
import { ACK, ECE, IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { TcpOptions } from '../../../../src/packet/tcp-options.ts';
import { HEADER_STRIDE, HeaderTemplates } from '../../../../src/sim/packets/headers.ts';
import {
  CE,
  isBack,
  KIND_ACK,
  KIND_DATA,
  KIND_DATAGRAM,
  KIND_SYN,
  PacketTable,
  SACK_WORDS,
} from '../../../../src/sim/packets/packet-table.ts';
import { IPPROTO_UDP, ipv4, type PacketShape } from '../../../../src/sim/packets/packets.ts';
import { WorldPort } from '../../../../src/sim/world/world-port.ts';
import { MARK_CE, markBits } from '../../../../src/spec/mark-codes.ts';

const MARK_MASK = 0xff0000;
const A = ipv4(10, 0, 0, 1);
const B = ipv4(198, 51, 100, 1);
const A6 = [0xfd000000, 0, 0, 1] as const;
const B6 = [0x20010db8, 0, 0, 1] as const;
const forth = (src: PacketShape['src'], dst: PacketShape['src'], protocol: number): PacketShape[] => [
  { src, dst, protocol, sport: 40_000, dport: 443, dscp: 46 },
  { src: dst, dst: src, protocol, sport: 443, dport: 40_000 },
];
/** The checksum of the segment at `slab[from]` once more, its own included (RFC 1071): 0 if that is right. */
function checksumOf(slab: Uint8Array, from: number, bytes: number): number {
  const ipBytes = slab[from] === 0x45 ? 20 : 40;
  const addresses = slab.subarray(from + (ipBytes === 20 ? 12 : 8), from + ipBytes);
  const segment = slab.subarray(from + ipBytes, from + bytes);
  let sum = 0;
  for (const [i, byte] of [...addresses, 0, 6, 0, segment.length, ...segment].entries())
    sum += i % 2 === 0 ? byte << 8 : byte;
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}

const SHAPES = [...forth(A, B, IPPROTO_TCP), ...forth(A6, B6, IPPROTO_TCP), ...forth(A, B, IPPROTO_UDP)];

function world(lengthPackets = 1000, hasTimestamps = true) {
  const packets = new PacketTable();
  const slab = new Uint8Array(HEADER_STRIDE * (ARRIVAL_ROWS + SHAPES.length) + EDIT_BYTES);
  const templates = new HeaderTemplates(
    slab,
    HEADER_STRIDE * ARRIVAL_ROWS,
    SHAPES,
    SHAPES.map(() => ({ hasTimestamps, segmentBytes: 1448, scale: 7 })),
  );
  const verdicts: { id: number; isAccepted: boolean }[] = [];
  const owner = {
    writeHeaders: (p: number, to: number) =>
      templates.write(2 * packets.flow[p] + (isBack(packets.kind[p]) ? 1 : 0), p, packets, to),
    verdictGiven(p: number, _nfqueue: number, id: number, isAccepted: boolean) {
      verdicts.push({ id, isAccepted });
      packets.give(p);
    },
  };
  const routes = [{ ifIndexIn: 9, ifIndexOut: 1, nfqueue: 0 }];
  const port = new WorldPort(owner, packets, routes, slab, {
    count: 1,
    length: lengthPackets,
    markMask: MARK_MASK,
  });
  const verdict = (row: number, id: number, code: number): void => {
    port.batch.verdicts.packetId[row] = id;
    port.batch.verdicts.nfqueue[row] = 0;
    port.batch.verdicts.verdict[row] = code;
  };
  return { packets, port, verdicts, verdict };
}

describe('headers', () => {
  test('the parser reads what the packet says', () => {
    const { packets, port } = world();
    const rows = [
      packets.take(0, KIND_DATA, 7, 1500),
      packets.take(0, KIND_ACK, 3, 72),
      packets.take(1, KIND_DATA, 0, 1500),
      packets.take(2, KIND_DATAGRAM, 0, 200),
    ];
    packets.tcpFlags[rows[1]] = ACK | ECE;
    packets.sacks[rows[1]] = 2;
    packets.sack.set([5, 6, 8, 10], rows[1] * SACK_WORDS);
    packets.ecn[rows[2]] = CE;
    for (const p of rows) expect(port.arrive(p, 0)).toBe(true);
    expect(port.drain()).toBe(4);
    const parsed = createParsed();
    const { arrivals } = port.batch;
    parseBatch(arrivals, port.slab, 4, parsed);
    expect([...parsed.family.slice(0, 4)]).toEqual([4, 4, 6, 4]);
    expect([...parsed.protocol.slice(0, 4)]).toEqual([6, 6, 6, 17]);
    expect([...parsed.sport.slice(0, 4)]).toEqual([40_000, 443, 40_000, 40_000]);
    expect([...parsed.dscp.slice(0, 4)]).toEqual([46, 0, 46, 46]);
    expect([...parsed.ecn.slice(0, 4)]).toEqual([0, 0, 3, 0]);
    expect(parsed.tcpFlags[1]).toBe(ACK | ECE);
    expect([parsed.src0[1], parsed.dst0[1]]).toEqual([B, A]);
    expect([...arrivals.lengthBytes.slice(0, 4)]).toEqual([1500, 72, 1500, 200]);
    // IPv4, TCP with timestamps; two SACK blocks more; IPv6; UDP.
    expect([...arrivals.copiedBytes.slice(0, 4)]).toEqual([52, 72, 72, 28]);
  });

  test('numbers, window, time stamps and SACK blocks stand where TCP has them', () => {
    const { packets, port } = world();
    const data = packets.take(0, KIND_DATA, 2, 1500);
    packets.firstByte[data] = 2897;
    packets.ackByte[data] = 1;
    const ack = packets.take(0, KIND_ACK, 2, 64);
    packets.ackByte[ack] = -2; // modulo 2^32
    packets.windowField[ack] = 114;
    packets.sentNs[ack] = 70e6;
    packets.echoNs[ack] = 30.9e6;
    packets.sacks[ack] = 1;
    packets.sackByte.set([5793, 10_137], ack * SACK_WORDS);
    for (const p of [data, ack]) port.arrive(p, 0);
    port.drain();
    const view = new DataView(port.slab.buffer);
    const tcp = (row: number): number => port.batch.arrivals.slabOffset[row] + 20;
    expect([view.getUint32(tcp(0) + 4), view.getUint32(tcp(0) + 8)]).toEqual([2897, 1]);
    expect([view.getUint32(tcp(1) + 4), view.getUint32(tcp(1) + 8)]).toEqual([0, 0xfffffffe]);
    expect(view.getUint16(tcp(1) + 14)).toBe(114);
    // Milliseconds, counted from one.
    expect([24, 28].map((i) => view.getUint32(tcp(1) + i))).toEqual([71, 31]);
    expect(view.getUint8(tcp(1) + 12) >> 4).toBe((32 + 12) / 4);
    const option = tcp(1) + 32;
    expect([0, 1, 2, 3].map((i) => view.getUint8(option + i))).toEqual([1, 1, 5, 10]);
    expect([4, 8].map((i) => view.getUint32(option + i))).toEqual([5793, 10_137]);
  });

  test.each([
    [true, 60],
    [false, 52],
  ])('a SYN has the options of Linux; time stamps: %s', (hasTimestamps, lengthBytes) => {
    const { packets, port } = world(1000, hasTimestamps);
    const syn = packets.take(0, KIND_SYN, 0, lengthBytes);
    port.arrive(syn, 0);
    port.drain();
    const at = port.batch.arrivals.slabOffset[0] + 20;
    expect(port.batch.arrivals.copiedBytes[0]).toBe(lengthBytes);
    expect(port.slab[at + 12] >> 4).toBe((lengthBytes - 20) / 4);
    const options = new TcpOptions();
    options.read(port.slab, at, at + lengthBytes - 20, true);
    expect([options.hasStamp, options.scale]).toEqual([hasTimestamps, 7]);
    expect([...port.slab.subarray(at + 20, at + 24)]).toEqual([2, 4, 1448 >> 8, 1448 & 0xff]);
  });
});

describe('verdicts', () => {
  test('one by one, and up to an id all that are left', () => {
    const { packets, port, verdicts, verdict } = world();
    for (let i = 0; i < 5; i++) port.arrive(packets.take(2, KIND_DATAGRAM, i, 100), 0);
    port.drain();
    verdict(0, 2, NF_DROP);
    verdict(1, 4, NF_ACCEPT | VERDICT_UP_TO);
    port.send(2);
    expect(verdicts).toEqual([
      { id: 2, isAccepted: false },
      { id: 1, isAccepted: true },
      { id: 3, isAccepted: true },
      { id: 4, isAccepted: true },
    ]);
    verdict(0, 3, NF_ACCEPT);
    expect(() => port.send(1)).toThrow(/packet 3 of nfqueue 0/);
  });

  test('a mark that asks for CE sets it, as the rules behind the queue do', () => {
    const { packets, port, verdict } = world();
    const rows = [0, 1, 2].map((i) => packets.take(2, KIND_DATAGRAM, i, 100));
    for (const p of rows) port.arrive(p, 0);
    port.drain();
    port.batch.verdicts.mark.fill(markBits(MARK_MASK, MARK_CE), 0, 2);
    port.batch.verdicts.mark[2] = 0;
    verdict(0, 1, NF_ACCEPT | VERDICT_SET_MARK);
    verdict(1, 2, NF_ACCEPT);
    verdict(2, 3, NF_ACCEPT | VERDICT_SET_MARK);
    port.send(3);
    expect(rows.map((p) => packets.ecn[p])).toEqual([CE, 0, 0]);
  });

  test('new bytes give a packet their length and ECN field', () => {
    const { packets, port, verdict } = world();
    const rows = [0, 1, 2].map((i) => packets.take(2, KIND_DATAGRAM, i, 100));
    for (const p of rows) port.arrive(p, 0);
    port.drain();
    const { payloadOffset, payloadBytes } = port.batch.verdicts;
    expect(port.slab.length - port.editOffset).toBe(EDIT_BYTES);
    port.slab.set([0x45, 3], port.editOffset);
    port.slab.set([0x60, 0x20], port.editOffset + 40);
    payloadOffset.set([port.editOffset, port.editOffset + 40]);
    payloadBytes.set([40, 80, 0]);
    for (const [row, p] of rows.entries()) verdict(row, p + 1, NF_ACCEPT);
    port.send(3);
    expect(rows.map((p) => packets.lengthBytes[p])).toEqual([40, 80, 100]);
    expect(rows.map((p) => packets.ecn[p])).toEqual([3, 2, 0]);
    port.arrive(packets.take(2, KIND_DATAGRAM, 4, 100), 0);
    port.drain();
    verdict(0, 4, NF_ACCEPT);
    payloadOffset[0] = port.slab.length - 1;
    expect(() => port.send(1)).toThrow('in the slab');
  });

  test.each([0, 1])(
    'an edited window goes with its segment, and nothing else may change; flow %i',
    (flow) => {
      const headerBytes = flow === 0 ? 20 : 40;
      const edited = (change: (slab: Uint8Array, tcp: number) => void): number => {
        const { packets, port, verdict } = world();
        const p = packets.take(flow, KIND_ACK, 2, headerBytes + 32);
        packets.tcpFlags[p] = ACK;
        packets.ackByte[p] = 0x7ffffff0;
        packets.windowField[p] = 0x1234;
        port.arrive(p, 0);
        port.drain();
        const from = port.batch.arrivals.slabOffset[0];
        const bytes = headerBytes + 32;
        expect(port.batch.arrivals.copiedBytes[0]).toBe(bytes);
        expect(checksumOf(port.slab, from, bytes)).toBe(0);
        port.slab.copyWithin(port.editOffset, from, from + bytes);
        change(port.slab, port.editOffset + headerBytes);
        port.batch.verdicts.payloadOffset[0] = port.editOffset;
        port.batch.verdicts.payloadBytes[0] = bytes;
        verdict(0, 1, NF_ACCEPT);
        port.send(1);
        return packets.windowField[p];
      };
      const byWindow = (field: number) => (slab: Uint8Array, tcp: number) => {
        const checksum = ((slab[tcp + 16] << 8) | slab[tcp + 17]) + 0x1234 - field;
        slab.set([field >> 8, field & 0xff], tcp + 14);
        const folded = (checksum & 0xffff) + (checksum >> 16);
        slab.set([folded >> 8, folded & 0xff], tcp + 16);
      };
      expect(edited(byWindow(0x1200))).toBe(0x1200);
      expect(() => edited(byWindow(0x1235))).toThrow('no window is made larger');
      expect(() => edited(byWindow(0))).toThrow('no window is made larger, or closed');
      expect(() => edited((slab, tcp) => slab.set([0x12, 0], tcp + 14))).toThrow('checksum');
      // Two words change by the same: the checksum is right, the numbers are not.
      const moved = (slab: Uint8Array, tcp: number): void => {
        slab[tcp + 11]++;
        slab[tcp + 15]--;
      };
      expect(() => edited(moved)).toThrow('numbers and flags');
    },
  );

  test('a packet that waits for ever does not stop ids from being given', () => {
    const { packets, port, verdicts, verdict } = world(100_000);
    port.arrive(packets.take(2, KIND_DATAGRAM, 0, 100), 0);
    port.drain();
    for (let id = 2; id < 6000; id++) {
      port.arrive(packets.take(2, KIND_DATAGRAM, id, 100), 0);
      port.drain();
      verdict(0, id, NF_ACCEPT);
      port.send(1);
    }
    verdict(0, 1, NF_ACCEPT);
    port.send(1);
    expect(verdicts.length).toBe(5999);
    expect(verdicts.at(-1)).toEqual({ id: 1, isAccepted: true });
  });

  test("a full nfqueue refuses as the kernel's does", () => {
    const { packets, port, verdict } = world(3);
    const given = [0, 1, 2, 3].map((i) => port.arrive(packets.take(2, KIND_DATAGRAM, i, 100), 0));
    expect(given).toEqual([true, true, true, false]);
    expect(port.queueFullPackets).toBe(1);
    port.drain();
    verdict(0, 1, NF_ACCEPT);
    port.send(1);
    expect(port.arrive(packets.take(2, KIND_DATAGRAM, 9, 100), 0)).toBe(true);
  });
});
