import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { afterPatience } from '../../../../src/io/nfqueue/patience.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('acts once when the time is over', () => {
  const act = vi.fn();
  afterPatience(1000, act);
  vi.advanceTimersByTime(999);
  expect(act).not.toHaveBeenCalled();
  vi.advanceTimersByTime(5000);
  expect(act).toHaveBeenCalledTimes(1);
});

it('is called off', () => {
  const act = vi.fn();
  const callOff = afterPatience(1000, act);
  vi.advanceTimersByTime(900);
  callOff();
  vi.advanceTimersByTime(5000);
  expect(act).not.toHaveBeenCalled();
});

it('takes a standstill for a tenth of the time', async () => {
  vi.useRealTimers();
  const act = vi.fn();
  const callOff = afterPatience(200, act);
  const untilMs = performance.now() + 400;
  while (performance.now() < untilMs);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(act).not.toHaveBeenCalled();
  callOff();
});
