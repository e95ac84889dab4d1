/** Directions without a limit: what they mean in the specification, and what cannot be said in them. */
import { describe, expect, it } from 'vitest';
import { UNLIMITED_BYTES_PER_SEC } from '../../../../src/base/units.ts';
import { classTree } from '../../../../src/cli/class-tree.ts';
import { writeLink } from '../../../../src/config/write/links.ts';
import { letsSuperpacketsPass } from '../../../../src/spec/queue-plan.ts';
import { load, problemsOf, warningsOf } from '../helpers.ts';

const link = (up: string): string => `links: { w: { device: e, up: ${up} } }`;
const inside = (classes: string, more = ''): string =>
  link(`{ rate: unlimited, ${more} classes: { ${classes} } }`);
const rootOf = (text: string) => load(text).spec.links[0]!.up!;
const problems = (text: string): string[] => problemsOf(text).map((line) => line.replace(/^\d+:\d+ /, ''));

describe('an unlimited direction', () => {
  it('in its short and its long form, and for one direction of both', () => {
    const long = link('{ rate: unlimited, ceil: unlimited }');
    expect(rootOf(link('unlimited'))).toEqual(rootOf(long));
    expect(rootOf(long)).toMatchObject({ rateBytesPerSec: UNLIMITED_BYTES_PER_SEC, ceilBytesPerSec: 1e15 });
    const { up, down } = load('links: { w: { device: e, both: { rate: { up: unlimited, down: 9mbit } } } }')
      .spec.links[0]!;
    expect([up!.rateBytesPerSec, down!.rateBytesPerSec]).toEqual([1e15, 1_125_000]);
    expect(load('links: { w: { device: e, both: unlimited } }').spec.links[0]!.down).toMatchObject({
      ceilBytesPerSec: 1e15,
    });
  });

  it('has room for what buckets hold back, and takes superpackets whole', () => {
    const [leaf] = rootOf(link('unlimited')).children;
    expect(leaf).toMatchObject({
      rateBytesPerSec: 0,
      ceilBytesPerSec: 1e15,
      queue: { limitBytes: 125_000_000, aqm: { codel: { targetNs: 5e6 } } },
    });
    expect(letsSuperpacketsPass(leaf!)).toBe(true);
  });

  it('classes have rates and ceilings of their own; a burst is that of the rate', () => {
    const text = inside(
      'a: { match: { port: 1 }, rate: 1mbit, burst: 20kB }, b: { match: { port: 2 }, ceil: 8mbit, classes: { c: { ceil: 50% } } }',
    );
    const [a, b] = rootOf(text).children;
    expect(a).toMatchObject({ rateBytesPerSec: 125_000, rateBurstBytes: 20_000, ceilBytesPerSec: 1e15 });
    expect(a!.burstBytes).toBe(1e12);
    expect(b).toMatchObject({ ceilBytesPerSec: 1e6, children: [{ ceilBytesPerSec: 500_000 }, {}] });
    expect(warningsOf(text)).toEqual([]);
    expect(writeLink(load(text).spec.links[0]!, 'chosen').up).toMatchObject({
      rate: 'unlimited',
      classes: { a: { rate: '1mbit', burst: '20kB' }, b: { ceil: '8mbit' } },
    });
  });

  it('is shown as such', () => {
    expect(
      classTree(load(link('unlimited')).spec)
        .split('\n')
        .slice(0, 3),
    ).toEqual([
      '  w/up on e: rate unlimited',
      '    default: priority 3, weight 1',
      '      queue: discipline fair, isolation dual-src, limit 125MB, ackFilter false',
    ]);
    expect(writeLink(load(link('unlimited')).spec.links[0]!, 'chosen').up).toBe('unlimited');
  });

  it.each([
    [inside('a: { ceil: 80% }'), 'ceil: w/up is unlimited, which has no share; write a rate (20mbit)'],
    [inside('a: { rate: 10% }'), 'rate: w/up is unlimited, which has no share; write a rate (20mbit)'],
    [
      inside('a: { queue: { limit: 50ms } }'),
      '50ms is no size where the rate is unlimited, as in w/up/a; write bytes (60kB), or give the class a ceil',
    ],
    [
      inside('a: { queue: { limit: 90kB, aqm: { red: { max: 20ms } } } }'),
      expect.stringMatching(/^20ms is no size where the rate is unlimited/),
    ],
    [inside('a: { burst: 20ms }'), expect.stringMatching(/^20ms is no size where the rate is unlimited/)],
    [inside('', 'burst: 20kB,'), 'burst: w/up is unlimited; leave burst out'],
    [
      inside('a: { tcp: { pace: true } }'),
      'tcp.pace: w/up/a is unlimited, and there is no rate to share; give it a ceil',
    ],
    [
      inside('', 'tcp: { pace: true },'),
      'tcp.pace: w/up is unlimited, and there is no rate to share; give it a ceil',
    ],
    [
      inside('a: { match: { port: 1 } }, b: { adjust: true }'),
      'adjust: b is unlimited, and there is no ceil to lend; give it a ceil',
    ],
    [
      inside('a: { ceil: unlimited }'),
      'ceil: only a direction is unlimited; a class without this key has what is around it',
    ],
    [
      link('{ rate: 9mbit, ceil: unlimited }'),
      'ceil: a direction has nothing to borrow from; it must equal the rate, 9mbit',
    ],
    [
      inside('a: { each: { by: host, rate: unlimited } }'),
      expect.stringMatching(/^rate: 'unlimited' is not a rate/),
    ],
  ])('%s', (text, said) => expect(problems(text)).toEqual([said]));

  it('an unknown rate is no unlimited one: it is reported once', () => {
    expect(problems(link('{ rate: x, classes: { a: { ceil: 80%, queue: { limit: 50ms } } } }'))).toHaveLength(
      1,
    );
  });
});
