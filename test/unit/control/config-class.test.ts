import { describe, expect, it } from 'vitest';
import { classOf, classProblems, load, problemsOf, warningsOf, withClasses } from './helpers.ts';

const LATER = 'comes with a later version';

describe('rate and ceil', () => {
  it.each([
    ['ceil: 5mbit', 0, 625_000],
    ['ceil: 80%', 0, 2_000_000],
    ['ceil: 100%', 0, 2_500_000],
    ['ceil: 20mbit', 0, 2_500_000],
    ['rate: 5mbit, ceil: 5mbit', 625_000, 625_000],
    ['rate: 25%, ceil: 5mbit', 625_000, 625_000],
    ['rate: 20mbit', 2_500_000, 2_500_000],
    ['', 0, 2_500_000],
  ])('{ %s }', (fields, rateBytesPerSec, ceilBytesPerSec) => {
    expect(classOf(fields)).toMatchObject({ rateBytesPerSec, ceilBytesPerSec });
  });

  it.each([
    ['ceil: 21mbit', "ceil: 21mbit is above the parent's 20mbit"],
    ['ceil: 101%', 'above 0% up to 100%'],
    ['ceil: 0%', 'above 0% up to 100%'],
    ['ceil: 0.8', "'0.8' has no unit"],
    ['ceil: 20mbps', 'may mean bits or bytes'],
    ['rate: 21mbit, ceil: 21mbit', "rate: 21mbit is above the parent's 20mbit"],
    ['rate: 1mbit', `borrowing ${LATER}; write ceil: 1mbit for a limit`],
    ['rate: 10%', `borrowing ${LATER}; write ceil: 10% for a limit`],
    ['rate: 1mbit, ceil: 2mbit', `borrowing ${LATER}; make them equal or leave rate out`],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });

  it('a ceil that cannot be read does not draw other messages', () => {
    expect(classProblems('rate: 1mbit, ceil: 2')).toHaveLength(1);
  });

  it('a direction without a rate does not draw messages about shares and sums', () => {
    const text = 'links: { w: { device: e, up: { classes: { a: { ceil: 50%, queue: { limit: 50ms } } } } } }';
    expect(problemsOf(text)).toEqual(['1:30 w/up has no rate']);
  });

  it('the rates together must fit into the parent, and the class that breaks it is named by its place', () => {
    const three =
      'a: { match: { dport: 1 }, rate: 50%, ceil: 50% }, b: { match: { dport: 2 }, rate: 50%, ceil: 50% }';
    expect(problemsOf(withClasses(three))).toEqual([]);
    const problems = problemsOf(
      withClasses(`${three}, c: { match: { dport: 3 }, rate: 1kbit, ceil: 1kbit }`),
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('the rates of wan/up sum to more than its 20mbit from this class on');
  });
});

describe('what comes later is refused, and what is done anyway accepted', () => {
  it.each([
    ['priority: 0', LATER],
    ['weight: 2', LATER],
    ['classes: { web: {} }', LATER],
    ['classes: {}', LATER],
    ['police: { rate: 1mbit, exceed: mark }', LATER],
    ['queue: { discipline: fair }', LATER],
    ['queue: { discipline: short-first }', LATER],
    ['queue: { isolation: flow }', LATER],
    ['queue: { ackFilter: true }', LATER],
    ['queue: { aqm: codel }', LATER],
    ['queue: { aqm: pie }', LATER],
    ['queue: { aqm: { codel: {} } }', LATER],
    ['queue: { aqm: { pie: { target: 15ms } } }', LATER],
    ['queue: { aqm: { wred: {} } }', LATER],
    ['queue: { aqm: { red: { ecn: true } } }', LATER],
  ])('{ %s }', (fields, message) => {
    const problems = classProblems(fields);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  it.each([
    'priority: 3',
    'weight: 1',
    'queue: { discipline: fifo }',
    'queue: { ackFilter: false }',
    'queue: { aqm: none }',
    'queue: { aqm: { red: { ecn: false } } }',
    'police: { rate: 1mbit, exceed: drop }',
  ])('{ %s } is fine', (fields) => {
    expect(classProblems(fields)).toEqual([]);
  });
});

describe('default', () => {
  const names = (text: string): string[] => load(text).spec.links[0]!.up!.children.map((c) => c.name);

  it('exists unasked, is last, and may be configured anywhere', () => {
    expect(names(withClasses('a: { ceil: 1mbit, match: { dport: 1 } }'))).toEqual(['a', 'default']);
    const configured = withClasses(
      'default: { ceil: 1mbit }, a: { match: { dport: 1 } }, b: { match: { dport: 2 } }',
    );
    expect(names(configured)).toEqual(['a', 'b', 'default']);
    expect(load(configured).spec.links[0]!.up!.children[2]).toMatchObject({
      path: 'wan/up/default',
      ceilBytesPerSec: 125_000,
      match: null,
    });
  });

  it('has no match', () => {
    expect(problemsOf(withClasses('default: { match: { dport: 1 } }')).join()).toContain(
      'has no match of its own',
    );
  });

  it('an empty class is a class', () => {
    expect(names(withClasses('a: , default:'))).toEqual(['a', 'default']);
    expect(names(withClasses('a: {}'))).toEqual(['a', 'default']);
  });
});

describe('classes that get nothing', () => {
  it('are warned about: a class without match takes all that reaches it', () => {
    expect(warningsOf(withClasses('a: {}, b: { match: { dport: 1 } }, default: {}'))).toEqual([
      '1:70 class b gets no packets: a before it has no match',
      '1:98 class default gets no packets: a before it has no match',
    ]);
    expect(warningsOf(withClasses('a: { match: { dport: 1 } }, b: {}'))).toEqual([]);
  });
});

describe('police and each', () => {
  it('read all fields', () => {
    expect(classOf('police: { rate: 64kbit, burst: 8kB, exceed: drop }').police).toEqual({
      rateBytesPerSec: 8000,
      burstBytes: 8000,
      exceed: 'drop',
    });
    expect(classOf('each: { by: dst, rate: 2mbit, burst: 10kB, exceed: delay }').each).toEqual({
      by: 'dst',
      rateBytesPerSec: 250_000,
      burstBytes: 10_000,
      exceed: 'delay',
    });
  });

  it.each(['flow', 'host', 'src', 'dst'])('each by %s', (by) => {
    expect(classOf(`each: { by: ${by}, rate: 1mbit }`).each).toMatchObject({ by });
  });

  it.each([
    ['police: {}', 'police needs rate'],
    ['police: { burst: 8kB }', 'police needs rate'],
    ['police: 1mbit', 'police must be a map'],
    ['police: { rate: 10% }', 'is not a rate'],
    ['police: { rate: 1mbit, exceed: delay }', 'is not one of: drop'],
    ['each: { by: host }', 'each needs rate'],
    ['each: { rate: 1mbit }', 'each needs by: flow, host, src, dst'],
    ['each: { by: mac, rate: 1mbit }', 'is not one of: flow, host, src, dst'],
    ['each: { by: host, rate: 1mbit, exceed: mark }', 'is not one of: delay, drop'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });
});

describe('bursts', () => {
  it.each([
    // Larger of 3028 B and 1 ms at the rate.
    ['ceil: 1mbit', 3028],
    ['ceil: 24.224mbit', 3028],
    ['burst: 5kB', 5000],
    ['burst: 4ms, ceil: 10mbit', 5000],
  ])('{ %s }: %d bytes', (fields, burstBytes) => {
    const rate = fields.includes('24.224') ? '100mbit' : '20mbit';
    const text = withClasses(`c: { ${fields} }`).replace('20mbit', rate);
    expect(load(text).spec.links[0]!.up!.children[0]!.burstBytes).toBe(burstBytes);
  });

  it('above 24.2 Mbit/s the default is 1 ms at the rate', () => {
    const up = load('links: { w: { device: e, up: 1gbit } }').spec.links[0]!.up!;
    expect(up.burstBytes).toBe(125_000);
    expect(up.children[0]!.burstBytes).toBe(125_000);
  });

  it('police, and each that drops: larger of 15 kB and 20 ms at their own rate', () => {
    expect(classOf('police: { rate: 1mbit }').police!.burstBytes).toBe(15_000);
    expect(classOf('police: { rate: 16mbit }').police!.burstBytes).toBe(40_000);
    expect(classOf('each: { by: host, rate: 16mbit, exceed: drop }').each!.burstBytes).toBe(40_000);
    expect(classOf('each: { by: host, rate: 16mbit }').each!.burstBytes).toBe(3028);
  });

  it("times mean the class's ceil, also in police", () => {
    expect(classOf('ceil: 8mbit, police: { rate: 64kbit, burst: 10ms }').police!.burstBytes).toBe(10_000);
  });

  it.each([
    ['burst: 1499B', '1499B is less than a full-sized packet, 1.5kB'],
    ['burst: 100us', '250B (at 20mbit) is less than'],
    ['burst: 5p', 'give bytes (15kB) or a time (20ms), not packets'],
    ['burst: 3000', 'has no unit'],
    ['police: { rate: 1mbit, burst: 1400B }', 'none would ever pass'],
    ['each: { by: host, rate: 1mbit, burst: 1400B }', 'none would ever pass'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });

  it('a full-sized packet with the overhead of the link must fit', () => {
    expect(classProblems('burst: 1500B')).toEqual([]);
    expect(classProblems('burst: 1500B', 'overhead: 20,').join()).toContain('1520B');
    expect(classProblems('burst: 1500B', 'overhead: -20,')).toEqual([]);
  });
});
