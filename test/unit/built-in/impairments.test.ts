import { describe, expect, test } from 'vitest';
import delay from '../../../src/built-in/delay.ts';
import duplicate from '../../../src/built-in/duplicate.ts';
import { BUILT_IN } from '../../../src/built-in/index.ts';
import loss from '../../../src/built-in/loss.ts';
import reorder from '../../../src/built-in/reorder.ts';
import { interestOf } from '../../../src/built-in/selection.ts';
import type { ModuleDefinition } from '../../../src/modules/api/index.ts';
import { FakeHost } from './fake-host.ts';

const ALL = { iif: [], oif: [], host: [], proto: [], port: [] };
const MS = 1e6;

describe('delay', () => {
  const DELAY = { delay: 20 * MS, jitter: 0, share: 1, order: true, limit: 1000, ...ALL };
  const line = (options: Partial<typeof DELAY> = {}) => new FakeHost(delay, { ...DELAY, ...options });

  /** A packet every millisecond. */
  function pass(host: FakeHost<typeof DELAY>, count: number): void {
    for (let n = 0; n < count; n++) {
      host.runTo(n * MS);
      host.packet(n);
    }
    host.runTo(60e9);
  }

  test('packets leave exactly so much later, and no timer is left', () => {
    const host = line();
    pass(host, 50);
    expect(host.outcomes).toEqual(
      Array.from({ length: 50 }, (_, n) => ({ name: n, result: 'accepted', atNs: (n + 20) * MS })),
    );
    expect(host.timersSet).toBe(0);
  });

  test('jitter spreads what packets wait, and their order holds', () => {
    const host = line({ jitter: 10 * MS });
    pass(host, 1000);
    expect(host.outcomes.map(({ name }) => name)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    const waited = host.outcomes.map(({ name, atNs }) => atNs / MS - Number(name));
    expect(Math.min(...waited)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...waited)).toBeLessThanOrEqual(30);
    expect(Math.max(...waited)).toBeGreaterThan(29);
  });

  test('without order packets overtake, and what they wait is spread evenly', () => {
    const host = line({ jitter: 10 * MS, order: false });
    pass(host, 1000);
    const names = host.outcomes.map(({ name }) => Number(name));
    expect(names.some((name, n) => n > 0 && name < names[n - 1]!)).toBe(true);
    expect([...names].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(host.outcomes.map(({ atNs }) => atNs)).toEqual(
      host.outcomes.map(({ atNs }) => atNs).sort((a, b) => a - b),
    );
    const waited = host.outcomes.map(({ name, atNs }) => atNs / MS - Number(name));
    // The mean of 1000 uniform values between 10 and 30 is within 0.6 of 20 in 999 of 1000 runs; the seed is
    // fixed.
    expect(waited.reduce((sum, ms) => sum + ms, 0) / 1000).toBeCloseTo(20, 0);
  });

  test('a share of packets waits; with order, the others wait behind them', () => {
    const ordered = line({ share: 0.5 });
    pass(ordered, 200);
    expect(ordered.outcomes.map(({ name }) => name)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    const free = line({ share: 0.5, order: false });
    pass(free, 2000);
    const atOnce = free.outcomes.filter(({ name, atNs }) => atNs === Number(name) * MS).length;
    expect(atOnce).toBeGreaterThan(930);
    expect(atOnce).toBeLessThan(1070);
    expect(free.outcomes.length).toBe(2000);
  });

  test('beyond the limit packets are dropped', () => {
    const host = line({ limit: 5 });
    for (let n = 0; n < 8; n++) host.packet(n);
    expect(host.outcomes.map(({ name, result }) => [name, result])).toEqual([
      [5, 'dropped'],
      [6, 'dropped'],
      [7, 'dropped'],
    ]);
    host.runTo(20 * MS);
    expect(host.outcomes.filter(({ result }) => result === 'accepted').length).toBe(5);
    expect(host.packet(8)).toBeNull();
    expect(host.held.size).toBe(1);
  });

  test('the longest wait is shorter than what ends a hold', () => {
    const { delay: most, jitter } = delay.options!;
    expect(most.max! + jitter.max!).toBeLessThan(30e9);
  });
});

describe('loss', () => {
  const LOSS = { share: 0.1, burst: 1, bad: 1, good: 0, ...ALL };

  /** Which of so many packets are lost. */
  function lostOf(options: Partial<typeof LOSS>, count = 100_000, seed = 1): boolean[] {
    const host = new FakeHost(loss, { ...LOSS, ...options }, seed);
    for (let n = 0; n < count; n++) host.packet(n);
    return host.outcomes.map(({ result }) => result === 'dropped');
  }
  const shareOf = (lost: readonly boolean[]): number => lost.filter((is) => is).length / lost.length;

  /** Mean length of runs of lost packets. */
  function runOf(lost: readonly boolean[]): number {
    const runs = lost.filter((is, n) => is && !lost[n - 1]).length;
    return lost.filter((is) => is).length / runs;
  }

  test('nothing, all, or its share, each packet by itself', () => {
    expect(shareOf(lostOf({ share: 0 }, 1000))).toBe(0);
    expect(shareOf(lostOf({ share: 1 }, 1000))).toBe(1);
    const lost = lostOf({});
    // Standard deviations: 0.00095 of the share; the mean run of independent losses is 1 / 0.9.
    expect(Math.abs(shareOf(lost) - 0.1)).toBeLessThan(0.004);
    expect(Math.abs(runOf(lost) - 1 / 0.9)).toBeLessThan(0.02);
  });

  test('in bursts: the same share, runs of their mean length', () => {
    const lost = lostOf({ burst: 5 });
    expect(Math.abs(shareOf(lost) - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(runOf(lost) - 5)).toBeLessThan(0.3);
  });

  test('Gilbert-Elliott: some are lost in good stretches, not all in bad ones', () => {
    const lost = lostOf({ burst: 20, bad: 0.5, good: 0.01, share: 0.1 });
    expect(Math.abs(shareOf(lost) - 0.1)).toBeLessThan(0.01);
    const after = lost.filter((_, n) => lost[n - 1]);
    // After a loss the channel is probably bad, so the next packet is lost more often than 1 in 10.
    expect(shareOf(after)).toBeGreaterThan(0.35);
    expect(shareOf(after)).toBeLessThan(0.5);
  });

  test('a share that no bursts can have is refused', () => {
    expect(() => lostOf({ burst: 2, share: 0.1, bad: 0.1 })).toThrow('must be below bad (0.1)');
    expect(() => lostOf({ burst: 2, share: 0.1, good: 0.2 })).toThrow('must not be below good (0.2)');
    expect(() => lostOf({ burst: 2, share: 0.9 })).toThrow('a share of 0.9 needs bursts of 9 packets');
  });

  test('the same seed loses the same packets', () => {
    expect(lostOf({}, 1000, 7)).toEqual(lostOf({}, 1000, 7));
    expect(lostOf({}, 1000, 7)).not.toEqual(lostOf({}, 1000, 8));
  });
});

describe('reorder', () => {
  const REORDER = { share: 0.1, distance: 3, wait: 50 * MS, ...ALL };

  /** The order in which packets leave that come `perMs` at a time, every millisecond. */
  function orderOf(options: Partial<typeof REORDER>, count: number, perMs = 1): number[] {
    const host = new FakeHost(reorder, { ...REORDER, ...options });
    for (let n = 0; n < count; n++) {
      if (n % perMs === 0) host.runTo((n / perMs) * MS);
      host.packet(n);
    }
    host.runTo(60e9);
    expect(host.timersSet).toBe(0);
    expect(host.held.size).toBe(0);
    return host.outcomes.map(({ name }) => Number(name));
  }

  /** By how many later packets each packet was overtaken, of those that were. */
  function overtaken(order: readonly number[]): number[] {
    const counts = order.map((name, place) => order.slice(0, place).filter((other) => other > name).length);
    return counts.filter((count) => count > 0);
  }

  test.each([1, 4])('its share is overtaken by so many packets, %i at a time, and none is lost', (perMs) => {
    const order = orderOf({}, 2000, perMs);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, n) => n));
    const counts = overtaken(order);
    expect(counts.length).toBeGreaterThan(150);
    expect(counts.length).toBeLessThan(250);
    // The last ones may have run out of packets to wait for. Packets that were kept back as well, and
    // released before, have overtaken it too.
    expect(Math.min(...counts.slice(0, -3))).toBe(3);
    expect(Math.max(...counts)).toBeLessThanOrEqual(5);
  });

  test('a packet that nobody overtakes goes on after its wait', () => {
    const host = new FakeHost(reorder, { ...REORDER, share: 1 });
    host.packet('only');
    host.runTo(49.9 * MS);
    expect(host.outcomes).toEqual([]);
    host.runTo(50 * MS);
    expect(host.outcomes).toEqual([{ name: 'only', result: 'accepted', atNs: 50 * MS }]);
  });

  test('no share, no change', () => {
    expect(orderOf({ share: 0 }, 20)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test('a thousand packets are kept back at most', () => {
    const host = new FakeHost(reorder, { ...REORDER, share: 1, distance: 1000 });
    for (let n = 0; n < 1010; n++) host.packet(n);
    expect(host.held.size).toBe(1000);
    expect(host.outcomes.length).toBe(10);
  });
});

describe('duplicate', () => {
  const bytes = Uint8Array.of(0x45, 1, 2, 3);

  test('copies are injected, and the packet itself goes on', () => {
    const host = new FakeHost(duplicate, { share: 1, copies: 2, ...ALL });
    host.packet('one', { bytes });
    expect(host.injected).toEqual([bytes, bytes]);
    expect(host.outcomes).toEqual([{ name: 'one', result: 'accepted', atNs: 0 }]);
  });

  test('its share, and none of zero', () => {
    const half = new FakeHost(duplicate, { share: 0.5, copies: 1, ...ALL });
    for (let n = 0; n < 2000; n++) half.packet(n, { bytes });
    expect(half.injected.length).toBeGreaterThan(900);
    expect(half.injected.length).toBeLessThan(1100);
    const none = new FakeHost(duplicate, { share: 0, copies: 1, ...ALL });
    for (let n = 0; n < 100; n++) none.packet(n, { bytes });
    expect(none.injected).toEqual([]);
  });
});

test('which packets are meant', () => {
  expect(interestOf(ALL)).toEqual([{ dst: '0.0.0.0/0' }, { dst: '::/0' }]);
  expect(interestOf({ ...ALL, oif: ['eth0'], port: ['80', '443'] })).toEqual({
    oif: ['eth0'],
    port: ['80', '443'],
  });
});

describe('built in', () => {
  test.each(Object.keys(BUILT_IN))('%s has its name, and a help for every option', async (name) => {
    const definition = (await BUILT_IN[name]!()).default as ModuleDefinition;
    expect(definition.label).toBe(name);
    expect(definition.about).toMatch(/^\w.*[^.]$/);
    for (const option of Object.values(definition.options ?? {}) as { help: string }[])
      expect(option.help.length).toBeGreaterThan(10);
  });
});
