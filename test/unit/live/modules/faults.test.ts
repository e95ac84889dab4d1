/** To which module an error belongs that nobody has caught. */
import { expect, it } from 'vitest';
import type { ModuleEntry } from '../../../../src/live/modules/entry.ts';
import { culpritOf } from '../../../../src/live/modules/faults.ts';

const entry = (label: string, use: string, source: string, isAlive = true): ModuleEntry =>
  ({ label, ask: { use }, read: { source }, life: isAlive ? {} : null }) as unknown as ModuleEntry;

const ENTRIES = [
  entry('a', './a.ts', '/m/a.ts'),
  entry('b', './b.ts', '/m/b.ts'),
  entry('dead', './dead.ts', '/d/dead.ts', false),
  entry('tunnel', 'elastic-tunnel', 'built in'),
];

function thrownAt(...places: readonly string[]): Error {
  const error = new Error('no luck');
  error.stack = ['Error: no luck', ...places.map((place) => `    at run (${place})`)].join('\n');
  return error;
}

it.each([
  ['its own file', ['node:net:1:2', '/m/b.ts:7:3'], 'b'],
  ['a file beside it', ['/m/inner/deep.ts:7:3'], 'a'],
  ['a built-in module', ['/x/dist/built-in/elastic-tunnel.js:7:3'], 'tunnel'],
  ['the program', ['/x/dist/core/engine.js:7:3'], null],
  ['a module that has gone', ['/d/dead.ts:7:3'], null],
])('%s', (_, places, label) => {
  expect(culpritOf(thrownAt(...places), ENTRIES)).toBe(label);
});

it('what is no error belongs to nobody', () => {
  expect(culpritOf('no luck', ENTRIES)).toBeNull();
});
