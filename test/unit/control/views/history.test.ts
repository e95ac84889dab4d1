import { expect, it } from 'vitest';
import { EngineClock } from '../../../../src/control/views/engine-clock.ts';
import { History, rateSince } from '../../../../src/control/views/history.ts';
import { bitsPerSecond } from '../../../../src/control/views/recent-bits.ts';

const SECOND = 1e9;

/** A history of one row that counts 1000 a second, sampled every `gap` seconds. */
function steady(seconds: number, gap = 1): History {
  const history = new History();
  history.grow(1);
  for (let second = 0; second <= seconds; second += gap) {
    history.begin(second * SECOND);
    history.put(0, 1000 * second);
  }
  return history;
}

it('a steady count has the same rate over every window, at every instant between two samples', () => {
  const history = steady(200);
  for (const seconds of [200, 200.25, 200.999]) {
    const rates = history.rates(seconds * SECOND);
    expect(bitsPerSecond(rates, 0, 1000 * seconds)).toEqual({ over1s: 8000, over10s: 8000, over60s: 8000 });
  }
});

it('windows are up to a second longer than they say, that of 60 s up to five', () => {
  for (let now = 100; now < 110; now += 0.25) {
    const { over1s, over10s, over60s } = steady(Math.floor(now)).rates(now * SECOND);
    for (const [past, least, most] of [
      [over1s, 1, 2],
      [over10s, 10, 11],
      [over60s, 60, 65],
    ] as const) {
      expect(past!.seconds).toBeGreaterThanOrEqual(least);
      expect(past!.seconds).toBeLessThan(most);
    }
  }
});

it('shortly after the start the window is as long as there are samples', () => {
  expect(new History().rates(SECOND).over1s).toBeNull();
  expect(rateSince(null, 0, 5)).toBe(0);
  const { over60s } = steady(3).rates(3.5 * SECOND);
  expect(over60s!.seconds).toBe(3.5);
});

it('samples that come late make windows longer, never rates wrong', () => {
  const rates = steady(300, 7).rates(301 * SECOND);
  expect(bitsPerSecond(rates, 0, 301_000)).toEqual({ over1s: 8000, over10s: 8000, over60s: 8000 });
});

it('a row that begins anew has counted nothing before, and more rows keep what others counted', () => {
  const history = steady(20);
  history.grow(3);
  const rates = history.rates(20.5 * SECOND);
  expect(rateSince(rates.over10s, 0, 20_500)).toBe(1000);
  history.clear(0);
  expect(rateSince(rates.over10s, 0, 105)).toBe(10);
  expect(rateSince(rates.over10s, 2, 105)).toBe(10);
});

it('counts that were taken back are no negative rate', () => {
  expect(rateSince(steady(20).rates(20.5 * SECOND).over1s, 0, 3)).toBe(0);
});

it('the clock of the packets is told by the snapshot that came fastest', () => {
  let ownNs = 1000;
  const clock = new EngineClock(() => ownNs);
  clock.heard(400); // 600 behind, of which some is the way
  ownNs = 2000;
  clock.heard(1450); // a faster way
  ownNs = 3000;
  clock.heard(2300);
  expect(clock.nowNs()).toBe(2450);
});
