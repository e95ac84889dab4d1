/** To which module an error belongs that nobody has caught. */
import { Script } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { nameOfText } from '../../../../src/io/modules/traces.ts';
import type { ModuleEntry } from '../../../../src/live/modules/entry.ts';
import {
  culpritOf,
  FaultWatch,
  isOfProgram,
  ModuleCallError,
  suspectOf,
} from '../../../../src/live/modules/faults.ts';

const entry = (label: string, use: string, source: string, isAlive = true): ModuleEntry =>
  ({ label, ask: { use }, read: { source }, life: isAlive ? {} : null }) as unknown as ModuleEntry;

const ENTRIES = [
  entry('a', './a.ts', '/m/a.ts'),
  entry('b', './b.ts', '/m/b.ts'),
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
  ['the program', ['/x/dist/core/engine.js:7:3'], undefined],
])('%s', (_, places, label) => {
  expect(culpritOf(thrownAt(...places), ENTRIES.map(suspectOf))?.label).toBe(label);
});

it('what is no error belongs to nobody, what the shaper has made for a module to that one', () => {
  const suspects = ENTRIES.map(suspectOf);
  expect(culpritOf('no luck', suspects)).toBeNull();
  expect(culpritOf(new ModuleCallError('b', 'no such class'), suspects)?.label).toBe('b');
});

it('an error of the program shows a file of it', () => {
  expect(isOfProgram(new Error('ours'))).toBe(true);
  expect([isOfProgram(thrownAt('node:net:1:2')), isOfProgram('text')]).toEqual([false, false]);
});

describe('a watch', () => {
  let living: ModuleEntry[] = [];
  const told: string[] = [];
  const watch = new FaultWatch({
    entries: () => living,
    eject: (label, reason) => told.push(`eject ${label}: ${reason}`),
    tell: (labels, reason) => told.push(`tell ${labels.join(' ')}: ${reason}`),
  });
  /** What it does about an error that nobody has caught. */
  const uncaught = (error: unknown): string[] => {
    told.length = 0;
    const listeners = process.listeners('uncaughtException');
    (listeners.at(-1) as (error: unknown) => void)(error);
    return told.map((text) => text.split(' threw')[0]!);
  };
  afterEach(() => watch.end());

  it('ejects whose error it is, and goes on when that one has gone', () => {
    living = [entry('a', './a.ts', '/m/a.ts'), entry('b', './b.ts', '/n/b.ts')];
    watch.begin();
    expect(uncaught(thrownAt('/n/b.ts:7:3'))).toEqual(['eject b:']);
    living = [living[0]!];
    expect(uncaught(thrownAt('/n/b.ts:7:3'))).toEqual(['tell b:']);
    living = [];
    expect(uncaught(thrownAt('/m/a.ts:7:3'))).toEqual(['tell a:']);
  });

  it('tells an error of a text from before a reload, and leaves the new one alone', () => {
    const textOf = (): { readonly name: string; readonly fails: () => Error } => {
      const name = nameOfText(
        '/n/b.ts',
        '{"version":3,"sources":["b.ts"],"mappings":"AAAA","names":[]}',
        '/n',
      );
      const fails = new Script(`(() => new Error('late'))`, { filename: name }).runInThisContext();
      return { name, fails: fails as () => Error };
    };
    const [old, now] = [textOf(), textOf()];
    const lives = (text: string): ModuleEntry => {
      const one = entry('b', './b.ts', '/n/b.ts');
      return { ...one, read: { ...one.read, text } } as ModuleEntry;
    };
    living = [lives(old.name)];
    watch.begin();
    living = [lives(now.name)];
    watch.begin();
    expect(uncaught(old.fails())).toEqual(['tell b:']);
    expect(uncaught(now.fails())).toEqual(['eject b:']);
    // One that was read, and never lived.
    expect(uncaught(textOf().fails())).toEqual(['tell :']);
  });

  it('tells an error of a module that does not live yet', () => {
    living = [];
    watch.watch();
    expect(uncaught(thrownAt('node:net:1:2'))).toEqual(['tell :']);
  });

  it('takes an error without a place for that of the only module, and tells of several', () => {
    living = [entry('a', './a.ts', '/m/a.ts')];
    watch.begin();
    expect(uncaught(thrownAt('node:net:1:2'))).toEqual(['eject a:']);
    living.push(entry('b', './b.ts', '/n/b.ts'));
    expect(uncaught('only a text')).toEqual(['tell a b:']);
  });

  it('lets an error of the program end it', () => {
    living = [entry('a', './a.ts', '/m/a.ts')];
    watch.begin();
    expect(() => uncaught(new Error('ours'))).toThrow('ours');
  });
});
