import { expect, it } from 'vitest';
import { CrossingPace } from '../../../../src/control/change/pace.ts';
import { FakeClock } from './fakes.ts';

/** Packets wait for the reading of the message as well. */
const MESSAGE_MS = 0.2;

/** Crosses as often as allowed for `ms`. Returns how often that was. */
async function crossings(pace: CrossingPace, clock: FakeClock, ms: number, costMs: number): Promise<number> {
  const endMs = clock.monotonicMs() + ms;
  let count = 0;
  for (;;) {
    await clock.advance(pace.waitMs());
    if (clock.monotonicMs() >= endMs) return count;
    await clock.advance(costMs);
    pace.crossed(costMs - MESSAGE_MS);
    count++;
  }
}

it('the first crosses at once, and the next ones every 20 ms while credit lasts', async () => {
  const clock = new FakeClock();
  const pace = new CrossingPace(clock);
  expect(pace.waitMs()).toBe(0);
  expect(await crossings(pace, clock, 220, 2)).toBe(10);
});

it('a steady stream takes 2 % of the time, whatever a crossing costs', async () => {
  const clock = new FakeClock();
  const pace = new CrossingPace(clock);
  await crossings(pace, clock, 10_000, 4);
  expect((await crossings(pace, clock, 10_000, 4)) * 4).toBeCloseTo(200, -1);
  expect((await crossings(pace, clock, 10_000, 1)) * 1).toBeCloseTo(200, -1);
});

it('a quiet time saves up again', async () => {
  const clock = new FakeClock();
  const pace = new CrossingPace(clock);
  await crossings(pace, clock, 10_000, 5);
  expect(await crossings(pace, clock, 500, 5)).toBeLessThan(5);
  await clock.advance(5000);
  expect(await crossings(pace, clock, 500, 5)).toBe(20);
});

it('one that waits long for its answer costs no more than the longest', async () => {
  const clock = new FakeClock();
  const pace = new CrossingPace(clock);
  await crossings(pace, clock, 1000, 500);
  expect(pace.waitMs()).toBe(0);
});
