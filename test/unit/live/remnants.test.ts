/** Children of a program that has started anew: what ends is taken, what does not is ended. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Remnants } from '../../../src/live/remnants.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function world(pids: readonly number[]) {
  const alive = new Set(pids);
  const ended: number[] = [];
  const remnants = new Remnants({
    children: () => pids,
    reap: (pid) => !alive.has(pid),
    end: (pid) => {
      ended.push(pid);
      alive.delete(pid);
    },
  });
  return { alive, ended, remnants };
}

it('waits for those that end by themselves', () => {
  const { alive, ended } = world([5, 6]);
  alive.delete(5);
  vi.advanceTimersByTime(500);
  alive.delete(6);
  vi.advanceTimersByTime(60_000);
  expect(ended).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('ends what lives for longer, and then looks no more', () => {
  const { ended } = world([5]);
  vi.advanceTimersByTime(60_000);
  expect(ended).toEqual([5]);
  expect(vi.getTimerCount()).toBe(0);
});

it('ends what is left when the program stops', () => {
  const { ended, remnants } = world([5]);
  remnants.close();
  expect(ended).toEqual([5]);
  expect(vi.getTimerCount()).toBe(0);
});
