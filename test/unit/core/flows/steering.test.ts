/** Which verdicts ask for their flow to be moved, and that nothing overtakes when it is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acceptUnrouted,
  NF_ACCEPT,
  NF_INET_LOCAL_OUT,
  VERDICT_SET_MARK,
} from '../../../../src/packet/batch.ts';
import { IPPROTO_ICMP } from '../../../../src/sim/packets/packets.ts';
import { MARK_CE, MARK_FAST, MARK_SLOW, markBits } from '../../../../src/spec/mark-codes.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import type { PoliceSpec, ShaperSpec } from '../../../../src/spec/spec.ts';
import { runs } from '../../../effort.ts';
import type { SimArrival } from '../../../port/sim-port.ts';
import { type ClassInput, MS, shaper, type TreeInput, udp, up, World } from '../../../sim/world.ts';

const SEED = 1130;
const MASK = 0x00ff0000;
const FAST = markBits(MASK, MARK_FAST);
const SLOW = markBits(MASK, MARK_SLOW);
const CE = markBits(MASK, MARK_CE);
const [SLOW_QUEUE, FAST_QUEUE] = [0, 1];
const [SLOW_PORT, FAST_PORT] = [1, 2];

const slowLeaf: ClassInput = {
  name: 'slow',
  match: [{ dport: [{ from: SLOW_PORT, to: SLOW_PORT }] }],
  ceil: 1e6,
  burst: 1e6,
};
const TREE: TreeInput = { rate: 1e9, burst: 1e9, leaves: [slowLeaf] };

function steered(spec: ShaperSpec = shaper({ wan: { up: TREE } }, { count: 2, markMask: MASK })): World {
  return new World(spec, { plan: planQueues(spec) });
}

/** Verdict and mark of one packet. */
function answer(w: World, dport: number, nfqueue: number, more: Partial<SimArrival> = {}): [number, number] {
  w.port.rows.length = 0;
  w.inject([up(w.port.nowNs, 1000, { shape: udp(1, { dport }), nfqueue, ...more })]);
  w.run(w.port.nowNs);
  const [row] = w.port.rows;
  return [row!.verdict, row!.mark];
}

const SET = NF_ACCEPT | VERDICT_SET_MARK;
/** No other NFQUEUE is read, so the highest number is the one that nobody reads. */
const SET_UNROUTED = (acceptUnrouted(65535) | VERDICT_SET_MARK) >>> 0;

describe('a verdict asks to move the flow', () => {
  test.each([
    ['fast', FAST_PORT, SLOW_QUEUE, FAST],
    ['slow', SLOW_PORT, FAST_QUEUE, SLOW],
  ])('of a %s class on the wrong queue, for as long as it comes there', (_, dport, nfqueue, asked) => {
    const w = steered();
    for (let n = 0; n < 3; n++) expect(answer(w, dport, nfqueue)).toEqual([SET, asked]);
    expect(answer(w, dport, 1 - nfqueue)).toEqual([SET, 0]);
    const marked = (0xab00cdef | asked) >>> 0;
    expect(answer(w, dport, nfqueue, { mark: 0xab12cdef })).toEqual([SET, marked]);
  });

  test('but not for an ICMP error, which belongs to the connection it tells of', () => {
    const w = steered();
    const shape = (icmpType: number) => ({ ...udp(), protocol: IPPROTO_ICMP, icmpType });
    expect(answer(w, 0, SLOW_QUEUE, { shape: shape(3) })).toEqual([SET, 0]);
    expect(answer(w, 0, SLOW_QUEUE, { shape: shape(8) })).toEqual([SET, FAST]);
  });

  test('only where every tree on its way is fast', () => {
    const lan = { device: 'lan0', down: { ...TREE, leaves: [{ ...slowLeaf, name: 'slow' }] } };
    const spec = shaper({ wan: { up: { ...TREE, leaves: [] } }, lan }, { count: 2, markMask: MASK });
    const w = steered(spec);
    const both = { ifIndexIn: 2 };
    expect(answer(w, FAST_PORT, SLOW_QUEUE, both)).toEqual([SET, FAST]);
    expect(answer(w, SLOW_PORT, SLOW_QUEUE, both)).toEqual([SET, 0]);
    expect(answer(w, SLOW_PORT, FAST_QUEUE, both)).toEqual([SET, SLOW]);
  });

  test('not when its device is in no tree, nor where nobody steers', () => {
    expect(answer(steered(), FAST_PORT, SLOW_QUEUE, { ifIndexOut: 77 })).toEqual([SET, 0]);
    const unsteered = new World(shaper({ wan: { up: TREE } }, { count: 2, markMask: MASK }));
    expect(answer(unsteered, FAST_PORT, SLOW_QUEUE)).toEqual([SET, 0]);
  });
});

test('at local output every packet asks, by a verdict that does not route', () => {
  const w = steered();
  const local = { hook: NF_INET_LOCAL_OUT, ifIndexIn: 0, mark: 0x00010005 };
  for (let n = 0; n < 3; n++) {
    expect(answer(w, FAST_PORT, SLOW_QUEUE, local)).toEqual([SET_UNROUTED, (FAST | 5) >>> 0]);
  }
  expect(answer(w, FAST_PORT, FAST_QUEUE, local)).toEqual([NF_ACCEPT, 0]);
});

describe('CE', () => {
  const ect = (dport: number) => ({ shape: udp(1, { dport, ecn: 2 }) });

  /** Everything exceeds, by `queue` of a fast class. */
  function policed(ecn: boolean): World {
    const police: PoliceSpec = { rateBytesPerSec: 1e9, burstBytes: 131_070, exceed: 'mark' };
    const leaves = [slowLeaf, { name: 'default', police }];
    const spec = shaper({ wan: { up: { ...TREE, leaves } } }, { count: 2, markMask: MASK });
    const [, leaf] = spec.links[0]!.up!.children;
    Object.assign(leaf!.police!, { exceed: 'mark' });
    const w = new World(spec, { plan: { ...planQueues(spec), ecn } });
    // Uses up the bucket for this instant.
    for (let n = 0; n < 131; n++) answer(w, FAST_PORT, FAST_QUEUE);
    return w;
  }

  test('is asked for, alone and with the move of the flow', () => {
    const w = policed(true);
    expect(answer(w, FAST_PORT, FAST_QUEUE, ect(FAST_PORT))).toEqual([SET, CE]);
    expect(answer(w, FAST_PORT, SLOW_QUEUE, ect(FAST_PORT))).toEqual([SET, (CE | FAST) >>> 0]);
    expect(w.totals.droppedPackets).toBe(0);
  });

  test('at local output is asked for as well, of packets that others have marked too', () => {
    const w = policed(true);
    const local = { ...ect(FAST_PORT), hook: NF_INET_LOCAL_OUT, ifIndexIn: 0 };
    expect(answer(w, FAST_PORT, FAST_QUEUE, local)).toEqual([SET_UNROUTED, CE]);
    expect(answer(w, FAST_PORT, FAST_QUEUE, { ...local, mark: 7 })).toEqual([SET_UNROUTED, CE + 7]);
    expect(w.totals.droppedPackets).toBe(0);
  });

  test('is a drop where the kernel cannot set it', () => {
    const w = policed(false);
    answer(w, FAST_PORT, FAST_QUEUE, ect(FAST_PORT));
    expect(w.totals.droppedPackets).toBe(1);
  });
});

describe('order', () => {
  interface Sent {
    readonly flow: number;
    readonly nfqueue: number;
    readonly bytes: number;
  }

  /** Sends all at once; the sequence numbers of what was accepted, in order. */
  function acceptedOrder(w: World, arrivals: readonly Sent[]): number[] {
    const bySequence = new Map<string, number>();
    const ids = [1, 1];
    w.inject(
      arrivals.map(({ flow, nfqueue, bytes }, n) => {
        bySequence.set(`${nfqueue} ${ids[nfqueue]!++}`, n);
        return up(0, bytes, { shape: udp(flow, { dport: SLOW_PORT }), nfqueue });
      }),
    );
    w.run(1000 * MS);
    return w.port.trace
      .filter(({ verdict }) => verdict === NF_ACCEPT)
      .map(({ nfqueue, packetId }) => bySequence.get(`${nfqueue} ${packetId}`)!);
  }

  test.each([
    [0, 1],
    [1, 0],
  ])('is kept by a flow that moves from queue %i to %i', (from, to) => {
    const arrivals = [from, from, to].map((nfqueue) => ({ flow: 1, nfqueue, bytes: 1000 }));
    expect(acceptedOrder(steered(), arrivals)).toEqual([0, 1, 2]);
  });

  test('is kept in every flow, however flows move, wait and lose packets', () => {
    const arrival = fc.record({
      flow: fc.integer({ min: 1, max: 3 }),
      nfqueue: fc.integer({ min: 0, max: 1 }),
      bytes: fc.constantFrom(100, 2000),
    });
    const each = { by: 'flow', rateBytesPerSec: 1e6, exceed: 'delay' } as const;
    let drops = 0;
    fc.assert(
      fc.property(
        fc.array(arrival, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 2000, max: 9000 }),
        fc.integer({ min: 2000, max: 40_000 }),
        (arrivals, eachBytes, policedBytes) => {
          // Some packets of a flow leave at once, others wait for its bucket, and large ones may be dropped.
          const police = { rateBytesPerSec: 1, burstBytes: policedBytes };
          const leaves = [{ ...slowLeaf, police, each: { ...each, burstBytes: eachBytes } }];
          const spec = shaper({ wan: { up: { ...TREE, leaves } } }, { count: 2, markMask: MASK });
          const order = acceptedOrder(steered(spec), arrivals);
          drops += arrivals.length - order.length;
          for (const flow of [1, 2, 3]) {
            const ofFlow = order.filter((n) => arrivals[n]!.flow === flow);
            expect(ofFlow).toEqual([...ofFlow].sort((a, b) => a - b));
          }
        },
      ),
      { seed: SEED, numRuns: runs(100) },
    );
    expect(drops).toBeGreaterThan(runs(100) / 2);
  });
});
