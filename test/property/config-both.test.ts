/** `both` means what `up` and `down` mean that are written out from it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { runs } from '../effort.ts';

const SEED = Number(process.env.SEED ?? 72);

type Tree = string | number | boolean | readonly Tree[] | { readonly [key: string]: Tree };
type Direction = 'up' | 'down';

/** The words of a matcher, by direction. */
const WORDS: Readonly<Record<Direction, Readonly<Record<string, string>>>> = {
  up: { inside: 'src', outside: 'dst', insidePort: 'sport', outsidePort: 'dport' },
  down: { inside: 'dst', outside: 'src', insidePort: 'dport', outsidePort: 'sport' },
};

/** The slow twin: the part of one direction, written out. */
function writtenOut(part: Tree, direction: Direction): Tree {
  if (Array.isArray(part)) return part.map((item: Tree) => writtenOut(item, direction));
  if (typeof part !== 'object') return part;
  const map = part as { readonly [key: string]: Tree };
  if ('up' in map) return map[direction]!;
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [WORDS[direction][key] ?? key, writtenOut(value, direction)]),
  );
}

const oneOf = fc.constantFrom;
const any = (values: Record<string, fc.Arbitrary<Tree>>): fc.Arbitrary<Tree> =>
  fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<Tree>;
/** A value, or one for each direction. */
const sided = (value: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc.oneof(value, fc.record({ up: value, down: value }) as fc.Arbitrary<Tree>);

const rate = sided(oneOf('1mbit', '2500kbit', '12mbit'));
const burst = sided(oneOf('3kB', '40ms', '1MB'));
const matcher = any({
  inside: oneOf<Tree>('10.0.9.0/24', ['10.1.0.0/16', '192.0.2.1']),
  outside: oneOf<Tree>('198.51.100.0/24', '203.0.113.7'),
  insidePort: oneOf<Tree>(22, [80, '90-99']),
  outsidePort: sided(oneOf<Tree>(443, '5060-5090')),
  host: oneOf<Tree>('10.0.0.0/8'),
  dscp: sided(oneOf<Tree>('ef', ['af11', 0])),
  proto: oneOf<Tree>('tcp', 'udp'),
}).filter((entry) => Object.keys(entry as object).length > 0);
const queue = any({
  limit: sided(oneOf('200kB', '250p', '900ms')),
  aqm: oneOf<Tree>('pie', 'red', 'none').chain((name) =>
    fc.oneof(
      fc.constant(name),
      sided(oneOf('10ms', '20ms')).map((target): Tree => ({ codel: { target } })),
      sided(oneOf('30kB', '20p')).map((max): Tree => ({ red: { max } })),
    ),
  ),
});
const limits = {
  match: fc.oneof(matcher, fc.array(matcher, { minLength: 1, maxLength: 2 }) as fc.Arbitrary<Tree>),
  rate: sided(oneOf('100kbit', '3%', '9mbit')),
  ceil: sided(oneOf('10mbit', '80%', '50mbit')),
  priority: sided(fc.nat(7)),
  weight: oneOf<Tree>(0.5, 3),
  burst,
  police: any({ burst, rate, exceed: oneOf('drop', 'mark') }).map((police) => ({
    rate: '1mbit',
    ...(police as object),
  })),
  each: fc.record({ by: oneOf('flow', 'host', 'src'), rate }) as fc.Arbitrary<Tree>,
};
const leaf = any({ ...limits, queue });
const inner = fc.record({ classes: any({ x: leaf, y: leaf }), rate: oneOf('10mbit'), match: matcher });
const tree = fc.record({
  rate: sided(oneOf('20mbit', '100mbit', '60mbit')),
  classes: any({ a: leaf, b: inner as fc.Arbitrary<Tree>, c: leaf, default: any({ queue }) }),
});

const load = (halves: object) => {
  const text = JSON.stringify({ links: { w: { device: 'e', ...halves } } });
  try {
    return loadConfig(text, 'x.yaml');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error;
  }
};

it('both equals up and down written out from it: the same specification, or refused alike', () => {
  let good = 0;
  let bad = 0;
  fc.assert(
    fc.property(tree, (half) => {
      const both = load({ both: half });
      const written = load({ up: writtenOut(half, 'up'), down: writtenOut(half, 'down') });
      if (both instanceof ConfigError || written instanceof ConfigError) {
        bad += 1;
        expect(both).toBeInstanceOf(ConfigError);
        expect(written).toBeInstanceOf(ConfigError);
        const { problems } = both as ConfigError;
        // A problem of both directions is one.
        expect(problems.length).toBeLessThanOrEqual((written as ConfigError).problems.length);
        return;
      }
      good += 1;
      expect(both.spec).toEqual(written.spec);
      expect(both.warnings.length).toBeLessThanOrEqual(written.warnings.length);
    }),
    { seed: SEED, numRuns: runs(400) },
  );
  expect(Math.min(good, bad)).toBeGreaterThan(10);
});
