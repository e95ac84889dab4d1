/** TCP's two ends over perfect lines, ten milliseconds each way: exact instants, exact counts. */
import { describe, expect, test } from 'vitest';
import { CWR, ECE } from '../../../../src/packet/tcp-header.ts';
import { CE, ECT_0, KIND_DATA, KIND_SYN } from '../../../../src/sim/packets/packet-table.ts';
import { Pipe, type PipeOptions, SEGMENT, type Seen } from './pipe.ts';

const MS = 1e6;
const ofData =
  (wanted: number, copy = 0) =>
  ({ kind, seq }: Seen, n: number) =>
    kind === KIND_DATA && seq === wanted && n === copy;

function transfer(segments: number, options: PipeOptions = {}, untilNs = 60e9): Pipe {
  const pipe = new Pipe(options);
  pipe.sender.write(segments * SEGMENT);
  pipe.run(untilNs);
  return pipe;
}

describe('opening and slow start', () => {
  test('SYN, then ten segments a round trip later, then twice as many per round trip', () => {
    const pipe = transfer(70, { delayedAcks: false });
    const at = (ms: number): number =>
      pipe.trace.filter(({ kind, ns }) => kind === KIND_DATA && ns === ms * MS).length;
    expect(pipe.trace[0]).toMatchObject({ ns: 0, kind: KIND_SYN, lengthBytes: 60 });
    expect([at(20), at(40), at(60)]).toEqual([10, 20, 40]);
    expect(pipe.receiver.next).toBe(70);
    expect(pipe.meter.goodputBytes[0]).toBe(70 * SEGMENT);
  });

  test('a lost SYN is sent again after one second, then after two', () => {
    const pipe = transfer(1, { drops: ({ kind }, copy) => kind === KIND_SYN && copy < 2 });
    expect(pipe.trace.filter(({ kind }) => kind === KIND_SYN).map(({ ns }) => ns)).toEqual([0, 1e9, 3e9]);
    expect(pipe.receiver.next).toBe(1);
  });

  test('the last segment carries what is left; headers are those of IPv4 with timestamps', () => {
    const pipe = new Pipe();
    pipe.sender.write(2 * SEGMENT + 100);
    pipe.run(1e9);
    const lengths = pipe.trace.filter(({ kind }) => kind === KIND_DATA).map((seen) => seen.lengthBytes);
    expect(lengths).toEqual([1500, 1500, 152]);
  });

  test("the receiver's window bounds what is under way", () => {
    const pipe = new Pipe({ windowPackets: 6 });
    pipe.sender.write(Number.POSITIVE_INFINITY);
    pipe.run(10e9);
    // Six segments per round trip of 20 ms; the first round trip opens the connection.
    expect(pipe.sent.length).toBe(6 * (10_000 / 20));
  });
});

describe('byte numbers', () => {
  /** Two fifths of the segments are lost at first, by no pattern. */
  const drops = ({ kind, seq }: Seen, copy: number) => kind === KIND_DATA && copy === 0 && (seq * 7) % 5 < 2;

  test('each segment goes on where the one before ends, and keeps its bytes when it is sent again', () => {
    const pipe = new Pipe({ drops });
    const writes = [10, 5 * SEGMENT, 1, 3 * SEGMENT - 1, 100 * SEGMENT + 7];
    // The first goes alone; the others wait for the window, so their ends are filled up.
    for (const bytes of writes) pipe.sender.write(bytes);
    pipe.run(60e9);
    const total = writes.reduce((sum, bytes) => sum + bytes, 0);
    const ends: number[] = [1];
    for (const { kind, seq, firstByte, lengthBytes } of pipe.trace) {
      if (kind !== KIND_DATA) continue;
      if (seq + 1 === ends.length) ends.push(firstByte + lengthBytes - 52);
      expect([firstByte, firstByte + lengthBytes - 52]).toEqual([ends[seq], ends[seq + 1]]);
    }
    expect(ends.at(-1)).toBe(1 + total);
    expect(pipe.receiver.nextByte).toBe(1 + total);
    expect(pipe.meter.goodputBytes[0]).toBe(total);
    expect(pipe.acks.some(({ sack }) => sack.length === 6)).toBe(true);
    for (const { seq, ackByte, sack, sackByte } of pipe.acks) {
      expect(ackByte).toBe(ends[seq]);
      expect(sackByte).toEqual(sack.map((segment) => ends[segment]));
    }
  });

  test('a short end that is sent already stays short', () => {
    const pipe = transfer(1);
    pipe.sender.write(10);
    pipe.run(70e9);
    pipe.sender.write(SEGMENT);
    pipe.run(80e9);
    const lengths = pipe.trace.filter(({ kind }) => kind === KIND_DATA).map((seen) => seen.lengthBytes - 52);
    expect(lengths).toEqual([SEGMENT, 10, SEGMENT]);
  });
});

describe('delayed acknowledgements', () => {
  test('every second segment, one in all for two', () => {
    expect(transfer(100).acks.length).toBe(50);
    expect(transfer(100, { delayedAcks: false }).acks.length).toBe(100);
  });

  test('an odd one waits 40 ms', () => {
    const [first, second] = transfer(3).acks;
    expect([first.seq, first.ns]).toEqual([2, 30 * MS]);
    expect([second.seq, second.ns]).toEqual([3, 70 * MS]);
  });

  test('out of order and closing a hole: at once', () => {
    const pipe = transfer(5, { drops: ofData(1) });
    const atHole = pipe.acks.filter(({ ns }) => ns === 30 * MS);
    // Segment 0 waits for a second one; 2, 3 and 4 each tell of the hole.
    expect(atHole.map(({ seq, sack }) => [seq, ...sack])).toEqual([
      [1, 2, 3],
      [1, 2, 4],
      [1, 2, 5],
    ]);
    expect(pipe.acks.at(-1)).toMatchObject({ seq: 5, ns: 50 * MS, sack: [] });
  });
});

describe('recovery', () => {
  test.each(['reno', 'cubic'] as const)(
    '%s: three above a hole, and only the hole is sent again',
    (growth) => {
      const pipe = transfer(200, { growth, drops: ofData(30) });
      expect(pipe.sent.filter((seq) => seq === 30).length).toBe(2);
      expect(pipe.sent.length).toBe(201);
      expect(pipe.meter.retransmits[0]).toBe(1);
      expect(pipe.meter.timeouts[0]).toBe(0);
      expect(pipe.meter.reductions[0]).toBe(1);
    },
  );

  test('many holes in one window: one reduction, each sent again once', () => {
    const lost = new Set([20, 22, 23, 27, 31, 36]);
    const pipe = transfer(300, {
      drops: ({ kind, seq }, copy) => kind === KIND_DATA && copy === 0 && lost.has(seq),
    });
    const counts = new Map<number, number>();
    for (const seq of pipe.sent) counts.set(seq, (counts.get(seq) ?? 0) + 1);
    expect([...counts].filter(([, n]) => n > 1).map(([seq]) => seq)).toEqual([...lost]);
    expect(pipe.sent.length).toBe(306);
    expect(pipe.meter.reductions[0]).toBe(1);
    expect(pipe.meter.timeouts[0]).toBe(0);
    expect(pipe.receiver.next).toBe(300);
  });

  test('Reno halves at once: from 30 segments to 15', () => {
    const pipe = new Pipe({ growth: 'reno', delayedAcks: false, drops: ofData(29) });
    pipe.sender.write(Number.POSITIVE_INFINITY);
    // 10 + 20 segments are sent by 40 ms; the losses' three duplicates are there at 60 ms.
    pipe.run(60 * MS - 1);
    expect(pipe.congestion.cwnd[0]).toBe(20);
    pipe.run(80 * MS);
    const window = 2 * pipe.congestion.ssthresh[0];
    expect(window).toBeGreaterThan(30);
    expect(pipe.congestion.cwnd[0]).toBe(window / 2);
  });

  test('a retransmission that is lost too goes again without waiting for the timer', () => {
    const pipe = transfer(300, {
      drops: (seen, copy) => ofData(30)(seen, copy) || ofData(30, 1)(seen, copy),
    });
    expect(pipe.sent.filter((seq) => seq === 30).length).toBe(3);
    expect(pipe.meter.timeouts[0]).toBe(0);
    expect(pipe.receiver.next).toBe(300);
  });

  test('the last segment lost: nothing tells, the timer does, after SRTT + 200 ms', () => {
    const pipe = transfer(10, { drops: ofData(9), delayedAcks: false });
    const copies = pipe.trace.filter((seen) => seen.kind === KIND_DATA && seen.seq === 9);
    // All samples are 20 ms; the timer starts again with the last acknowledgement, at 40 ms.
    expect(copies.map(({ ns }) => ns)).toEqual([20 * MS, (40 + 20 + 200) * MS]);
    expect(pipe.meter.timeouts[0]).toBe(1);
    expect(pipe.receiver.next).toBe(10);
  });

  test('the timer doubles while nothing comes back, and the window is one segment', () => {
    const pipe = transfer(10, { drops: ({ kind }, copy) => kind === KIND_DATA && copy < 3 }, 10e9);
    const first = pipe.trace.filter((seen) => seen.kind === KIND_DATA && seen.seq === 0).map(({ ns }) => ns);
    const gaps = first.slice(1).map((ns, i) => (ns - first[i]) / MS);
    // One sample, of the handshake: SRTT 20 ms, variance 10 ms.
    expect(gaps).toEqual([220, 440, 880]);
    expect(pipe.receiver.next).toBe(10);
  });

  test('lost acknowledgements cost nothing but time', () => {
    const pipe = transfer(399, { drops: ({ kind, seq }, copy) => kind === 1 && copy === 0 && seq % 3 !== 0 });
    expect(pipe.receiver.next).toBe(399);
    expect(pipe.meter.retransmits[0]).toBe(0);
  });
});

describe('explicit congestion notification', () => {
  test.each([
    ['reno', 0.5],
    ['cubic', 0.7],
  ] as const)('%s: a mark is echoed until CWR, and the window falls once, to %f of it', (growth, beta) => {
    const pipe = new Pipe({ growth, ecn: true, delayedAcks: false, marks: (seen) => ofData(12)(seen, 0) });
    pipe.sender.write(Number.POSITIVE_INFINITY);
    pipe.run(60 * MS);
    // 10 segments at 20 ms, 20 at 40 ms: 12 is the third of those, and the windows before were 10, 20, 21,
    // 22.
    const ssthresh = pipe.congestion.ssthresh[0];
    expect(ssthresh / beta).toBeCloseTo(22, 9);
    pipe.run(200 * MS);
    const echoes = pipe.acks.filter(({ flags }) => flags & ECE);
    expect(echoes.length).toBeGreaterThan(1);
    expect(pipe.meter.reductions[0]).toBe(1);
    expect(pipe.meter.retransmits[0]).toBe(0);
    const cwr = pipe.trace.filter(({ kind, flags }) => kind === KIND_DATA && flags & CWR);
    expect(cwr.length).toBe(1);
    expect(echoes.at(-1)!.ns).toBeLessThanOrEqual(cwr[0].ns + 10 * MS);
  });

  test('marks on every segment reduce once per window of data', () => {
    const pipe = new Pipe({ growth: 'reno', ecn: true, marks: ({ kind }) => kind === KIND_DATA });
    pipe.sender.write(Number.POSITIVE_INFINITY);
    pipe.run(2e9);
    const roundTrips = 2e9 / (20 * MS);
    expect(pipe.meter.reductions[0]).toBeGreaterThan(roundTrips / 4);
    expect(pipe.meter.reductions[0]).toBeLessThanOrEqual(roundTrips);
    expect(pipe.congestion.ssthresh[0]).toBe(2);
  });

  test('new data is ECT(0); retransmissions, SYN and acknowledgements are not', () => {
    const pipe = transfer(100, { ecn: true, drops: ofData(40) });
    const copies = pipe.trace.filter((seen) => seen.kind === KIND_DATA && seen.seq === 40);
    expect(copies.map(({ ecn }) => ecn)).toEqual([ECT_0, 0]);
    const others = pipe.trace.filter(({ kind }) => kind !== KIND_DATA);
    expect(others.every(({ ecn }) => ecn === 0)).toBe(true);
    expect(pipe.trace.some(({ ecn }) => ecn === CE)).toBe(false);
  });
});

describe('after idling', () => {
  test('the window starts at ten segments again', () => {
    const pipe = new Pipe();
    pipe.sender.write(200 * SEGMENT);
    pipe.run(5e9);
    expect(pipe.congestion.cwnd[0]).toBeGreaterThan(20);
    pipe.sender.write(200 * SEGMENT);
    expect(pipe.trace.filter(({ ns, kind }) => ns === 5e9 && kind === KIND_DATA).length).toBe(10);
  });
});
