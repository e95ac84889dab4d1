/** The invariants of src/algo/aqm/codel.ts, and CoDel against its slow twin. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CODEL_DROP,
  CODEL_DROPPING,
  CODEL_MARK,
  codelBecameEmpty,
  codelDecide,
  createCodelQueues,
} from '../../src/algo/aqm/codel.ts';
import { runs } from '../effort.ts';
import { type CodelPacket, SlowCodel } from '../oracle/codel.ts';
import {
  CODEL_MARK_CE,
  codelDecideByThreshold,
  type ThresholdParameters,
} from '../reference/codel-threshold.ts';

const SEED = Number(process.env.SEED ?? 72);
const MS = 1e6;

const parameters: fc.Arbitrary<ThresholdParameters> = fc.record({
  targetNs: fc.constantFrom(MS, 5 * MS),
  intervalNs: fc.constantFrom(5 * MS, 20 * MS, 100 * MS),
  mtuBytes: fc.constantFrom(0, 1500, 9000),
  ecn: fc.boolean(),
  ceThresholdNs: fc.constantFrom(Number.POSITIVE_INFINITY, 3 * MS),
});

/**
 * A queue that grows and shrinks by turns: whether a packet arrives, its size, whether it can be marked, time
 * to the next step.
 */
const step = fc.record({
  arrive: fc.boolean(),
  sizeBytes: fc.constantFrom(64, 1500, 65_000),
  ect: fc.boolean(),
  gapNs: fc.oneof({ weight: 50, arbitrary: fc.nat(2 * MS) }, { weight: 1, arbitrary: fc.nat(3000 * MS) }),
});
const steps = fc.array(step, { minLength: 50, maxLength: 600, size: 'max' });

/** The queue under test with its packets, by the calls a leaf makes. */
class Queue {
  readonly packets: CodelPacket[] = [];
  readonly state = createCodelQueues(2);
  private readonly p: ThresholdParameters;

  constructor(p: ThresholdParameters) {
    this.p = p;
  }

  dequeue(nowNs: number) {
    const dropped: CodelPacket[] = [];
    for (;;) {
      const packet = this.packets.shift() ?? null;
      if (packet === null) {
        codelBecameEmpty(this.state, 1);
        return { delivered: null, dropped, marked: [], ceMarked: [], code: -1 };
      }
      const bytes = this.packets.reduce((sum, waiting) => sum + waiting.sizeBytes, 0);
      const sojournNs = nowNs - packet.enqueuedNs;
      const code = codelDecideByThreshold(this.state, 1, this.p, sojournNs, bytes, packet.ect, nowNs);
      if (code === CODEL_DROP) {
        dropped.push(packet);
        continue;
      }
      return {
        delivered: packet,
        dropped,
        marked: code === CODEL_MARK ? [packet] : [],
        ceMarked: code === CODEL_MARK_CE ? [packet] : [],
        code,
      };
    }
  }
}

test('invariants 1 and 5: packet by packet what the pseudo code of the RFC does', () => {
  let signals = 0;
  fc.assert(
    fc.property(parameters, steps, (p, list) => {
      const queue = new Queue(p);
      const twin = new SlowCodel(p);
      let nowNs = 0;
      list.forEach(({ arrive, sizeBytes, ect, gapNs }, id) => {
        nowNs += gapNs;
        // Two arrivals to three dequeues at first, so that a queue builds up, then the other way round.
        if (arrive || (id % 200 < 100 && id % 3 !== 0)) {
          const packet = { id, sizeBytes, enqueuedNs: nowNs, ect };
          queue.packets.push(packet);
          twin.queue.push(packet);
          return;
        }
        const hadPackets = queue.packets.length > 0;
        const { code: _, ...found } = queue.dequeue(nowNs);
        expect(found).toEqual(twin.dequeue(nowNs));
        expect(found.delivered !== null).toBe(hadPackets);
        expect(queue.state.count[1]).toBe(twin.count);
        expect(queue.state.phase[1] === CODEL_DROPPING).toBe(twin.dropping);
        signals += found.dropped.length + found.marked.length;
      });
      expect([queue.state.count[0], queue.state.dropNextNs[0]], 'the other row').toEqual([0, 0]);
    }),
    { seed: SEED, numRuns: runs(200) },
  );
  expect(signals, 'the runs reach the interesting part').toBeGreaterThan(5 * runs(200));
});

test('invariant 2: with at most one MTU behind it a packet is never signalled, however late', () => {
  fc.assert(
    fc.property(parameters, fc.array(fc.nat(1000 * MS), { maxLength: 100 }), (p, gaps) => {
      const q = createCodelQueues(1);
      let nowNs = 1e10;
      for (const gapNs of gaps) {
        nowNs += gapNs;
        expect(codelDecide(q, 0, p, 5e9, p.mtuBytes, gapNs % 2 === 0, nowNs)).toBe(0);
      }
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});

test('invariant 3: a signal follows an interval of bad packets only', () => {
  const looks = fc.array(fc.tuple(fc.nat(8 * MS), fc.boolean()), { size: 'max', maxLength: 200 });
  fc.assert(
    fc.property(parameters, looks, (p, list) => {
      const q = createCodelQueues(1);
      let nowNs = 0;
      let goodNs = 0;
      let before = -1;
      for (const [gapNs, isBad] of list) {
        nowNs += gapNs;
        const sojournNs = isBad || nowNs % 7 !== 0 ? p.targetNs : p.targetNs - 1;
        if (sojournNs < p.targetNs) goodNs = nowNs;
        const code = codelDecide(q, 0, { ...p, mtuBytes: 0 }, sojournNs, 1, false, nowNs);
        if (code === CODEL_DROP && before !== CODEL_DROP) {
          expect(nowNs - goodNs).toBeGreaterThanOrEqual(p.intervalNs);
        }
        before = code;
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 4: with ecn what can be marked is not dropped, and one packet gets one mark', () => {
  fc.assert(
    fc.property(parameters, fc.array(fc.nat(60 * MS), { size: 'max', maxLength: 200 }), (p, gaps) => {
      const q = createCodelQueues(1);
      let nowNs = 0;
      let marks = 0;
      for (const gapNs of gaps) {
        nowNs += gapNs;
        const code = codelDecide(q, 0, { ...p, ecn: true }, 1e9, 1e6, true, nowNs);
        expect(code).not.toBe(CODEL_DROP);
        if (code === CODEL_MARK) marks++;
      }
      if (nowNs > 60 * MS + 10 * p.intervalNs) expect(marks).toBeGreaterThan(0);
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});
