import { describe, expect, it } from 'vitest';
import type { Segment } from '../../../bench/lab/capture.ts';
import { type Crossing, pair, sentAgain, violations, waitsMs } from '../../../bench/lab/windows.ts';
import { ACK, FIN, SYN } from '../../../src/packet/tcp-header.ts';

const CLIENT = 'c:1';
const SERVER = 's:2';

function segment(values: Partial<Segment>): Segment {
  return {
    ns: 0,
    from: SERVER,
    to: CLIENT,
    seq: 1,
    ack: 1,
    window: 100,
    flags: ACK,
    dscp: 0,
    payloadBytes: 0,
    scale: null,
    stamps: null,
    ...values,
  };
}

/** Handshake of a connection whose server is the receiver, with windows in units of 128 bytes. */
const HANDSHAKE: Crossing[] = [
  segment({ from: CLIENT, to: SERVER, seq: 0, ack: 0, flags: SYN, window: 64240, scale: 7 }),
  segment({ seq: 0, ack: 1, flags: SYN | ACK, window: 20_000, scale: 7 }),
].map((one) => ({ before: one, behind: one }));

/** An acknowledgement of the server that came with one window and left with another. */
function edit(ack: number, fieldIn: number, fieldOut: number, more: Partial<Segment> = {}): Crossing {
  const before = segment({ ack, window: fieldIn, ...more });
  return { before, behind: { ...before, window: fieldOut } };
}

const rulesOf = (...edits: Crossing[]): string[] =>
  violations([...HANDSHAKE, ...edits]).map(({ rule }) => rule);

describe('edits of windows', () => {
  it('a smaller window is allowed while its edge stays or moves right', () => {
    // The SYN-ACK promised up to 20001: 157 units from 1 are 20097, then from 5001 on 118 are 20105.
    expect(rulesOf(edit(1, 500, 157), edit(5001, 500, 118), edit(20_001, 500, 40))).toEqual([]);
  });

  it('an edge that moves left is found, unless the receiver has moved its own', () => {
    expect(rulesOf(edit(1, 500, 157), edit(5001, 500, 117))).toEqual(['left']);
    expect(rulesOf(edit(1, 500, 157), edit(5001, 50, 50))).toEqual([]);
  });

  it('a larger window, one that is closed and one without a known scale are found', () => {
    expect(rulesOf(edit(30_001, 50, 51))).toEqual(['larger']);
    expect(rulesOf(edit(30_001, 50, 0))).toEqual(['closed']);
    expect(violations([edit(1, 500, 400)]).map(({ rule }) => rule)).toEqual(['unknown scale']);
  });

  it('a duplicate acknowledgement keeps the window of the first, and an old one says nothing about edges', () => {
    const first = edit(30_001, 500, 40);
    expect(rulesOf(first, edit(30_001, 500, 41))).toEqual(['duplicate']);
    expect(rulesOf(first, edit(30_001, 500, 41, { flags: ACK | FIN }))).toEqual([]);
    expect(rulesOf(first, edit(25_001, 500, 20))).toEqual([]);
  });

  it('sequence numbers wrap', () => {
    const high = 0xffff_f000;
    const synAck = segment({ seq: 0, ack: high, flags: SYN | ACK, window: 8192, scale: 7 });
    const crossings = [HANDSHAKE[0]!, { before: synAck, behind: synAck }];
    expect(violations([...crossings, edit(high + 100, 500, 64), edit(0x800, 500, 32)])).toEqual([]);
    const [left] = violations([...crossings, edit(high + 100, 500, 64), edit(0x800, 500, 10)]);
    expect(left?.rule).toBe('left');
  });
});

describe('segments on both sides', () => {
  it('equal ones are paired in their order, whatever their addresses and windows', () => {
    const a = segment({ ns: 1e6, payloadBytes: 10 });
    const b = { ...a, ns: 2e6 };
    const lost = segment({ ns: 3e6, seq: 11, payloadBytes: 10 });
    const { crossings, dropped, made } = pair(
      [a, b, lost],
      [{ ...a, ns: 5e6, from: 'nat:9', window: 3 }, { ...b, ns: 9e6 }, segment({ seq: 99 })],
    );
    expect(waitsMs(crossings)).toEqual([4, 7]);
    expect(dropped).toEqual([lost]);
    expect(made.map(({ seq }) => seq)).toEqual([99]);
  });

  it('data that was sent again counts by bytes', () => {
    const data = (seq: number, payloadBytes: number): Segment => segment({ seq, payloadBytes });
    expect(sentAgain([data(1, 100), data(101, 100), data(151, 100), data(1, 100)])).toEqual({
      bytes: 400,
      againBytes: 150,
    });
  });
});
