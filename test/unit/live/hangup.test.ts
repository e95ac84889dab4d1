import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Hangup } from '../../../src/live/hangup.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** `opens`: whether the terminal can be opened at each look. */
async function hangUp(hadTerminal: boolean, opens: readonly boolean[], isReady = true): Promise<string[]> {
  const done: string[] = [];
  let look = 0;
  const hangup = new Hangup({
    hadTerminal,
    canOpenTerminal: () => opens[Math.min(look++, opens.length - 1)]!,
    onGone: () => done.push('stop'),
    onEarly: () => done.push('early'),
  });
  if (isReady) hangup.reload = () => done.push('reload');
  void hangup.received();
  await vi.advanceTimersByTimeAsync(1000);
  return done;
}

it.each([
  ['the terminal has gone', true, [false], ['stop']],
  ['the terminal goes a little after the signal', true, [true, true, false], ['stop']],
  ['the terminal is there', true, [true], ['reload']],
  ['there never was a terminal', false, [false], ['reload']],
])('%s', async (_, hadTerminal, opens, expected) => {
  expect(await hangUp(hadTerminal, opens)).toEqual(expected);
});

it('during the start nothing can be reloaded, but a terminal that has gone ends it', async () => {
  expect(await hangUp(false, [false], false)).toEqual(['early']);
  expect(await hangUp(true, [false], false)).toEqual(['stop']);
});
