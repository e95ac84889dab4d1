/** The receiver's window between two real ends: exact fields, exact instants, a path of ten milliseconds. */
import { describe, expect, test } from 'vitest';
import { chanceStream, drawInteger } from '../../../../src/base/chance.ts';
import { KIND_ACK, KIND_DATA, KIND_PROBE, KIND_SYN_ACK } from '../../../../src/sim/packets/packet-table.ts';
import { Pipe, type PipeOptions, SEGMENT, type Seen } from './pipe.ts';

const MS = 1e6;
const SECOND = 1e9;
const ENDLESS = Number.POSITIVE_INFINITY;

function transfer(options: PipeOptions, untilNs: number, bytes = ENDLESS): Pipe {
  const pipe = new Pipe(options);
  pipe.sender.write(bytes);
  pipe.run(untilNs);
  return pipe;
}

function synAck({ trace }: Pipe): Seen {
  return trace.find(({ kind }) => kind === KIND_SYN_ACK) as Seen;
}

/** Most bytes that were under way, as the sender sees it. */
function mostUnderWay({ trace }: Pipe, delayNs = 10 * MS): number {
  let most = 0;
  const acks = trace.filter(({ kind }) => kind === KIND_ACK);
  let at = 0;
  let acked = 1;
  for (const { kind, ns, firstByte, lengthBytes } of trace) {
    if (kind !== KIND_DATA) continue;
    for (; at < acks.length && acks[at].ns + delayNs <= ns; at++) acked = Math.max(acked, acks[at].ackByte);
    most = Math.max(most, firstByte + lengthBytes - 52 - acked);
  }
  return most;
}

describe('the field', () => {
  test('the window of a SYN-ACK has no scale, those behind it have', () => {
    const pipe = transfer({ window: { startBytes: 100_000, maxBytes: 100_000 } }, SECOND);
    expect(synAck(pipe).windowField).toBe(65_535);
    // 100,000 bytes at a scale of 7, rounded up.
    expect(new Set(pipe.acks.map(({ windowField }) => windowField))).toEqual(new Set([782]));
    expect(mostUnderWay(pipe)).toBe(Math.floor(100_096 / SEGMENT) * SEGMENT);
  });

  test('at scale 0, never more than the field can say is under way', () => {
    const pipe = transfer({ window: { startBytes: 100_000, maxBytes: 100_000, scale: 0 } }, SECOND);
    expect(new Set(pipe.acks.map(({ windowField }) => windowField))).toEqual(new Set([65_535]));
    expect(mostUnderWay(pipe)).toBe(45 * SEGMENT);
  });
});

describe('right-sizing', () => {
  test('the buffer follows what is read in a round trip, up to its limit', () => {
    const window = { startBytes: 65_536, maxBytes: 3_000_000 };
    const pipe = transfer({ window }, 3 * SECOND);
    const fields = pipe.acks.map(({ windowField }) => windowField * 128);
    expect(synAck(pipe).windowField).toBe(65_535);
    // Each window is at least the one before: the application reads at once.
    for (let i = 1; i < fields.length; i++) expect(fields[i]).toBeGreaterThanOrEqual(fields[i - 1]);
    expect(fields[0]).toBe(65_536);
    // The segment that arrives is in the buffer when the promise grows.
    expect(fields.at(-1)).toBe(128 * Math.ceil((3_000_000 - SEGMENT) / 128));
  });

  test('an application that reads a little keeps the buffer as it is', () => {
    const pipe = new Pipe({ window: { startBytes: 65_536, maxBytes: 3_000_000 } });
    // Five segments every 20 ms: half of what the first span takes for granted.
    for (let n = 0; n < 100; n++) {
      pipe.sender.write(5 * SEGMENT);
      pipe.run((n + 1) * 20 * MS);
    }
    expect(Math.max(...pipe.acks.map(({ windowField }) => windowField))).toBe(512);
  });
});

describe('an application that stops', () => {
  /** Whole segments, which are whole steps of the field, so that nothing is left of the window. */
  const BYTES = 32 * SEGMENT;
  const pauses = [{ fromNs: 100 * MS, toNs: 4 * SECOND }];
  const options: PipeOptions = { window: { startBytes: BYTES, maxBytes: BYTES, scale: 3, pauses } };

  test('the window closes, is probed in growing spans, and opens with the first read', () => {
    const pipe = transfer(options, 5 * SECOND);
    const closed = pipe.acks.filter(({ windowField }) => windowField === 0);
    const probes = pipe.trace.filter(({ kind }) => kind === KIND_PROBE);
    // Each probe is answered; the first closed window came with data.
    expect(closed.length).toBe(1 + probes.length);
    const spans = probes.slice(1).map(({ ns }, i) => Math.round((ns - probes[i].ns) / MS));
    for (let i = 1; i < spans.length; i++) expect(spans[i]).toBe(2 * spans[i - 1]);
    expect(spans[0]).toBeGreaterThanOrEqual(400);
    for (const { lengthBytes, firstByte } of probes) {
      expect(lengthBytes).toBe(52);
      expect(firstByte).toBe(closed[0].ackByte - 1);
    }
    const update = pipe.acks.find(({ ns }) => ns >= 4 * SECOND);
    expect(update).toMatchObject({ ns: 4 * SECOND, windowField: BYTES / 8 });
    const next = pipe.trace.find(({ kind, ns }) => kind === KIND_DATA && ns >= 4 * SECOND);
    expect(next?.ns).toBe(4 * SECOND + 10 * MS);
    expect(pipe.meter.retransmits[0]).toBe(0);
    expect(pipe.meter.timeouts[0]).toBe(0);
  });

  test('a lost update is made up for by the next probe', () => {
    const lost = ({ kind, ns, windowField }: Seen): boolean =>
      kind === KIND_ACK && ns === 4 * SECOND && windowField > 0;
    const pipe = transfer({ ...options, drops: lost }, 20 * SECOND);
    const after = pipe.trace.filter(({ ns }) => ns > 4 * SECOND);
    expect(after[0].kind).toBe(KIND_PROBE);
    expect(after.filter(({ kind }) => kind === KIND_DATA).length).toBeGreaterThan(1000);
  });
});

describe('an application that reads slowly', () => {
  test('gets its rate, and the window never dribbles', () => {
    const window = { startBytes: 65_536, maxBytes: 65_536, readBytesPerSec: 200_000 };
    const pipe = transfer({ window }, 10 * SECOND);
    expect(pipe.meter.goodputBytes[0]).toBeGreaterThan(0.97 * 10 * 200_000);
    expect(pipe.meter.goodputBytes[0]).toBeLessThan(10 * 200_000 + 65_536);
    expect(pipe.meter.timeouts[0]).toBe(0);
  });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: no edge moves left, and no segment lies beyond one', (seed) => {
  const prng = chanceStream(seed, 0);
  const startBytes = drawInteger(prng, 4 * SEGMENT, 120_000);
  const scale = drawInteger(prng, 0, 9);
  const fromNs = drawInteger(prng, 50, 3000) * MS;
  const drops = ({ kind, seq }: Seen, copy: number): boolean =>
    (kind === KIND_DATA || kind === KIND_ACK) && (seq * 31 + copy * 7 + seed) % 53 === 0 && copy === 0;
  const pipe = transfer(
    {
      drops,
      growth: seed % 2 === 0 ? 'reno' : 'cubic',
      tailLossProbe: seed % 3 === 0,
      quickAcks: seed % 3 === 1,
      window: {
        startBytes,
        maxBytes: startBytes * drawInteger(prng, 1, 20),
        scale,
        readBytesPerSec: seed % 2 === 0 ? drawInteger(prng, 50_000, 2_000_000) : ENDLESS,
        pauses: [{ fromNs, toNs: fromNs + drawInteger(prng, 10, 3000) * MS }],
      },
    },
    20 * SECOND,
  );
  let edge = 0;
  for (const { ackByte, windowField } of pipe.acks) {
    const own = ackByte + windowField * 2 ** scale;
    expect(own).toBeGreaterThanOrEqual(edge);
    edge = Math.max(edge, own);
  }
  // The receiver itself refuses a segment beyond its edge (tcp-receiver.ts).
  expect(pipe.receiver.next).toBeGreaterThan(500);
});

describe('like Linux', () => {
  test('the first sixteen segments are acknowledged one by one, then every second', () => {
    const pipe = transfer({ quickAcks: true }, SECOND, 40 * SEGMENT);
    const steps = pipe.acks.map(({ seq }, i) => seq - (i === 0 ? 0 : pipe.acks[i - 1].seq));
    expect(steps).toEqual([...Array(16).fill(1), ...Array(12).fill(2)]);
  });

  test('after a pause, one by one again', () => {
    const pipe = new Pipe({ quickAcks: true });
    pipe.sender.write(40 * SEGMENT);
    pipe.run(SECOND);
    const before = pipe.acks.length;
    pipe.sender.write(4 * SEGMENT);
    pipe.run(2 * SECOND);
    expect(pipe.acks.length - before).toBe(4);
  });

  test('a lost tail is probed after two round trips, not after the retransmission timer', () => {
    const lost = ({ kind, seq }: Seen, copy: number): boolean => kind === KIND_DATA && seq >= 8 && copy === 0;
    const pipe = transfer({ tailLossProbe: true, drops: lost, delayedAcks: false }, SECOND, 10 * SEGMENT);
    const again = pipe.trace.filter(({ kind, seq }) => kind === KIND_DATA && seq === 9);
    // Eight acknowledgements come 20 ms after the data, which were sent at 20 ms.
    expect(again.map(({ ns }) => ns)).toEqual([20 * MS, 40 * MS + 2 * 20 * MS + 8 * MS]);
    expect(pipe.receiver.next).toBe(10);
    expect(pipe.meter.timeouts[0]).toBe(1);
  });

  test('an acknowledgement that is held too long shows as a retransmission', () => {
    const held = (tailLossProbe: boolean): number => {
      const pipe = new Pipe({ tailLossProbe, delayedAcks: false, drops: ({ kind }) => kind === KIND_ACK });
      pipe.sender.write(2 * SEGMENT);
      pipe.run(100 * MS);
      return pipe.meter.retransmits[0];
    };
    expect([held(true), held(false)]).toEqual([1, 0]);
  });
});
