import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KernelQueue } from '../../../src/io/proc/nfqueues.ts';
import { RetiringNfqueues } from '../../../src/live/retiring.ts';

const FIRST = 100;

describe('NFQUEUEs without use', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function world() {
    const open = new Set([0, 1, 2, 3]);
    const waiting = [0, 0, 0, 0];
    const held = [0, 0, 0, 0];
    const closed: [number, number | null][] = [];
    let isReadable = true;
    const queue = (nfqueue: number): KernelQueue => ({
      ...{ number: FIRST + nfqueue, portId: 1, heldPackets: held[nfqueue]!, queueFull: 7, socketFull: 0 },
    });
    const retiring = new RetiringNfqueues({
      port: {
        get open() {
          return [...open];
        },
        closeNfqueue: (nfqueue) => void open.delete(nfqueue),
      },
      ...{ first: FIRST, count: 4 },
      waitingOf: (nfqueue) => waiting[nfqueue]!,
      readQueues: () => (isReadable ? [...open].map(queue) : null),
      onClosed: (nfqueue, last) => closed.push([nfqueue, last?.queueFull ?? null]),
    });
    const hide = () => {
      isReadable = false;
    };
    return { retiring, open, waiting, held, closed, hide };
  }

  it('close when nothing has waited for them in three looks', () => {
    const { retiring, closed, open } = world();
    retiring.use(2);
    vi.advanceTimersByTime(299);
    expect(closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(closed).toEqual([
      [2, 7],
      [3, 7],
    ]);
    expect([...open]).toEqual([0, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stay open while packets wait, read or unread, and begin anew after each', () => {
    const { retiring, closed, waiting, held } = world();
    [waiting[2], held[3]] = [1, 1];
    retiring.use(2);
    vi.advanceTimersByTime(10_000);
    expect(closed).toEqual([]);
    waiting[2] = 0;
    vi.advanceTimersByTime(200);
    waiting[2] = 1;
    vi.advanceTimersByTime(100);
    waiting[2] = 0;
    vi.advanceTimersByTime(200);
    expect(closed).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(closed).toEqual([[2, 7]]);
    held[3] = 0;
    vi.advanceTimersByTime(300);
    expect(closed).toEqual([
      [2, 7],
      [3, 7],
    ]);
  });

  it('stay when they are used again, and nothing closes after the end', () => {
    const { retiring, closed } = world();
    retiring.use(2);
    vi.advanceTimersByTime(200);
    retiring.use(4);
    vi.advanceTimersByTime(10_000);
    expect(closed).toEqual([]);
    retiring.use(3);
    vi.advanceTimersByTime(200);
    expect(closed).toEqual([]);
    retiring.close();
    retiring.use(1);
    vi.advanceTimersByTime(10_000);
    expect(closed).toEqual([]);
  });

  it('are looked at three times again when they were used in between, however short', () => {
    const { retiring, closed, open } = world();
    retiring.use(3);
    vi.advanceTimersByTime(200);
    retiring.use(4);
    retiring.use(3);
    vi.advanceTimersByTime(299);
    expect(closed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(closed).toEqual([[3, 7]]);
    open.add(3);
    retiring.use(4);
    retiring.use(3);
    vi.advanceTimersByTime(299);
    expect(closed).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(closed).toHaveLength(2);
  });

  it('close by our own count where the kernel does not show its list', () => {
    const { retiring, closed, waiting, hide } = world();
    hide();
    waiting[3] = 1;
    retiring.use(3);
    vi.advanceTimersByTime(1000);
    expect(closed).toEqual([]);
    waiting[3] = 0;
    vi.advanceTimersByTime(300);
    expect(closed).toEqual([[3, null]]);
  });
});
