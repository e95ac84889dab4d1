import { describe, expect, it } from 'vitest';
import type { LoadedConfig } from '../../../../src/config/config.ts';
import { ConfigDocument } from '../../../../src/config/edit/document.ts';
import { load, problemsOf, warningsOf, withClasses } from '../helpers.ts';

const messages = (classes: string): string[] =>
  warningsOf(withClasses(classes)).map((line) => line.replace(/^\d+:\d+ /, ''));
const PACE = 'tcp: { pace: true }';

describe('pacing that cannot do anything, or does harm, is warned about', () => {
  it.each([
    [
      `c: { match: { proto: udp }, ${PACE} }`,
      'no TCP comes to wan/up/c: the match of c asks for other protocols',
    ],
    [
      `c: { match: [{ proto: udp }, { proto: [gre, icmp] }], ${PACE} }`,
      'no TCP comes to wan/up/c: the match of c asks for other protocols',
    ],
    [
      `c: { match: { proto: udp }, classes: { x: { match: { dscp: ef }, ${PACE} } } }`,
      'no TCP comes to wan/up/c/x: the match of c asks for other protocols',
    ],
    [
      `c: { match: { dport: 25 }, ${PACE}, classes: { x: { match: { dscp: ef }, ${PACE} }, default: { ${PACE} } } }`,
      'every class of wan/up/c has its own, and the nearest one counts',
    ],
    [
      'c: { match: { dport: 25 }, ceil: 16kbit, tcp: { pace: { active: 2kB/s } } }',
      'no connection can be active: none moves more than 16kbit at a ceil of 16kbit',
    ],
    [
      `c: { match: { dport: 25 }, ceil: 48kbit, ${PACE} }`,
      'below 60kbit a queue stands: a connection has two segments under way, and acknowledgements wait 0.4 s at most',
    ],
    [
      `c: { match: { dport: 25 }, ceil: 2mbit, police: { rate: 1mbit }, ${PACE} }`,
      'police drops beyond 1mbit, and 2mbit is shared; write that rate as ceil',
    ],
    [
      `c: { match: { dport: 25 }, ceil: 2mbit, each: { by: flow, rate: 1mbit, exceed: drop }, ${PACE} }`,
      'each drops beyond 1mbit, and 2mbit is shared; write exceed: delay, or leave each out',
    ],
    [
      `c: { match: { dport: 25 }, police: { rate: 1mbit }, classes: { x: { match: { dscp: ef }, ceil: 2mbit, ${PACE} } } }`,
      'police drops beyond 1mbit, and 2mbit is shared in wan/up/c/x; write that rate as ceil',
    ],
    [
      `c: { match: { dport: 25 }, each: { by: src, rate: 1mbit, exceed: drop }, classes: { default: { ${PACE} } } }`,
      'each drops beyond 1mbit, and 20mbit is shared in wan/up/c/default; write exceed: delay, or leave each out',
    ],
    [
      `a: { match: { proto: tcp } }, default: { ${PACE} }`,
      'no TCP comes to class default: those before it take it all',
    ],
    [
      `a: { match: { proto: tcp } }, c: { match: { proto: udp }, ${PACE} }`,
      'no TCP comes to wan/up/c: the match of c asks for other protocols',
    ],
    [
      `a: { match: [{ proto: tcp, dport: 80 }, { dport: 443 }] }, b: { match: [{ dport: 80 }, { dport: 443, proto: [tcp, udp] }], ${PACE} }`,
      'no TCP comes to class b: those before it take it all',
    ],
  ])('%s', (classes, message) => {
    expect(messages(classes)).toEqual([`tcp.pace: ${message}`]);
  });

  it.each([
    `c: { match: { proto: [udp, tcp] }, ${PACE} }`,
    `c: { match: [{ proto: udp }, { dport: 25 }], ${PACE} }`,
    `c: { match: { dport: 25 }, ${PACE}, classes: { x: { match: { dscp: ef }, ${PACE} } } }`,
    `c: { match: { dport: 25 }, ceil: 2mbit, police: { rate: 2mbit }, each: { by: flow, rate: 1mbit }, ${PACE} }`,
    'c: { match: { proto: udp }, tcp: { pace: false } }',
    `c: { match: { dport: 25 }, police: { rate: 2mbit }, classes: { x: { match: { dscp: ef }, ceil: 2mbit, ${PACE} } } }`,
    `a: { match: { proto: tcp, dport: 80 } }, default: { ${PACE} }`,
    `a: { match: { proto: udp } }, default: { ${PACE} }`,
    'a: { match: { proto: tcp } }, default: { priority: 5 }',
  ])('%s is right', (classes) => {
    expect(messages(classes)).toEqual([]);
  });

  it('in a direction too, once for both', () => {
    const both = (rest: string): string[] =>
      warningsOf(`links: { wan: { device: eth0, both: { rate: 2mbit, police: { rate: 1mbit }, ${rest} } } }`);
    expect(both(PACE)).toHaveLength(1);
    expect(both(PACE)[0]).toContain('police drops beyond 1mbit, and 2mbit is shared;');
    const inner = both(`classes: { web: { match: { port: 80 }, ${PACE} } }`);
    expect(inner).toEqual([expect.stringContaining('and 2mbit is shared in wan/both/web;')]);
  });
});

describe('adjust', () => {
  it('is for one of several classes', () => {
    const one = load(withClasses('a: { match: { dport: 1 }, adjust: true }, b: { match: { dport: 2 } }'));
    expect(one.spec.links[0]!.up!.children.map(({ adjust }) => adjust)).toEqual([true, false, false]);
    const two = 'a: { match: { dport: 1 }, adjust: true }, default: { adjust: true }';
    expect(problemsOf(withClasses(two)).join('\n')).toContain(
      'adjust: at most one class of wan/up can adjust; a does already',
    );
  });

  it('of a second class is refused where it is set, and the first one is named', () => {
    const classes = 'web: { match: { dport: 1 } }, rest: { adjust: true }';
    const edit = (): LoadedConfig =>
      ConfigDocument.parse(withClasses(classes), 'x.yaml').patchClass('wan/up/web', { adjust: true }).load();
    const message = 'adjust: at most one class of wan/up can adjust; rest does already';
    expect(edit).toThrow(expect.objectContaining({ where: 'wan/up/web', message }));
  });

  it.each([
    ['default: { adjust: true }', 'wan/up has no other class that could reserve anything'],
    ['all: { adjust: true }', 'wan/up has no other class that could reserve anything'],
    [
      'a: { match: none }, default: { adjust: true }',
      'wan/up has no other class that could reserve anything',
    ],
    [
      'a: { match: { dport: 1 } }, default: { rate: 1mbit, ceil: 1mbit, adjust: true }',
      'the ceil of default never moves, because 1mbit of it are guaranteed',
    ],
  ])('%s is doubtful', (classes, message) => {
    expect(messages(classes)).toEqual([`adjust: ${message}`]);
  });

  it.each([
    'a: { match: { dport: 1 } }, default: { adjust: true }',
    'a: { match: { dport: 1 }, adjust: true }',
    'a: { match: { dport: 1 } }, b: { match: { dport: 2 }, rate: 1mbit, adjust: true }',
  ])('%s is right', (classes) => {
    expect(messages(classes)).toEqual([]);
  });

  it('is no key of a direction', () => {
    const text = 'links: { wan: { device: eth0, up: { rate: 1mbit, adjust: true } } }';
    expect(problemsOf(text)[0]).toContain(
      'adjust: a direction has no siblings; one of its classes can adjust',
    );
  });
});
