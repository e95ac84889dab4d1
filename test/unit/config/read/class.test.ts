import { describe, expect, it } from 'vitest';
import { CLASS_DEPTH_MAX, CLASSES_MAX } from '../../../../src/limits.ts';
import type { ClassSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, load, problemsOf, warningsOf, withClasses } from '../helpers.ts';

describe('rate and ceil', () => {
  it.each([
    ['ceil: 5mbit', 0, 625_000],
    ['ceil: 80%', 0, 2_000_000],
    ['ceil: 100%', 0, 2_500_000],
    ['ceil: 20mbit', 0, 2_500_000],
    ['rate: 5mbit, ceil: 5mbit', 625_000, 625_000],
    ['rate: 1mbit, ceil: 2mbit', 125_000, 250_000],
    ['rate: 25%, ceil: 5mbit', 625_000, 625_000],
    ['rate: 20mbit', 2_500_000, 2_500_000],
    ['rate: 1mbit', 125_000, 2_500_000],
    ['rate: 10%', 250_000, 2_500_000],
    ['', 0, 2_500_000],
  ])('{ %s }', (fields, rateBytesPerSec, ceilBytesPerSec) => {
    expect(classOf(fields)).toMatchObject({ rateBytesPerSec, ceilBytesPerSec });
  });

  it.each([
    ['ceil: 101%', 'above 0% up to 100%'],
    ['ceil: 0%', 'above 0% up to 100%'],
    ['ceil: 0.8', "'0.8' has no unit"],
    ['ceil: 20mbps', 'may mean bits or bytes'],
    ['ceil: 0.001%', 'ceil: this share of 20mbit is less than 1kbit'],
    ['rate: 0.001%', 'rate: this share of 20mbit is less than 1kbit'],
    ['rate: 0', 'has no unit'],
    ['rate: 21mbit, ceil: 21mbit', "rate: 21mbit is above the parent's 20mbit"],
    ['rate: 21mbit', "rate: 21mbit is above the parent's 20mbit"],
    ['rate: 5mbit, ceil: 4mbit', "rate: 5mbit is above the class's own ceil, 4mbit"],
    ['rate: 50%, ceil: 40%', "rate: 10mbit is above the class's own ceil, 8mbit"],
  ])('{ %s } is refused, with one message', (fields, message) => {
    const problems = classProblems(fields);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  it("a ceil above the parent's is kept and warned about: the parent's applies too", () => {
    const text = withClasses('c: { match: { dport: 1 }, ceil: 21mbit }');
    expect(load(text).spec.links[0]!.up!.children[0]!.ceilBytesPerSec).toBe(2_625_000);
    expect(warningsOf(text)).toEqual(["1:95 ceil: 21mbit is above the parent's 20mbit, which applies too"]);
    expect(warningsOf(withClasses('c: { match: { dport: 1 }, ceil: 20mbit }'))).toEqual([]);
  });

  it('a rate or ceil that cannot be read does not draw other messages', () => {
    expect(classProblems('rate: 1mbit, ceil: 2')).toHaveLength(1);
    expect(classProblems('ceil: 2, classes: { a: { rate: 1mbit } }')).toHaveLength(1);
    expect(classProblems('rate: 1mbit, ceil: 2, classes: { a: { rate: 50% } }')).toHaveLength(1);
    expect(classProblems('rate: 2, classes: { a: { rate: 1mbit } }')).toHaveLength(1);
    expect(classProblems('rate: 21mbit, classes: { a: { rate: 1mbit } }')).toHaveLength(1);
  });

  it('a direction without a rate does not draw messages about what depends on it', () => {
    const classes =
      'a: { rate: 50%, ceil: 50%, queue: { limit: 50ms, aqm: { red: { min: 5ms } } } }, b: { ceil: 1mbit, rate: 60% }, ' +
      'c: { queue: { aqm: wred } }, d: { queue: { aqm: { codel: { target: 1ms } } } }, e: { burst: 1ms, rate: 1mbit }';
    const text = `links: { w: { device: e, up: { classes: { ${classes} } } } }`;
    expect(problemsOf(text)).toEqual(['1:30 w/up has no rate']);
  });
});

describe('priority and weight', () => {
  it.each([
    ['', 3, 1],
    ['priority: 0', 0, 1],
    ['priority: 7', 7, 1],
    ['weight: 2', 3, 2],
    ['weight: 0.1', 3, 0.1],
    ['weight: 1000, priority: 1', 1, 1000],
  ])('{ %s }', (fields, priority, weight) => {
    expect(classOf(fields)).toMatchObject({ priority, weight });
  });

  it.each([
    ['priority: 8', 'from 0 to 7'],
    ['priority: -1', 'from 0 to 7'],
    ['priority: high', 'from 0 to 7'],
    ['weight: 0', 'is not a number from 0.1 to 1000'],
    ['weight: -1', 'is not a number from 0.1 to 1000'],
    ['weight: 1001', 'is not a number from 0.1 to 1000'],
    ['weight: .inf', 'is not a number from 0.1 to 1000'],
    ['weight: heavy', 'is not a number from 0.1 to 1000'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join()).toContain(message);
  });

  it('belong to classes', () => {
    const text = 'links: { w: { device: e, up: { rate: 1mbit, priority: 1, weight: 2 } } }';
    expect(problemsOf(text)).toHaveLength(2);
  });
});

describe('guarantees', () => {
  it('together fit into the rate of the direction; the class that breaks it is named by its place', () => {
    const two = 'a: { match: { dport: 1 }, rate: 50% }, b: { match: { dport: 2 }, rate: 50% }';
    expect(problemsOf(withClasses(two))).toEqual([]);
    expect(problemsOf(withClasses(`${two}, c: { match: { dport: 3 }, rate: 1kbit }, default: {}`))).toEqual([
      '1:141 the rates of wan/up sum to more than its 20mbit from this class on; they need 20.001mbit of it',
    ]);
  });

  it('the guaranteed rate of default counts too', () => {
    const text = withClasses('default: { rate: 11mbit }, a: { match: { dport: 1 }, rate: 10mbit }');
    expect(problemsOf(text).join()).toContain('they need 21mbit of it');
  });

  it('of an inner class: the sum is at most its rate, whatever its ceil', () => {
    const inner = (rate: string): string =>
      `rate: 4mbit, ceil: 10mbit, classes: { a: { match: { dport: 1 }, rate: 3mbit }, b: { rate: ${rate} } }`;
    expect(classProblems(inner('1mbit'))).toEqual([]);
    expect(classProblems(inner('1.1mbit'))).toEqual([
      'the rates of wan/up/c sum to more than its 4mbit from this class on; they need 4.1mbit of it',
    ]);
  });

  it('of an inner class without a rate: the sum of those inside, at most its ceil', () => {
    const rateOf = (fields: string): number => classOf(fields).rateBytesPerSec;
    const two = (rate: string): string =>
      `classes: { a: { rate: 1mbit, match: { dport: 1 } }, b: { rate: ${rate} } }`;
    expect(rateOf('ceil: 10mbit, classes: { a: { match: { dport: 1 } } }')).toBe(0);
    expect(rateOf(two('2mbit'))).toBe(375_000);
    expect(rateOf(`classes: { x: { match: { dport: 1 }, ${two('2mbit')} }, y: { rate: 1mbit } }`)).toBe(
      500_000,
    );
    expect(rateOf(`rate: 5mbit, ${two('2mbit')}`)).toBe(625_000);
    expect(rateOf(`ceil: 3mbit, ${two('2mbit')}`)).toBe(375_000);
    expect(classProblems(`ceil: 3mbit, ${two('2.1mbit')}`)).toEqual([
      'the rates of wan/up/c sum to more than its 3mbit from this class on; they need 3.1mbit of it',
    ]);
  });

  it('that come of the classes inside count in the class around', () => {
    const inner = (n: number): string =>
      `c${n}: { match: { dport: ${n} }, classes: { a: { rate: 11mbit } } }`;
    expect(problemsOf(withClasses(`${inner(1)}, ${inner(2)}`))).toEqual([
      expect.stringContaining('the rates of wan/up sum to more than its 20mbit'),
    ]);
  });

  it('shares of the ceil count as what they are', () => {
    expect(classProblems('rate: 5mbit, ceil: 10mbit, classes: { a: { rate: 50% } }')).toEqual([]);
    expect(classProblems('rate: 5mbit, ceil: 10mbit, classes: { a: { rate: 51% } }').join()).toContain('sum');
  });

  it('the noise of binary digits is no excess', () => {
    const rates = ['33.3%', '33.3%', '33.3%', '0.1%'];
    const classes = rates.map((rate, i) => `c${i}: { match: { dport: ${i + 1} }, rate: ${rate} }`);
    for (const rate of ['1mbit', '7.7mbit', '33.333mbit', '1gbit']) {
      expect(problemsOf(withClasses(classes.join()).replace('20mbit', rate))).toEqual([]);
    }
  });
});

const names = (parent: ClassSpec): string[] => parent.children.map((child) => child.name);
const upOf = (classes: string): ClassSpec => load(withClasses(classes)).spec.links[0]!.up!;

describe('classes in classes', () => {
  it('an inner class has no queue and a default of its own, and hands its ceil down', () => {
    const guests = classOf(
      'ceil: 10mbit, classes: { web: { match: { dport: 80 } }, mail: { match: { dport: 25 } } }',
    );
    expect(guests.queue).toBeNull();
    expect(names(guests)).toEqual(['web', 'mail', 'default']);
    expect(guests.children.map((child) => child.path)).toEqual([
      'wan/up/c/web',
      'wan/up/c/mail',
      'wan/up/c/default',
    ]);
    for (const child of guests.children) {
      expect(child).toMatchObject({ rateBytesPerSec: 0, ceilBytesPerSec: 1_250_000, priority: 3, weight: 1 });
      expect(child.queue).toMatchObject({ discipline: 'fair', isolation: 'dual-src', limitBytes: 125_000 });
    }
  });

  it("shares are of the parent's ceil at every depth", () => {
    const a = classOf('ceil: 50%, classes: { b: { ceil: 50%, classes: { d: { ceil: 10% } } } }');
    const d = a.children[0]!.children[0]!;
    expect(d).toMatchObject({ path: 'wan/up/c/b/d', ceilBytesPerSec: 62_500 });
  });

  it('take police and each, and may be default', () => {
    const up = upOf(
      'default: { police: { rate: 5mbit }, each: { by: host, rate: 1mbit }, classes: { default: { ceil: 1mbit } } }',
    );
    expect(names(up)).toEqual(['default']);
    expect(up.children[0]).toMatchObject({
      police: { rateBytesPerSec: 625_000 },
      each: { by: 'host' },
      queue: null,
    });
    expect(up.children[0]!.children[0]).toMatchObject({
      path: 'wan/up/default/default',
      ceilBytesPerSec: 125_000,
    });
  });

  it('an inner class may hold nothing but its default', () => {
    expect(names(classOf('classes: {}'))).toEqual(['default']);
  });

  it('a queue there is an error', () => {
    expect(classProblems('queue: { limit: 100p }, classes: { a: {} }')).toEqual([
      'queue: packets of c wait in its classes; write classes: { default: { queue: … } }',
    ]);
  });

  it.each([
    ['classes:', 'classes has no value; it takes: map of name to class'],
    ['classes: [a]', 'classes must be a map'],
    ['classes: { A: {} }', "'A' is not a name for a class"],
    ['classes: { a: { weigth: 2 } }', "unknown key 'weigth' in class a; did you mean 'weight'?"],
    ['classes: { a: { rate: 21mbit } }', "rate: 21mbit is above the parent's 20mbit"],
    ['ceil: 1mbit, rate: 1mbit, classes: { a: { rate: 2mbit } }', "rate: 2mbit is above the parent's 1mbit"],
    ['classes: { default: { match: { dport: 1 } } }', 'it has no match of its own'],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });

  it('faults at every depth are told at once, each at its place', () => {
    const text = [
      'links:',
      '  wan:',
      '    device: eth0',
      '    up:',
      '      rate: 20mbit',
      '      classes:',
      '        a:',
      '          rate: 1mbit',
      '          queue: {}', // 9:18
      '          classes:',
      '            b: { rate: 2mbit, priority: 9 }', // 11:13, 11:41
      '            c: { classes: { d: { weight: 0 } } }', // 12:42
    ].join('\n');
    expect(problemsOf(text).map((line) => line.split(' ')[0])).toEqual(['9:18', '11:13', '11:41', '12:42']);
  });
});

describe('depth and number', () => {
  const nested = (depth: number): string =>
    withClasses(`${'a: { classes: { '.repeat(depth - 1)}a: {} ${'} }'.repeat(depth - 1)}`);

  it('as deep as a file asks, up to the bound', () => {
    let spec = load(nested(CLASS_DEPTH_MAX)).spec.links[0]!.up!;
    let depth = 0;
    while (spec.children.length > 0) {
      spec = spec.children[0]!;
      depth++;
    }
    expect(depth).toBe(CLASS_DEPTH_MAX);
    const problems = problemsOf(nested(CLASS_DEPTH_MAX + 1));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`more than ${CLASS_DEPTH_MAX} deep`);
  });

  it('a class that contains itself by an alias ends at the bound', () => {
    expect(problemsOf(withClasses('a: &a { classes: { b: *a } }')).join()).toContain('deep');
    const many = problemsOf(withClasses('a: &a { classes: { b: *a, c: *a, d: *a } }'));
    expect(many.join()).toContain('aliases repeat');
    expect(many.length).toBeLessThan(5);
  });

  it('brackets without end are refused, not followed', () => {
    expect(problemsOf(`a: ${'{ a: '.repeat(50_000)}`).join()).toContain('not well-formed');
    const block = Array.from({ length: 3000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n');
    expect(problemsOf(block).length).toBeGreaterThan(0);
  });

  it('more classes than fit are counted over all depths', () => {
    const leaves = Array.from({ length: 63 }, (_, n) => `c${n}:`).join(', ');
    const inner = Array.from(
      { length: 63 },
      (_, n) => `i${n}: { match: { dport: ${n} }, classes: { ${leaves} } }`,
    );
    // The root, 63 inner classes and the default; in each inner class 63 leaves and a default.
    const count = 1 + 63 + 1 + 63 * 64;
    expect(count).toBe(CLASSES_MAX + 1);
    expect(problemsOf(withClasses(inner.join(', '))).join()).toContain(`${count} classes are more than`);
    expect(problemsOf(withClasses(inner.slice(1).join(', ')))).toEqual([]);
  });
});

describe('default', () => {
  it('exists unasked, is last, and may be configured anywhere', () => {
    expect(names(upOf('a: { ceil: 1mbit, match: { dport: 1 } }'))).toEqual(['a', 'default']);
    const configured = upOf(
      'default: { ceil: 1mbit }, a: { match: { dport: 1 } }, b: { match: { dport: 2 } }',
    );
    expect(names(configured)).toEqual(['a', 'b', 'default']);
    expect(configured.children[2]).toMatchObject({
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
    expect(names(upOf('a: , default:'))).toEqual(['a', 'default']);
    expect(names(upOf('a: {}'))).toEqual(['a', 'default']);
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

  it('also inside a class', () => {
    const inside = 'x: { match: { dport: 1 }, classes: { a: {}, b: {} } }';
    expect(warningsOf(withClasses(inside)).join()).toContain('class b gets no packets: a before it');
  });
});
