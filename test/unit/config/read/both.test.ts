/** `both`: one description of two directions. */
import { describe, expect, it } from 'vitest';
import { load, problemsOf, warningsOf } from '../helpers.ts';

const link = (body: string): string => `links: { wan: { device: eth0, ${body} } }`;
const both = (classes: string, rate = '20mbit'): string =>
  link(`both: { rate: ${rate}, classes: { ${classes} } }`);
const messages = (lines: string[]): string[] => lines.map((line) => line.replace(/^\d+:\d+ /, ''));

describe('both', () => {
  it('a rate alone is that of each direction', () => {
    const { up, down } = load(link('both: 20mbit')).spec.links[0]!;
    expect([up!.path, up!.rateBytesPerSec]).toEqual(['wan/up', 2_500_000]);
    expect([down!.path, down!.rateBytesPerSec]).toEqual(['wan/down', 2_500_000]);
    expect(up!.children[0]!.queue!.isolation).toBe('dual-src');
    expect(down!.children[0]!.queue!.isolation).toBe('dual-dst');
  });

  it('is the same as up and down written out', () => {
    const written =
      'up: { rate: 20mbit, classes: { g: { ceil: 5mbit, match: { src: 10.0.9.0/24, sport: 22, dst: 192.0.2.1, dport: 53 }, queue: { limit: 50kB } } } },' +
      ' down: { rate: 90mbit, classes: { g: { ceil: 18mbit, match: { dst: 10.0.9.0/24, dport: 22, src: 192.0.2.1, sport: 53 }, queue: { limit: 90ms } } } }';
    const short =
      'both: { rate: { up: 20mbit, down: 90mbit }, classes: { g: { ceil: { up: 5mbit, down: 20% },' +
      ' match: { inside: 10.0.9.0/24, insidePort: 22, outside: 192.0.2.1, outsidePort: 53 }, queue: { limit: { up: 50kB, down: 90ms } } } } }';
    expect(load(link(short)).spec).toEqual(load(link(written)).spec);
    expect(load(link(short)).warnings).toEqual([]);
  });

  it('the words of aqm and remark may differ as other values do', () => {
    const { up, down } = load(
      link(
        'both: { rate: 20mbit, classes: { g: { remark: { up: ef, down: cs1 },' +
          ' queue: { aqm: { up: none, down: { pie: { target: 9ms } } } } } } }',
      ),
    ).spec.links[0]!;
    const [outbound, inbound] = [up!.children[0]!, down!.children[0]!];
    expect([outbound.remark, inbound.remark]).toEqual([
      [46, 46, 46],
      [8, 8, 8],
    ]);
    expect([outbound.queue!.aqm.kind, inbound.queue!.aqm.kind]).toEqual(['none', 'pie']);
  });

  it('inside and outside serve up and down written out as well', () => {
    const words = 'up: { rate: 2mbit, classes: { g: { match: { inside: 10.0.9.0/24 } } } }';
    const plain = 'up: { rate: 2mbit, classes: { g: { match: { src: 10.0.9.0/24 } } } }';
    expect(load(link(words)).spec).toEqual(load(link(plain)).spec);
  });

  it('the words say the side, so no other is suspected', () => {
    const classes = 'lan: { match: { outside: 10.0.9.0/24 } }';
    expect(warningsOf(link(`down: { rate: 2mbit, classes: { ${classes} } }`))).toEqual([]);
  });
});

describe('problems of both', () => {
  it('one that both directions have is told once, at its place', () => {
    expect(problemsOf(both('g: { ciel: 5mbit, ceil: 7, match: { insied: 10.0.0.1 } }'))).toEqual([
      "1:69 unknown key 'ciel' in class g; did you mean 'ceil'?",
      expect.stringMatching(/^1:88 ceil: '7' has no unit/),
      "1:100 unknown key 'insied' in a matcher; did you mean 'inside'?",
    ]);
    expect(messages(problemsOf(link('both: { classes: {} }')))).toEqual(['wan/both has no rate']);
    expect(messages(problemsOf(link('both: 20')))).toEqual([
      expect.stringMatching(/^both: '20' has no unit/),
    ]);
  });

  it('one that only a direction has names it; values that differ are no second problem', () => {
    const rates = '{ up: 20mbit, down: 40mbit }';
    expect(messages(problemsOf(both('g: { rate: 30mbit }', rates)))).toEqual([
      "rate: 30mbit is above the parent's 20mbit (in up)",
    ]);
    expect(messages(problemsOf(both('g: { rate: 50mbit }', rates)))).toEqual([
      "rate: 50mbit is above the parent's 20mbit (in up, and likewise in down)",
    ]);
    const sums = both('a: { rate: 9mbit }, b: { rate: 9mbit }', '{ up: 20mbit, down: 10mbit }');
    expect(messages(problemsOf(sums))).toEqual([
      'the rates of wan/both sum to more than its 10mbit from this class on; they need 18mbit of it (in down)',
    ]);
  });

  it('warnings too', () => {
    expect(messages(warningsOf(both('all: {}, g: { match: { dscp: ef } }')))).toEqual([
      'class g gets no packets: all before it has no match',
    ]);
    const halves = both('a: { match: { proto: { up: udp, down: tcp } } }, b: { match: { proto: udp } }');
    expect(messages(warningsOf(halves))).toEqual([
      'class b gets no packets: a before it takes them all (in up)',
    ]);
  });

  it.each([
    ['{ up: 5mbit }', 'ceil has no value for down: { up: …, down: … }'],
    ['{ up: 5mbit, down: }', 'down has no value; it takes: a value'],
    ['{ up: 5mbit, down: 6mbit, dwn: 7mbit }', "unknown key 'dwn' in ceil; did you mean 'down'?"],
    ['{ up: 5mbit, down: { up: 1mbit, down: 2mbit } }', 'ceil must be a single value, not a map'],
    ['{ max: 5mbit }', 'ceil must be a single value, not a map'],
  ])('ceil: %s', (ceil, message) => {
    expect(messages(problemsOf(both(`g: { ceil: ${ceil} }`)))).toEqual([
      expect.stringMatching(new RegExp(`^${message.replaceAll(/[{}()?]/g, '\\$&')}`)),
    ]);
  });

  it('a map with values of its own has one for each direction in these', () => {
    const advice = (what: string): string[] =>
      ['up', 'down'].map(
        (key) =>
          `${key}: { up: …, down: … } stands for one value; give it to each value of ${what} that differs`,
      );
    expect(messages(problemsOf(both('g: { police: { up: {}, down: {}, rate: 1mbit } }')))).toEqual(
      advice('police'),
    );
    expect(messages(problemsOf(both('g: { match: { up: {}, down: {} } }')))).toEqual(advice('a matcher'));
    expect(messages(problemsOf(link('up: { rate: 2mbit, classes: { g: { match: { up: 1 } } } }')))).toEqual([
      expect.stringMatching(/^unknown key 'up' in a matcher; the nearest is/),
    ]);
  });

  it('a value for each direction belongs in both', () => {
    expect(messages(problemsOf(link('up: { rate: { up: 1mbit, down: 2mbit } }')))).toEqual([
      'rate: { up: …, down: … } belongs in both; here one direction is described',
    ]);
  });

  it('both beside up or down is one description too many', () => {
    for (const other of ['up: 1mbit', 'down: 1mbit']) {
      expect(messages(problemsOf(link(`both: 2mbit, ${other}`)))).toEqual([
        'both stands for up and down: a link has either both, or up and down',
      ]);
    }
    expect(messages(problemsOf('links: { wan: { device: eth0 } }'))).toEqual([
      'link wan shapes nothing: it needs up or down, or both of them in one: both',
    ]);
  });

  it('one side under two names is refused', () => {
    expect(messages(problemsOf(both('g: { match: { inside: 10.0.0.1, src: 10.0.0.2 } }')))).toEqual([
      'inside and src are the same side here; write one of them (in up)',
    ]);
    const port = 'down: { rate: 2mbit, classes: { g: { match: { outsidePort: 1, sport: 1 } } } }';
    expect(messages(problemsOf(link(port)))).toEqual([
      'outsidePort and sport are the same side here; write one of them',
    ]);
  });

  it('source and destination mean another side in each direction, which is doubtful', () => {
    const doubt = 'in both this is the inside of one direction and the outside of the other; write';
    expect(warningsOf(both('g: { match: { src: 10.0.9.0/24, dport: 443 } }'))).toEqual([
      `1:83 src: ${doubt} inside, outside or host`,
      `1:103 dport: ${doubt} insidePort, outsidePort or port`,
    ]);
  });
});
