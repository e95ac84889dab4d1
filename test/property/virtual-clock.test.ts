/** The invariants of test/reference/virtual-clock.ts, against the fluid system. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../../src/base/none.ts';
import { runs } from '../effort.ts';
import { type FluidPacket, serveFluid } from '../oracle/fluid.ts';
import { VirtualClock, type VirtualClockKind } from '../reference/virtual-clock.ts';

const SEED = Number(process.env.SEED ?? 84);
const RATE = 1e6;
const MTU = 1500;
const KINDS: readonly VirtualClockKind[] = ['wfq', 'wf2q', 'wf2q+', 'sfq'];
/** Rounding of a few hundred sums. */
const EPSILON_SEC = 1e-8;

const weights = fc.array(fc.constantFrom(1, 2, 3, 10), { minLength: 4, maxLength: 4 });
const packets = fc
  .array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(5000)), fc.nat(3), fc.integer({ min: 40, max: MTU })), {
    minLength: 10,
    maxLength: 120,
    size: 'max',
  })
  .map((list) => {
    let atUs = 0;
    return list.map(([gapUs, flow, lengthBytes]): FluidPacket => {
      atUs += gapUs;
      return { atSec: atUs / 1e6, flow, lengthBytes };
    });
  });

interface Served {
  readonly order: number[];
  readonly beginSec: number[];
  readonly finishSec: number[];
}

function serve(kind: VirtualClockKind, list: readonly FluidPacket[], shares: readonly number[]): Served {
  const tags = { start: new Float64Array(list.length), finish: new Float64Array(list.length) };
  const clock = new VirtualClock(kind, RATE, shares, tags);
  const queues: number[][] = shares.map(() => []);
  const heads = new Int32Array(shares.length);
  const served: Served = { order: [], beginSec: [], finishSec: [] };
  let nowSec = 0;
  let next = 0;
  let sending = NONE;
  while (served.order.length < list.length) {
    for (; next < list.length && (list[next] as FluidPacket).atSec <= nowSec; next++) {
      const { atSec, flow, lengthBytes } = list[next] as FluidPacket;
      const queue = queues[flow] as number[];
      clock.arrive(atSec * 1e9, flow, next, lengthBytes, queue.length === 0 && flow !== sending);
      queue.push(next);
    }
    queues.forEach((queue, flow) => {
      heads[flow] = queue[0] ?? NONE;
    });
    sending = clock.pick(nowSec * 1e9, heads);
    if (sending === NONE) {
      clock.becameIdle();
      nowSec = (list[next] as FluidPacket).atSec;
      continue;
    }
    const h = (queues[sending] as number[]).shift() as number;
    served.order.push(h);
    served.beginSec[h] = nowSec;
    nowSec += (list[h] as FluidPacket).lengthBytes / RATE;
    served.finishSec[h] = nowSec;
  }
  return served;
}

test('invariants 1 and 2: never far behind the fluid system, and WF2Q never ahead of it', () => {
  fc.assert(
    fc.property(packets, weights, (list, shares) => {
      const fluid = serveFluid(list, shares, RATE);
      for (const kind of ['wfq', 'wf2q'] as const) {
        const { beginSec, finishSec } = serve(kind, list, shares);
        list.forEach((_, h) => {
          const latestSec = (fluid.finishSec[h] as number) + MTU / RATE;
          expect(finishSec[h]).toBeLessThanOrEqual(latestSec + EPSILON_SEC);
          if (kind === 'wfq') return;
          expect(beginSec[h]).toBeGreaterThanOrEqual((fluid.beginSec[h] as number) - EPSILON_SEC);
        });
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 3: the link is never idle while a packet waits, and flows keep their order', () => {
  fc.assert(
    fc.property(packets, weights, fc.constantFrom(...KINDS), (list, shares, kind) => {
      const { order, finishSec } = serve(kind, list, shares);
      expect([...order].sort((a, b) => a - b)).toEqual(list.map((_, h) => h));
      let freeSec = 0;
      const bySec = list.map(({ atSec, lengthBytes }) => {
        freeSec = Math.max(freeSec, atSec) + lengthBytes / RATE;
        return freeSec;
      });
      // Whatever the order, the link is busy at the same times.
      expect(Math.max(...finishSec)).toBeCloseTo(bySec.at(-1) as number, 8);
      for (const flow of [0, 1, 2, 3]) {
        const own = order.filter((h) => (list[h] as FluidPacket).flow === flow);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
    }),
    { seed: SEED, numRuns: runs(200) },
  );
});

test('invariant 4: start-time fair queueing is fair to two flows that both wait, at any moment', () => {
  const lengths = fc.array(fc.integer({ min: 40, max: MTU }), {
    minLength: 200,
    maxLength: 200,
    size: 'max',
  });
  fc.assert(
    fc.property(lengths, fc.constantFrom(1, 2, 7), (list, weight) => {
      const backlog = list.map((lengthBytes, n): FluidPacket => ({ atSec: 0, flow: n % 2, lengthBytes }));
      const { order } = serve('sfq', backlog, [1, weight]);
      const sent = [0, 0];
      const left = [100, 100];
      for (const h of order) {
        const { flow, lengthBytes } = backlog[h] as FluidPacket;
        sent[flow] += lengthBytes;
        left[flow]--;
        if (left[0] === 0 || left[1] === 0) return;
        const gap = Math.abs((sent[0] as number) - (sent[1] as number) / weight);
        expect(gap).toBeLessThanOrEqual(MTU + MTU / weight + 1e-6);
      }
    }),
    { seed: SEED, numRuns: runs(100) },
  );
});
