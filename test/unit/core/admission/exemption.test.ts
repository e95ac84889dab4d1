/** Which packets of exempt ports must not be dropped: a share of the direction, and half of a leaf. */
import { describe, expect, test } from 'vitest';
import { Exemption } from '../../../../src/core/admission/exemption.ts';
import { planChange } from '../../../../src/core/classes/change.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { Backlog } from '../../../../src/core/packets/backlog.ts';
import { FLAG_NEVER_DROP, HeldTable } from '../../../../src/core/packets/held.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';
import type { ShaperSpec } from '../../../../src/spec/spec.ts';
import { type ClassInput, MS, SECOND, shaper } from '../../../sim/world.ts';

/** `up` of this rate and `down` of 1 MB/s, each with one leaf. */
function spec(share: number, rate: number, leaf: Omit<ClassInput, 'name'> = {}): ShaperSpec {
  const tree = (bytesPerSec: number) => ({
    rate: bytesPerSec,
    burst: 3000,
    leaves: [{ name: 'default', ...leaf }],
  });
  return shaper({ wan: { up: tree(rate), down: tree(1e6) } }, {}, { share });
}

const [UP, DOWN] = [1, 3];

class Bed {
  readonly held = new HeldTable(1000);
  readonly backlog = new Backlog(createStats(4), this.held);
  private config: ShaperSpec;
  private exemption: Exemption;

  constructor(config: ShaperSpec) {
    this.config = config;
    this.exemption = this.of(config);
  }

  /** Offers packets to a leaf until one is refused, at most a hundred; how many had an exemption. */
  offer(lengthBytes: number, nowNs: number, leaf = UP, waits = false): number {
    for (let granted = 0; granted < 100; granted++) {
      const h = this.held.take();
      this.held.leaf[h] = leaf;
      this.held.lengthBytes[h] = lengthBytes;
      this.held.chargeBytes[h] = lengthBytes;
      this.held.flags[h] = FLAG_NEVER_DROP;
      if (!this.exemption.grants(h, nowNs)) return granted;
      if (waits) this.backlog.enter(h);
    }
    return 100;
  }

  change(config: ShaperSpec, nowNs: number): void {
    const change = planChange(listClasses(this.config), this.config, config, new Map(), nowNs);
    const next = this.of(config);
    next.inherit(this.exemption, change);
    this.exemption = next;
    this.config = config;
  }

  private of(config: ShaperSpec): Exemption {
    return new Exemption(listClasses(config), config.local.exempt, this.held, this.backlog);
  }
}

describe('a share of each direction', () => {
  test('a second of it at once, then its rate', () => {
    // 5 % of 400 kB/s.
    const bed = new Bed(spec(0.05, 400_000));
    expect(bed.offer(1000, 0)).toBe(20);
    expect(bed.offer(1000, 49 * MS)).toBe(0);
    expect(bed.offer(1000, 50 * MS)).toBe(1);
    expect(bed.offer(1000, SECOND)).toBe(19);
    expect(bed.offer(1000, 10 * SECOND)).toBe(20);
  });

  test('each direction has its own', () => {
    const bed = new Bed(spec(0.05, 400_000));
    expect([bed.offer(1000, 0), bed.offer(1000, 0, DOWN)]).toEqual([20, 50]);
  });

  test('a slow direction has 1000 B/s and four packets, a very slow one half of its rate', () => {
    const slow = new Bed(spec(0.05, 8000));
    expect([slow.offer(1500, 0), slow.offer(100, SECOND)]).toEqual([4, 10]);
    const slower = new Bed(spec(0.05, 1000));
    expect([slower.offer(1500, 0), slower.offer(100, SECOND)]).toEqual([4, 5]);
  });

  test('100 % is the direction, 0 % nothing', () => {
    expect(new Bed(spec(1, 40_000)).offer(1000, 0)).toBe(40);
    expect(new Bed(spec(0, 400_000)).offer(64, 0)).toBe(0);
  });

  test('a packet that is longer than the burst is like any other', () => {
    expect(new Bed(spec(0.05, 400_000)).offer(20_001, 0)).toBe(0);
  });
});

describe('half of a leaf', () => {
  test('of its bytes or of its packets', () => {
    expect(new Bed(spec(1, 400_000, { limitBytes: 10_000 })).offer(1000, 0, UP, true)).toBe(5);
    expect(new Bed(spec(1, 400_000, { limitPackets: 15 })).offer(1000, 0, UP, true)).toBe(7);
  });

  test('one packet is exempt in the smallest leaf', () => {
    expect(new Bed(spec(1, 400_000, { limitPackets: 1 })).offer(1000, 0, UP, true)).toBe(1);
    expect(new Bed(spec(1, 400_000, { limitBytes: 1000 })).offer(1500, 0, UP, true)).toBe(1);
  });

  test('a packet for which the leaf has no room takes no tokens', () => {
    const bed = new Bed(spec(1, 40_000, { limitBytes: 10_000 }));
    expect(bed.offer(1000, 0, UP, true)).toBe(5);
    expect(bed.offer(1000, 0)).toBe(0);
    bed.change(spec(1, 40_000), 0);
    expect(bed.offer(1000, 0)).toBe(35);
  });
});

describe('a change', () => {
  test('of another kind keeps the tokens', () => {
    const bed = new Bed(spec(0.05, 400_000));
    bed.offer(1000, 0);
    bed.change(spec(0.05, 400_000, { limitPackets: 100 }), 100 * MS);
    expect(bed.offer(1000, 100 * MS)).toBe(2);
  });

  test('of the share cuts tokens and gives none', () => {
    const bed = new Bed(spec(0.05, 400_000));
    bed.change(spec(0.02, 400_000), 0);
    bed.change(spec(0.05, 400_000), 0);
    expect(bed.offer(1000, 0)).toBe(8);
  });

  test('from nothing to a share starts full, and back to nothing ends it', () => {
    const bed = new Bed(spec(0, 400_000));
    bed.change(spec(0.05, 400_000), SECOND);
    expect(bed.offer(1000, SECOND)).toBe(20);
    bed.change(spec(0, 400_000), 2 * SECOND);
    expect(bed.offer(64, 2 * SECOND)).toBe(0);
  });
});
