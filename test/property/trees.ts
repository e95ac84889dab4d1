/** Random trees of classes, for tests of changes. */
import fc from 'fast-check';
import { type ClassInput, type EachInput, MS, type TreeInput } from '../sim/world.ts';

/** Ports by which packets are told apart. */
export const PORTS = 5;
export const BURSTS = [1000, 1500, 6000];
const RATES = [4000, 20_000, 100_000];

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const rate = fc.constantFrom(...RATES);
const burst = fc.constantFrom(...BURSTS);
const each: fc.Arbitrary<EachInput> = fc.record({
  by: fc.constantFrom('flow', 'src', 'dst'),
  rateBytesPerSec: fc.constantFrom(1000, 10_000, 100_000),
  burstBytes: burst,
  exceed: fc.constantFrom('delay', 'delay', 'drop'),
});
const queue: fc.Arbitrary<NonNullable<ClassInput['queue']>> = fc.record({
  discipline: fc.constantFrom('fair', 'fair', 'fifo', 'short-first'),
  isolation: fc.constantFrom('flow', 'dual-src', 'src', 'triple'),
  aqm: fc.constantFrom(
    { kind: 'none' },
    { kind: 'none' },
    { kind: 'codel', codel: { targetNs: 5 * MS, intervalNs: 100 * MS } },
  ),
  shortBytes: fc.constantFrom(1000, 5000),
});
const common = {
  ceil: maybe(rate),
  burst,
  rate: maybe(fc.constant(1000)),
  priority: fc.nat(2),
  weight: fc.integer({ min: 1, max: 3 }),
  each: maybe(each),
};
const leafParts = fc.record({ ...common, queue, limitPackets: maybe(fc.constantFrom(4, 20)) });

/** Drops undefined members, which the builder takes as given. */
function given<T extends object>(parts: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as never;
}

const leaf = (name: string): fc.Arbitrary<ClassInput> =>
  fc.tuple(fc.nat(PORTS - 1), fc.nat(PORTS - 1), leafParts).map(
    ([from, to, parts]) =>
      ({
        name,
        match: [{ dport: [{ from: Math.min(from, to), to: Math.max(from, to) }] }],
        ...given(parts),
      }) as ClassInput,
  );
const inner = (name: string): fc.Arbitrary<ClassInput> =>
  fc
    .tuple(
      leaf(name),
      fc.subarray(['x', 'y']).chain((names) => fc.tuple(...names.map(leaf))),
    )
    .map(([self, classes]) => ({ ...self, classes }));
const node = (name: string): fc.Arbitrary<ClassInput> => fc.oneof(leaf(name), inner(name));
export const tree: fc.Arbitrary<TreeInput> = fc
  .tuple(
    rate,
    burst,
    fc
      .shuffledSubarray(['a', 'b', 'c', 'x'], { minLength: 0 })
      .chain((names) => fc.tuple(...names.map(node))),
    leafParts,
  )
  .map(
    ([r, b, classes, last]) =>
      ({ rate: r, burst: b, leaves: [...classes, { name: 'default', ...given(last) }] }) as TreeInput,
  );

/** The same without anything that drops. */
export function calm<T>(links: T): T {
  const text = JSON.stringify(links, (key, value) => {
    if (key === 'limitPackets') return undefined;
    if (key === 'aqm') return { kind: 'none' };
    return key === 'exceed' ? 'delay' : value;
  });
  return JSON.parse(text);
}
