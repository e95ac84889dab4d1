import { expect, it } from 'vitest';
import { classOf, classProblems, load } from '../helpers.ts';

const DEFAULTS = { activeBytesPerSec: 2000, ageNs: 1e9, delayNs: 100e6 };

it.each([
  ['tcp: { pace: true }', DEFAULTS],
  ['tcp: { pace: {} }', DEFAULTS],
  ['tcp: { pace: { active: 3kB/s, age: 500ms } }', { ...DEFAULTS, activeBytesPerSec: 3000, ageNs: 500e6 }],
  ['tcp: { pace: { delay: 30ms } }', { ...DEFAULTS, delayNs: 30e6 }],
  ['tcp: { pace: false }', null],
  ['tcp: {}', null],
])('%s', (text, pace) => {
  expect(classOf(text).pace).toEqual(pace);
});

it('a direction can pace too, and its classes do not inherit it', () => {
  const { spec } = load('links: { wan: { device: eth0, up: { rate: 1mbit, tcp: { pace: true } } } }');
  const up = spec.links[0]!.up!;
  expect([up.pace, up.children[0]!.pace]).toEqual([DEFAULTS, null]);
});

it.each([
  ['tcp: { pace: maybe }', "'maybe' is neither true nor false"],
  ['tcp: { pace: { age: 1h } }', '1h is out of range: 100ms to 1m'],
  ['tcp: { pace: { delay: 0ms } }', '0ms is out of range'],
  ['tcp: { paced: true }', "unknown key 'paced' in tcp; did you mean 'pace'?"],
])('%s is refused', (text, message) => {
  expect(classProblems(text).join('\n')).toContain(message);
});
