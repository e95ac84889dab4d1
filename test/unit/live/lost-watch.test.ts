import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LostPackets } from '../../../src/core/lost.ts';
import type { KernelQueue } from '../../../src/io/proc/nfqueues.ts';
import { LostWatch } from '../../../src/live/lost-watch.ts';

const LOOK_MS = 250;

/**
 * Three NFQUEUEs from 100 on, which hold `waiting`. The kernel has `kernel`, reading by reading, or says
 * nothing (null). `ofDevice` packets of an NFQUEUE are of any device that goes down.
 */
function setUp(waiting: number[], kernel: number[][] | null, ofDevice = Number.POSITIVE_INFINITY) {
  const calls: unknown[] = [];
  let reads = 0;
  const watch = new LostWatch({
    ...{ first: 100, count: 3 },
    waitingOf: (nfqueue) => waiting[nfqueue]!,
    letGo: ({ nfqueue, most, ifIndexes }: LostPackets) => {
      calls.push([nfqueue, most, ifIndexes && [...ifIndexes]]);
      const gone = Math.min(most, waiting[nfqueue]!, ifIndexes === null ? most : ofDevice);
      waiting[nfqueue]! -= gone;
      return gone;
    },
    onFound: (packets) => calls.push(packets),
    readQueues: () => {
      const reading = kernel?.[Math.min(reads++, kernel.length - 1)];
      return (
        reading?.map(
          (heldPackets, n): KernelQueue => ({
            ...{ number: 100 + n, portId: 1, heldPackets },
            ...{ queueFull: 0, socketFull: 0 },
          }),
        ) ?? null
      );
    },
  });
  return { watch, calls, reads: () => reads };
}

describe('the watch for lost packets', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('lets go what the kernel has no longer, the oldest of each NFQUEUE; unread packets hide some', () => {
    const { watch, calls } = setUp([5, 7, 2], [[5, 3, 4]]);
    watch.watch();
    vi.advanceTimersByTime(LOOK_MS);
    expect(calls).toEqual([[1, 4, null], 4]);
    vi.advanceTimersByTime(10 * LOOK_MS);
    expect(calls).toHaveLength(2);
    watch.close();
  });

  it('asks again before it takes a packet for lost: the kernel counts one just after it can be read', () => {
    const { watch, calls, reads } = setUp(
      [5, 0, 0],
      [
        [4, 0, 0],
        [5, 0, 0],
      ],
    );
    watch.look();
    expect([calls, reads()]).toEqual([[], 2]);
    watch.close();
  });

  it('reads nothing while nothing is held, and nothing after its end', () => {
    const { watch, calls, reads } = setUp([0, 0, 0], [[0, 0, 0]]);
    watch.watch();
    vi.advanceTimersByTime(100 * LOOK_MS);
    watch.look(new Set([7]));
    expect([reads(), calls]).toEqual([0, []]);
    watch.close();
    const other = setUp([9, 0, 0], [[0, 0, 0]]);
    other.watch.watch();
    other.watch.close();
    other.watch.watch();
    vi.advanceTimersByTime(10 * LOOK_MS);
    expect(other.calls).toEqual([]);
  });

  it('rests while nothing waits, and looks again as soon as something does', () => {
    const waiting = [2, 0, 0];
    const { watch, calls, reads } = setUp(waiting, [[2, 0, 0]]);
    expect(vi.getTimerCount()).toBe(0);
    watch.watch();
    watch.watch();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(10 * LOOK_MS);
    expect(reads()).toBe(10);
    waiting[0] = 0;
    vi.advanceTimersByTime(LOOK_MS);
    expect(vi.getTimerCount()).toBe(0);
    waiting[0] = 3;
    watch.watch();
    vi.advanceTimersByTime(LOOK_MS);
    expect(calls).toEqual([[0, 1, null], 1]);
    watch.close();
  });

  it('a device that went down takes its packets first; what is missing beyond them is taken by age', () => {
    const { watch, calls } = setUp([9, 6, 0], [[2, 6, 0]], 4);
    watch.look(new Set([7, 8]));
    expect(calls).toEqual([[0, 7, [7, 8]], [0, 3, null], 7]);
    watch.close();
  });

  it('remembers for a second which devices went down: packets unread at that time are missed later', () => {
    const { watch, calls } = setUp(
      [9, 0, 0],
      [
        [9, 0, 0],
        [6, 0, 0],
        [6, 0, 0],
        [6, 0, 0],
        [4, 0, 0],
      ],
    );
    watch.look(new Set([7]));
    expect(calls.splice(0)).toEqual([]);
    vi.advanceTimersByTime(LOOK_MS);
    expect(calls.splice(0)).toEqual([[0, 3, [7]], 3]);
    vi.advanceTimersByTime(1000);
    expect(calls.splice(0)).toEqual([[0, 2, [7]], 2]);
    watch.close();
    const late = setUp(
      [9, 0, 0],
      [
        [9, 0, 0],
        [9, 0, 0],
        [9, 0, 0],
        [9, 0, 0],
        [9, 0, 0],
        [6, 0, 0],
      ],
    );
    late.watch.look(new Set([7]));
    vi.advanceTimersByTime(2000);
    expect(late.calls).toEqual([[0, 3, null], 3]);
    late.watch.close();
  });

  it('where the list cannot be read, the word that a device went down is enough, and nothing else is', () => {
    const { watch, calls } = setUp([9, 0, 0], null, 4);
    watch.look();
    expect(calls).toEqual([]);
    watch.look(new Set([7]));
    expect(calls).toEqual([[0, Number.POSITIVE_INFINITY, [7]], 4]);
    watch.close();
  });
});
