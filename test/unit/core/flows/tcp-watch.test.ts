import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFlowRecord, FlowReader, type FlowRecord } from '../../../../src/core/flows/flow-reader.ts';
import { FlowTable } from '../../../../src/core/flows/flow-table.ts';
import { HeldTable } from '../../../../src/core/packets/held.ts';
import { Ledger } from '../../../../src/core/packets/ledger.ts';
import { createBatch } from '../../../../src/packet/batch.ts';
import { createParsed, parseBatch } from '../../../../src/packet/parse.ts';
import { ACK, FIN, IPPROTO_TCP, RST, SYN } from '../../../../src/packet/tcp-header.ts';
import { type PacketShape, writePacket } from '../../../../src/sim/packets/packets.ts';
import { runs } from '../../../effort.ts';
import { CLIENT, MS, SECOND, SERVER } from '../../../sim/world.ts';

const word = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const stamps = (value: number, echo: number): number[] => [1, 1, 8, 10, ...word(value), ...word(echo)];
const scaleOption = (scale: number): number[] => [3, 3, scale, 1];

interface Segment {
  readonly seq?: number;
  readonly ack?: number;
  readonly bytes?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly options?: readonly number[];
}

/** A connection as this place sees it: segments of the client (up) and of the server (down). */
class Wire {
  readonly flows = new FlowTable(16, 1, 2, new Ledger(1, new HeldTable(1)));
  private readonly reader = new FlowReader(this.flows.buffer);
  private readonly slab = new Uint8Array(256);
  private readonly arrivals = createBatch().arrivals;
  private readonly parsed = createParsed();
  private readonly rows = { up: -1, down: -1 };

  up(atNs: number, segment: Segment): void {
    this.pass('up', atNs, segment);
  }

  down(atNs: number, segment: Segment): void {
    this.pass('down', atNs, segment);
  }

  read(side: 'up' | 'down'): FlowRecord {
    const record = createFlowRecord();
    expect(this.reader.read(this.rows[side], record)).toBe(true);
    return record;
  }

  private pass(side: 'up' | 'down', atNs: number, segment: Segment): void {
    const { seq = 0, ack = 0, bytes = 0, flags = ACK, window = 0xffff, options = [] } = segment;
    const ends = side === 'up' ? [CLIENT, 1000, SERVER, 80] : [SERVER, 80, CLIENT, 1000];
    const [src, sport, dst, dport] = ends as [number, number, number, number];
    const tcp = { tcpSeq: seq >>> 0, tcpAck: ack >>> 0, tcpFlags: flags, tcpWindow: window };
    const shape: PacketShape = {
      ...{ src, sport, dst, dport, protocol: IPPROTO_TCP, tcpOptions: options },
      ...tcp,
    };
    const segmentBytes = 20 + 4 * Math.ceil(options.length / 4) + bytes;
    const { arrivals, parsed, slab } = this;
    arrivals.copiedBytes[0] = writePacket(slab, 0, shape, 20 + segmentBytes);
    parseBatch(arrivals, slab, 1, parsed);
    this.flows.begin(atNs);
    const f = this.flows.findOrMake(parsed, 0, atNs);
    this.rows[side] = f;
    this.flows.tcp.read(f, slab, 20, arrivals.copiedBytes[0]!, segmentBytes);
  }
}

/** SYN, SYN-ACK and ACK: the server is 30 ms from here, the client 5 ms. */
function handshake(wire: Wire, upSeq: number, downSeq: number, options: readonly number[] = []): void {
  wire.up(0, { seq: upSeq, flags: SYN, options });
  wire.down(30 * MS, { seq: downSeq, ack: upSeq + 1, flags: SYN | ACK, options });
  wire.up(35 * MS, { seq: upSeq + 1, ack: downSeq + 1 });
}

describe('round trips', () => {
  test.each([0, 0xffffffff, 0x7ffffff0])('both halves of the handshake, from number %d', (seq) => {
    const wire = new Wire();
    handshake(wire, seq, seq);
    expect(wire.read('up')).toMatchObject({ halfRttNs: 30 * MS, rttNs: 35 * MS, rttNsMin: 35 * MS });
    expect(wire.read('down')).toMatchObject({ halfRttNs: 5 * MS, rttNs: 35 * MS });
  });

  test('one direction alone has no round trip', () => {
    const wire = new Wire();
    for (let n = 0; n < 9; n++) wire.up(n * MS, { seq: 1000 * n, bytes: 1000, options: stamps(n, 1) });
    expect(wire.read('up')).toMatchObject({ rttNs: Number.NaN, halfRttNs: Number.NaN, retransmits: 0 });
    expect(wire.read('up').flightBytes).toBeNaN();
  });

  test('data and its acknowledgement; data that was sent again is not timed', () => {
    const wire = new Wire();
    handshake(wire, 0, 0);
    wire.up(100 * MS, { seq: 1, ack: 1, bytes: 1000 });
    wire.up(101 * MS, { seq: 1001, ack: 1, bytes: 1000 });
    wire.down(140 * MS, { seq: 1, ack: 2001 });
    // 30 ms and an eighth of the 10 ms more.
    expect(wire.read('up').halfRttNs).toBe(31.25 * MS);
    wire.up(200 * MS, { seq: 2001, ack: 1, bytes: 1000 });
    wire.up(900 * MS, { seq: 2001, ack: 1, bytes: 1000 });
    wire.down(930 * MS, { seq: 1, ack: 3001 });
    expect(wire.read('up')).toMatchObject({ halfRttNs: 31.25 * MS, retransmits: 1 });
  });

  test.each([1, 4, 10])('time stamps of a clock of %d ms: both halves of a transfer one way', (tickMs) => {
    const wire = new Wire();
    const at = (ns: number): number => Math.floor(ns / (tickMs * MS)) + 7;
    // The server sends a segment each millisecond; each is acknowledged 10 ms later, and the answer of the
    // server comes 40 ms after that.
    let echoOfServer = 0;
    const events: { ns: number; run: () => void }[] = [];
    for (let n = 0; n < 300; n++) {
      const sentNs = n * MS;
      const stamp = at(sentNs);
      events.push({
        ns: sentNs,
        run: () =>
          wire.down(sentNs, { seq: n * 1000, ack: 1, bytes: 1000, options: stamps(stamp, echoOfServer) }),
      });
      const ackNs = sentNs + 10 * MS;
      events.push({
        ns: ackNs,
        run: () => wire.up(ackNs, { seq: 1, ack: (n + 1) * 1000, options: stamps(at(ackNs), stamp) }),
      });
      const hears = (): void => {
        echoOfServer = at(ackNs);
      };
      events.push({ ns: ackNs + 40 * MS - 1, run: hears });
    }
    for (const { run } of events.sort((a, b) => a.ns - b.ns)) run();
    expect(wire.read('down').halfRttNsMin).toBe(10 * MS);
    expect(wire.read('down').halfRttNs).toBe(10 * MS);
    expect(wire.read('up').halfRttNsMin).toBe(40 * MS);
    expect(wire.read('down')).toMatchObject({ rttNsMin: 50 * MS, rttNs: 50 * MS, retransmits: 0 });
  });

  test('an answer that waited for the application does not count as a round trip', () => {
    const wire = new Wire();
    handshake(wire, 0, 0);
    wire.down(100 * MS, { seq: 1, ack: 1, bytes: 2000, options: stamps(10, 5) });
    wire.up(105 * MS, { seq: 1, ack: 1001, options: stamps(20, 10) });
    wire.down(9 * SECOND, { seq: 2001, ack: 1, bytes: 1000, options: stamps(9000, 20) });
    expect(wire.read('up')).toMatchObject({ halfRttNs: 30 * MS, halfRttNsMin: 30 * MS });
  });
});

describe('retransmissions', () => {
  test('keepalives and probes of a closed window are none, a lost byte and a lost FIN are', () => {
    const wire = new Wire();
    handshake(wire, 0, 0);
    wire.up(100 * MS, { seq: 1, ack: 1, bytes: 10 });
    wire.down(130 * MS, { seq: 1, ack: 11 });
    for (const bytes of [0, 1]) wire.up(10 * SECOND, { seq: 10, ack: 1, bytes });
    expect(wire.read('up').retransmits).toBe(0);
    wire.down(11 * SECOND, { seq: 1, ack: 11, window: 0 });
    for (let n = 0; n < 3; n++) wire.up((12 + n) * SECOND, { seq: 11, ack: 1, bytes: 1 });
    expect(wire.read('up').retransmits).toBe(0);
    wire.down(16 * SECOND, { seq: 1, ack: 12, window: 1000 });
    wire.up(17 * SECOND, { seq: 12, ack: 1, bytes: 1 });
    wire.up(18 * SECOND, { seq: 12, ack: 1, bytes: 1 });
    expect(wire.read('up').retransmits).toBe(1);
    for (let n = 0; n < 2; n++) wire.up((19 + n) * SECOND, { seq: 13, ack: 1, flags: FIN | ACK });
    expect(wire.read('up').retransmits).toBe(2);
  });

  test('a SYN again is one; a SYN with another number is a new connection', () => {
    const wire = new Wire();
    wire.up(0, { seq: 5, flags: SYN });
    wire.up(SECOND, { seq: 5, flags: SYN });
    expect(wire.read('up').retransmits).toBe(1);
    wire.down(SECOND + MS, { seq: 9, ack: 6, flags: SYN | ACK });
    expect(wire.read('up').rttNs, 'which SYN was answered, nobody knows').toBeNaN();
    wire.up(30 * SECOND, { seq: 0x80000000, flags: SYN });
    wire.up(30 * SECOND, { seq: 0x80000001, bytes: 100 });
    expect(wire.read('up').retransmits).toBe(1);
    wire.up(31 * SECOND, { seq: 0, flags: RST, bytes: 10 });
    expect(wire.read('up').retransmits).toBe(1);
  });

  test('a hole that is filled within a round trip is reordering, later it is data lost before us', () => {
    const wire = new Wire();
    handshake(wire, 0, 0);
    wire.up(100 * MS, { seq: 1001, ack: 1, bytes: 1000 });
    wire.up(134 * MS, { seq: 1, ack: 1, bytes: 1000 });
    expect(wire.read('up').retransmits).toBe(0);
    wire.up(200 * MS, { seq: 3001, ack: 1, bytes: 1000 });
    wire.up(236 * MS, { seq: 2001, ack: 1, bytes: 1000 });
    expect(wire.read('up').retransmits).toBe(1);
  });

  test('superpackets: a part of one that comes again', () => {
    const wire = new Wire();
    wire.up(0, { seq: -30_000, bytes: 60_000 });
    wire.up(SECOND, { seq: 10_000, bytes: 40_000 });
    wire.up(2 * SECOND, { seq: 50_000, bytes: 1000 });
    expect(wire.read('up').retransmits).toBe(1);
  });

  // The slow twin keeps every byte that it has seen.
  test('against a twin that keeps all bytes, over random segments from any first number', () => {
    const step = fc.record({ back: fc.nat(12), count: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 60 }), (first, steps) => {
        const wire = new Wire();
        const UNIT = 500;
        let high = 0;
        let again = 0;
        for (const [n, { back, count }] of steps.entries()) {
          // Half of the segments are new.
          const start = back > 6 ? Math.max(0, high - (back - 6)) : high;
          const seen = new Set(Array.from({ length: high }, (_, unit) => unit));
          if (seen.has(start)) again++;
          high = Math.max(high, start + count);
          wire.up(n * SECOND, { seq: (first + start * UNIT) | 0, bytes: count * UNIT });
        }
        if (steps.length > 0) expect(wire.read('up').retransmits).toBe(again);
      }),
      { seed: 1, numRuns: runs(300) },
    );
  });
});

describe("the receiver's window", () => {
  test('with both scales: full when no segment fits any more', () => {
    const wire = new Wire();
    wire.up(0, { seq: 0, flags: SYN, options: scaleOption(2) });
    wire.down(MS, { seq: 0, ack: 1, flags: SYN | ACK, options: scaleOption(7) });
    wire.up(2 * MS, { seq: 1, ack: 1 });
    wire.down(3 * MS, { seq: 1, ack: 1, window: 50 });
    expect(wire.read('up')).toMatchObject({ flightBytes: 0, windowLeftBytes: 6400 });
    for (let n = 0; n < 3; n++) wire.up((10 + n) * MS, { seq: 1 + n * 1400, ack: 1, bytes: 1400 });
    expect(wire.read('up')).toMatchObject({ flightBytes: 4200, windowLeftBytes: 2200 });
    expect(wire.read('up').windowFullNs).toBe(Number.NEGATIVE_INFINITY);
    wire.up(20 * MS, { seq: 4201, ack: 1, bytes: 1400 });
    expect(wire.read('up')).toMatchObject({ windowLeftBytes: 800, windowFullNs: 20 * MS });
  });

  test('one scale alone counts for none', () => {
    const wire = new Wire();
    wire.up(0, { seq: 0, flags: SYN, options: scaleOption(2) });
    wire.down(MS, { seq: 0, ack: 1, flags: SYN | ACK });
    wire.up(2 * MS, { seq: 1, ack: 1, window: 300 });
    expect(wire.read('down').windowLeftBytes).toBe(300);
  });

  test('without the SYNs only a closed window is known', () => {
    const wire = new Wire();
    wire.up(0, { seq: 0, bytes: 1000 });
    wire.down(MS, { seq: 0, ack: 1000, bytes: 10, window: 20 });
    wire.up(2 * MS, { seq: 1000, bytes: 1000 });
    wire.down(3 * MS, { seq: 10, ack: 1500, window: 20 });
    expect(wire.read('up')).toMatchObject({ flightBytes: 500, windowFullNs: Number.NEGATIVE_INFINITY });
    expect(wire.read('up').windowLeftBytes).toBeNaN();
    wire.down(9 * MS, { seq: 10, ack: 2000, window: 0 });
    expect(wire.read('up')).toMatchObject({ windowLeftBytes: 0, windowFullNs: 9 * MS });
  });
});
