import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gsoOfBoth, keepPlaces, keepsMeanings, withNfqueuesOf } from '../../../src/spec/plan-change.ts';
import type { QueuePlan } from '../../../src/spec/queue-plan.ts';

const FIFTEEN = Array.from({ length: 15 }, (_, i) => i);

describe('the places of code points', () => {
  it('stay, and further ones follow', () => {
    expect(keepPlaces([46, 10], [46, 10], [10, 34])).toEqual([46, 10, 34]);
    expect(keepPlaces([46, 10], [46, 10], [])).toEqual([46, 10]);
  });

  it('are given away when all are taken, but not those in use', () => {
    expect(keepPlaces(FIFTEEN, FIFTEEN.slice(1), [...FIFTEEN.slice(2), 46])).toEqual([
      ...[46, ...FIFTEEN.slice(1)],
    ]);
    expect(keepPlaces(FIFTEEN, FIFTEEN, [...FIFTEEN.slice(1), 46])).toBeNull();
  });

  it('never mean two code points that are in use', () => {
    const points = fc.uniqueArray(fc.nat(20), { maxLength: 15 });
    fc.assert(
      fc.property(points, points, points, (extra, asked, wanted) => {
        const places = [...new Set([...asked, ...extra])].slice(0, 15);
        const now = keepPlaces(places, asked, wanted);
        if (now === null) {
          expect(new Set([...asked, ...wanted]).size).toBeGreaterThan(15);
          return;
        }
        expect(now.length).toBeLessThanOrEqual(15);
        expect(new Set(now).size).toBe(now.length);
        for (const point of wanted) expect(now).toContain(point);
        for (const point of asked) expect(now.indexOf(point)).toBe(places.indexOf(point));
      }),
    );
  });
});

const plan = (gso: readonly boolean[]): QueuePlan => ({
  ...{ directions: [], gso, copyBytes: gso.map(() => 128) },
  ...{ ecn: true, dscps: [], moduleNfqueue: null, unreadNfqueue: 65534, sharesChains: false },
});

describe('between two plans', () => {
  it('packets of all NFQUEUEs may come', () => {
    expect(withNfqueuesOf(plan([true]), plan([false, true, false]))).toEqual(plan([true, true, false]));
    expect(withNfqueuesOf(plan([true, false]), plan([false]))).toEqual(plan([true, false]));
  });

  it('superpackets come where the packets of a port need them in either', () => {
    const port = { device: 'p1', direction: 'up', nfqueue: 1, fastNfqueue: null, bridge: 'br0' } as const;
    const joined = { ...plan([false, true]), directions: [port] };
    expect(gsoOfBoth(plan([false, false]), joined)).toEqual([false, true]);
    expect(gsoOfBoth(joined, plan([false, false]))).toEqual([false, true]);
    const cut = { ...joined, sharesChains: true };
    expect(gsoOfBoth(plan([false, false]), cut)).toEqual([false, false]);
  });

  it('packets for modules may come by the NFQUEUE of either', () => {
    const on = { ...plan([false, false]), moduleNfqueue: 1 };
    expect(withNfqueuesOf(plan([true]), on)).toEqual({ ...plan([true, false]), moduleNfqueue: 1 });
    expect(withNfqueuesOf(on, plan([true]))).toEqual(on);
  });

  it('no NFQUEUE may bring packets to modules before or after it brings others', () => {
    const on = (count: number) => ({ ...plan(new Array(count + 1).fill(false)), moduleNfqueue: count });
    const off = (count: number) => plan(new Array(count).fill(false));
    for (const [before, now] of [
      ...[
        [off(2), on(2)],
        [on(2), off(2)],
        [on(2), on(2)],
        [off(2), off(4)],
        [off(1), on(4)],
      ],
    ] as const) {
      expect(keepsMeanings(before!, now!)).toBe(true);
      expect(keepsMeanings(now!, before!)).toBe(true);
    }
    for (const [before, now] of [
      ...[
        [on(2), on(3)],
        [on(2), off(3)],
        [off(3), on(2)],
      ],
    ] as const) {
      expect(keepsMeanings(before!, now!)).toBe(false);
      expect(keepsMeanings(now!, before!)).toBe(false);
    }
  });

  it('superpackets come only where both plans allow them', () => {
    expect(gsoOfBoth(plan([true, false]), plan([false, true, true]))).toEqual([false, false, true]);
    expect(gsoOfBoth(plan([true, true]), plan([true]))).toEqual([true, true]);
  });
});
