import { describe, expect, it } from 'vitest';
import { load, warningsOf, withClasses } from '../helpers.ts';

const messages = (classes: string): string[] =>
  warningsOf(withClasses(classes)).map((line) => line.replace(/^\d+:\d+ /, ''));

describe('classes that no packet reaches are warned about', () => {
  it.each([
    [
      'tcp: { match: { proto: tcp } }, web: { match: { proto: tcp, dport: [80, 443] } }',
      'class web gets no packets: tcp before it takes them all',
    ],
    [
      'lan: { match: { src: 10.0.0.0/8 } }, guests: { match: { src: [10.0.9.0/24, 10.0.8.0/24] } }',
      'class guests gets no packets: lan before it takes them all',
    ],
    [
      'a: { match: { dport: 80 } }, b: { match: { dport: 443 } }, web: { match: [{ dport: 80 }, { dport: 443 }] }',
      'class web gets no packets: those before it take them all',
    ],
    [
      'all: { match: { src: [0.0.0.0/0, "::/0"] } }, default: { ceil: 1mbit }',
      'class default gets no packets: all before it takes them all',
    ],
    [
      'x: { match: { proto: tcp }, classes: { a: { match: { proto: [tcp, udp] } }, b: { match: { dscp: ef } } } }',
      'class b gets no packets: a before it takes them all',
    ],
    [
      'x: { match: { proto: tcp }, classes: { dns: { match: { proto: udp, dport: 53 } } } }',
      'class dns gets no packets: its match and that of x around it have none in common',
    ],
    [
      'a: { match: none }, tcp: { match: { proto: tcp } }, web: { match: { proto: tcp, dport: 80 } }',
      'class web gets no packets: tcp before it takes them all',
    ],
    [
      'a: { match: none, classes: { all: {}, web: { match: { dport: 80 } } } }',
      'class web gets no packets: all before it has no match',
    ],
    [
      'x: { match: { src: 10.0.9.0/24 }, classes: { y: { classes: { z: { match: { src: 10.0.8.1 } } } } } }',
      'class z gets no packets: its match and that of x around it have none in common',
    ],
  ])('%s', (classes, message) => {
    expect(messages(classes)).toEqual([message]);
  });

  it.each([
    'web: { match: { proto: tcp, dport: [80, 443] } }, tcp: { match: { proto: tcp } }',
    'v4: { match: { src: 0.0.0.0/0 } }, default: { ceil: 1mbit }',
    'x: { match: { src: 10.0.0.0/8 }, classes: { y: { match: { dport: 80 } } } }',
    'a: { match: { dport: 80-90 } }, b: { match: { dport: 85-95 } }',
    'a: { match: { dport: 80 } }, b: { match: none }, c: { match: none }',
    'a: { match: { dport: 80 }, classes: { b: { match: none } } }',
    'a: { match: none, classes: { b: { match: { dport: 80 } }, c: { match: { dport: 81 } } } }',
    'a: { match: { dport: 80 }, classes: { b: { match: none, classes: { c: { match: { dport: 81 } } } } } }',
  ])('%s is right', (classes) => {
    expect(messages(classes)).toEqual([]);
  });

  it('very long lists cost no time', () => {
    const classes = Array.from({ length: 3000 }, (_, i) => `c${i}: { match: { dport: ${i + 1} } }`).join(
      ', ',
    );
    const start = performance.now();
    expect(load(withClasses(classes)).warnings).toEqual([]);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
