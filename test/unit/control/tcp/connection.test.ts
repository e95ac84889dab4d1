import { describe, expect, it, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { type Classified, TcpConnection } from '../../../../src/control/tcp/connection.ts';
import type { TracedSegment } from '../../../../src/core/trace/trace-reader.ts';
import { ACK, FIN, RST, SYN } from '../../../../src/packet/tcp-header.ts';
import { traced } from './segments.ts';

const MSS = 1000;

/** The half that sends data is 0, the one that answers is 1. The first byte of data is `first`. */
class Wire {
  readonly connection = new TcpConnection();
  private readonly first: number;

  constructor(first = 1) {
    this.first = first;
  }

  /** Segment `n` of MSS bytes. */
  data(atMs: number, n: number, more: Partial<TracedSegment> = {}): Classified {
    const seq = this.first + n * MSS;
    return this.connection.take(0, traced(atMs, { seq, payloadBytes: MSS, ...more }));
  }

  /** All before segment `n` has come. */
  ack(atMs: number, n: number, more: Partial<TracedSegment> = {}): Classified {
    return this.connection.take(1, traced(atMs, { ack: this.first + n * MSS, ...more }));
  }
}

describe.each([1, 0x7ffffc00, 0xfffff000, 0xffffffff])('a transfer that begins at number %d', (first) => {
  it('knows data, what is in flight, and when it was acknowledged', () => {
    const wire = new Wire(first);
    wire.ack(0, 0);
    expect(wire.data(1, 0)).toMatchObject({ kind: 'data', flightBytes: MSS, answerNs: null });
    expect(wire.data(2, 1)).toMatchObject({ kind: 'data', flightBytes: 2 * MSS });
    for (let n = 2; n < 20; n++) wire.data(3, n);
    expect(wire.ack(12, 1)).toMatchObject({ kind: 'control', flightBytes: 19 * MSS, answerNs: 11e6 });
    // One acknowledgement for two segments is timed by the later one.
    expect(wire.ack(13, 3)).toMatchObject({ flightBytes: 17 * MSS, answerNs: 10e6 });
    expect(wire.ack(20, 20)).toMatchObject({ flightBytes: 0, answerNs: 17e6 });
    const [data, acks] = wire.connection.halves;
    expect(data).toMatchObject({
      payloadBytes: 20 * MSS,
      ackedBytes: 20 * MSS,
      dataSegments: 20,
      retransmits: 0,
    });
    expect(acks).toMatchObject({ payloadBytes: 0, segments: 4, duplicates: 0 });
    expect(wire.connection.dataHalf).toBe(0);
  });

  it('knows duplicates and retransmissions, and times neither', () => {
    const wire = new Wire(first);
    wire.ack(0, 0);
    for (let n = 0; n < 8; n++) wire.data(1, n);
    expect(wire.ack(10, 2)).toMatchObject({ kind: 'control', answerNs: 9e6 });
    for (let n = 0; n < 3; n++) expect(wire.ack(11, 2)).toMatchObject({ kind: 'duplicate', answerNs: null });
    expect(wire.data(20, 2)).toMatchObject({ kind: 'retransmission', flightBytes: 6 * MSS });
    // The answer may be to the first copy or to the second one.
    expect(wire.ack(30, 8)).toMatchObject({ kind: 'control', flightBytes: 0, answerNs: null });
    wire.data(31, 8);
    expect(wire.ack(40, 9).answerNs).toBe(9e6);
    const [data, acks] = wire.connection.halves;
    expect(data).toMatchObject({ retransmits: 1, payloadBytes: 9 * MSS, ackedBytes: 9 * MSS });
    expect(acks.duplicates).toBe(3);
  });
});

test('a retransmission that goes on with new data counts only that', () => {
  const wire = new Wire();
  wire.data(1, 0);
  const longer = wire.data(50, 0, { payloadBytes: 1500 });
  expect(longer.kind).toBe('retransmission');
  expect(wire.connection.halves[0]).toMatchObject({ payloadBytes: 1500, retransmits: 1, dataSegments: 2 });
});

test('data that comes late into a hole is reordering until a sender can know of a loss', () => {
  const wire = new Wire();
  wire.ack(0, 0);
  wire.data(1, 0);
  wire.ack(21, 1);
  wire.data(30, 2);
  expect(wire.data(31, 1).kind).toBe('data');
  wire.data(40, 4);
  expect(wire.data(61, 3).kind).toBe('retransmission');
  expect(wire.connection.halves[0]).toMatchObject({ retransmits: 1, payloadBytes: 4 * MSS });
});

describe('an acknowledgement is no duplicate', () => {
  const twoUnderWay = (): Wire => {
    const wire = new Wire();
    wire.data(1, 0);
    wire.data(1, 1);
    wire.ack(10, 1);
    return wire;
  };

  test.each<[string, Partial<TracedSegment>]>([
    ['with another window', { windowBefore: 2000 }],
    ['with data', { payloadBytes: 10 }],
    ['with a FIN', { flags: FIN | ACK }],
    ['with a RST', { flags: RST | ACK }],
  ])('%s', (_, more) => {
    expect(twoUnderWay().ack(11, 1, more).kind).not.toBe('duplicate');
  });

  test('of a smaller number, which was overtaken', () => {
    const wire = twoUnderWay();
    expect(wire.ack(11, 0).kind).toBe('control');
    expect(wire.ack(12, 1).kind).toBe('duplicate');
  });

  test('while nothing is under way', () => {
    const wire = twoUnderWay();
    wire.ack(11, 2);
    expect(wire.ack(12, 2).kind).toBe('control');
  });
});

test('keepalives and probes of a closed window are control', () => {
  const wire = new Wire();
  wire.data(1, 0);
  expect(wire.ack(2, 1, { windowBefore: 0 })).toMatchObject({ windowBefore: 0, windowAfter: 0 });
  const last = { seq: MSS, payloadBytes: 1 };
  expect(wire.data(300, 0, last).kind).toBe('control');
  expect(wire.data(600, 0, { ...last, payloadBytes: 0 }).kind).toBe('control');
  expect(wire.connection.halves[0]).toMatchObject({ retransmits: 0, payloadBytes: MSS });
});

describe('windows', () => {
  test.each<[string, Partial<TracedSegment>, number | null]>([
    ['are shifted by the scale', { windowBefore: 100, scale: 7 }, 12_800],
    ['of the largest scale', { windowBefore: 0xffff, scale: 14 }, 0xffff * 2 ** 14],
    ['are not known without the scale', { windowBefore: 100, scale: NONE }, null],
    ['of 0 are known always', { windowBefore: 0, scale: NONE }, 0],
    ['of a RST mean nothing', { windowBefore: 100, flags: RST }, null],
  ])('%s', (_, more, bytes) => {
    const wire = new Wire();
    expect(wire.ack(1, 0, more).windowBefore).toBe(bytes);
  });

  it('before and after us', () => {
    expect(new Wire().ack(1, 0, { windowBefore: 100, windowAfter: 50 })).toMatchObject({
      windowBefore: 12_800,
      windowAfter: 6400,
    });
  });
});

describe('what cannot be known is null', () => {
  it('without acknowledgements', () => {
    const wire = new Wire();
    for (let n = 0; n < 3; n++) expect(wire.data(n, n)).toMatchObject({ flightBytes: null, answerNs: null });
    expect(wire.data(9, 1).kind).toBe('retransmission');
    expect(wire.connection.halves[1].isSeen).toBe(false);
  });

  it('without data', () => {
    const wire = new Wire();
    for (const n of [1, 2, 2]) expect(wire.ack(n, n)).toMatchObject({ kind: 'control', flightBytes: null });
    expect(wire.connection.halves[0]).toMatchObject({ isSeen: false, ackedBytes: MSS });
  });
});

test('data that was missed is passed over by its acknowledgement', () => {
  const wire = new Wire();
  wire.ack(0, 0);
  wire.data(1, 0);
  expect(wire.ack(2, 5)).toMatchObject({ flightBytes: 0 });
  expect(wire.data(2, 3).kind).toBe('retransmission');
  expect(wire.data(3, 5)).toMatchObject({ kind: 'data', flightBytes: MSS });
});

test('another connection between the same ports begins anew, and a SYN again does not', () => {
  const wire = new Wire(1);
  const syn = (atMs: number, seq: number) =>
    wire.connection.take(0, traced(atMs, { seq, flags: SYN, scale: 0 })).kind;
  expect(syn(0, 0)).toBe('control');
  expect(syn(1000, 0)).toBe('control');
  wire.connection.take(1, traced(1001, { seq: 500, ack: 1, flags: SYN | ACK }));
  wire.data(1002, 0);
  expect(wire.data(1003, 1, { flags: FIN | ACK }).kind).toBe('data');
  expect(wire.connection.hasEnded).toBe(true);
  expect(syn(5000, 0x70000000)).toBe('control');
  expect(wire.connection.hasEnded).toBe(false);
  const again = wire.connection.take(0, traced(5001, { seq: 0x70000001, payloadBytes: MSS }));
  expect(again).toMatchObject({ kind: 'data', flightBytes: null });
  expect(wire.connection.halves[0]).toMatchObject({ retransmits: 0, payloadBytes: 3 * MSS });
});
