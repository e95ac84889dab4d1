/**
 * Guarantees, borrowing, priorities, weights and ceilings in the whole world: who gets what of 20 Mbit/s, to
 * the packet.
 */
import { describe, expect, test } from 'vitest';
import { runTraffic } from '../../src/sim/simulation.ts';
import { config } from './experiments.ts';
import { MS, mean, tcp, traffic, udp } from './net.ts';

const PORTS = { voice: 1, work: 2, web: 3, mail: 4, bulk: 5, other: 6 } as const;
type Leaf = keyof typeof PORTS;

const SPEC = config(`
  links:
    wan:
      device: w
      up:
        rate: 20mbit
        classes:
          voice:  { rate: 1mbit, priority: 0, ceil: 12mbit, match: { dport: 1 } }
          work:   { rate: 10mbit, weight: 2, match: { dport: 2 } }
          guests:
            rate: 2mbit
            ceil: 10mbit
            match: { dport: [3, 4] }
            classes:
              web:  { rate: 1mbit, weight: 3, match: { dport: 3 } }
              mail: { ceil: 30%, match: { dport: 4 } }
          bulk:   { ceil: 80%, match: { dport: 5 } }
          default: { priority: 7 }
      down: 1gbit`);
const PATHS: Readonly<Record<Leaf, string>> = {
  voice: 'wan/up/voice',
  work: 'wan/up/work',
  web: 'wan/up/guests/web',
  mail: 'wan/up/guests/mail',
  bulk: 'wan/up/bulk',
  other: 'wan/up/default',
};

/** Mbit/s that a leaf asks for; Infinity: more than there is. */
type Demands = Partial<Record<Leaf, number>>;

/** Mbit/s of each leaf that asks, over ten seconds after two. */
function shares(demands: Demands, kind: 'udp' | 'tcp'): Record<string, number> {
  const flows = Object.entries(demands).flatMap(([leaf, mbit]) => {
    const dport = PORTS[leaf as Leaf];
    if (kind === 'tcp') {
      const names = [1, 2].map((n) => `${leaf} ${10 * dport + n}`);
      return names.map((name, n) => tcp(name, (20 + n) * MS, { dport, startNs: (dport + 7 * n) * 9 * MS }));
    }
    return [{ ...udp(leaf, Math.min(mbit, 21) * 125_000, 1000), dport, startNs: dport * 13_000 }];
  });
  const { series } = runTraffic(SPEC, traffic(12, flows), 'tree', 1, { samples: 12 });
  return Object.fromEntries(
    Object.keys(demands).map((leaf) => {
      const own = series.classes.find(({ path }) => path === PATHS[leaf as Leaf])!;
      return [leaf, mean(own.throughputBitsPerSecond, 2) / 1e6];
    }),
  );
}

const ALL = Number.POSITIVE_INFINITY;
const CASES: readonly [string, Demands, Demands][] = [
  ['alone, a leaf has its ceiling', { mail: ALL }, { mail: 3 }],
  [
    'an inner ceiling bounds its children; above the guarantee of web they share 3 to 1',
    { web: ALL, mail: ALL },
    { web: 7.75, mail: 2.25 },
  ],
  ['a share of the parent is a ceiling', { bulk: ALL }, { bulk: 16 }],
  ['what nobody else asks for is borrowed whole', { work: ALL }, { work: 20 }],
  [
    'guarantees first; of the rest the lowest number takes what it may, then nobody else is left with any',
    { voice: ALL, work: ALL, web: ALL, bulk: ALL },
    { voice: 8, work: 10, web: 2, bulk: 0 },
  ],
  [
    'equals share what is left by weight',
    { work: ALL, web: ALL, bulk: ALL },
    // 8 are left: 2 to 1 to 1.
    { work: 14, web: 4, bulk: 2 },
  ],
  [
    'a small demand of the first priority is met, the rest is shared',
    { voice: 0.8, work: ALL, web: ALL, bulk: ALL, other: ALL },
    { voice: 0.8, work: 13.6, web: 3.8, bulk: 1.8, other: 0 },
  ],
  [
    'the last priority has what all others leave',
    { voice: 2, work: 4, other: ALL },
    { voice: 2, work: 4, other: 14 },
  ],
  [
    'a ceiling that is reached leaves the rest to the others',
    { voice: ALL, work: 3, other: ALL },
    { voice: 12, work: 3, other: 5 },
  ],
];

describe('datagrams', () => {
  test.each(CASES)('%s', (_, demands, wanted) => {
    for (const [leaf, mbit] of Object.entries(shares(demands, 'udp'))) {
      // Ten seconds; a handful of packets of 1000 B are on one or the other side of its ends.
      expect(Math.abs(mbit - (wanted[leaf as Leaf] ?? Number.NaN)), `${leaf}: ${mbit}`).toBeLessThan(0.02);
    }
  });
});

describe('TCP', () => {
  const endless = CASES.filter(([, demands]) => Object.values(demands).every((mbit) => mbit === ALL));

  test.each(endless)('%s', (_, demands, wanted) => {
    for (const [leaf, mbit] of Object.entries(shares(demands, 'tcp'))) {
      const want = wanted[leaf as Leaf] ?? Number.NaN;
      expect(Math.abs(mbit - want), `${leaf}: ${mbit}`).toBeLessThan(0.02 * want + 0.1);
    }
  });
});
