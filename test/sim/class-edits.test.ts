/**
 * Edits of a specification: each gives a new one and leaves the
 * old one as it is. Refusals: test/sim/reconfigure.test.ts.
 */
import { expect, it } from 'vitest';
import type { ClassSpec, ShaperSpec } from '../../src/spec/spec.ts';
import { load } from '../unit/config/helpers.ts';
import { addClass, changeClass, moveClass, removeClass } from './class-edits.ts';

const spec = load(
  'links: { w: { device: e, up: { rate: 9mbit, classes: { a: { classes: { x: {} } }, b: { classes: { y: {} } } } } } }',
).spec;

const paths = (edited: ShaperSpec): string[] => {
  const walk = (node: ClassSpec): string[] => [node.path, ...node.children.flatMap(walk)];
  return walk(edited.links[0]!.up!).slice(1);
};
const A = ['w/up/a', 'w/up/a/x', 'w/up/a/default'];
const B = ['w/up/b', 'w/up/b/y', 'w/up/b/default'];

it('a change touches the one class', () => {
  const { spec: edited, renamed } = changeClass(spec, 'w/up/a/x', { priority: 7 });
  const [a, b] = edited.links[0]!.up!.children;
  expect(a!.children[0]!.priority).toBe(7);
  expect(b).toBe(spec.links[0]!.up!.children[1]);
  expect(spec.links[0]!.up!.children[0]!.children[0]!.priority).toBe(3);
  expect(renamed.size).toBe(0);
});

it('a new class comes before default, or before the one named, with its own paths', () => {
  const inner = spec.links[0]!.up!.children[0]!;
  const { spec: last } = addClass(spec, 'w/up/b', inner);
  const added = ['w/up/b/a', 'w/up/b/a/x', 'w/up/b/a/default'];
  expect(paths(last)).toEqual([...A, 'w/up/b', 'w/up/b/y', ...added, 'w/up/b/default', 'w/up/default']);
  const { spec: first } = addClass(spec, 'w/up/b', inner, 'y');
  expect(paths(first)).toEqual([...A, 'w/up/b', ...added, 'w/up/b/y', 'w/up/b/default', 'w/up/default']);
});

it('a class goes with all inside it', () => {
  expect(paths(removeClass(spec, 'w/up/a').spec)).toEqual([...B, 'w/up/default']);
});

it('a class that moves says from where; one that only changes its place among its siblings was not renamed', () => {
  const { spec: moved, renamed } = moveClass(spec, 'w/up/a', 'w/up/b');
  expect(paths(moved)).toEqual([
    'w/up/b',
    'w/up/b/y',
    'w/up/b/a',
    'w/up/b/a/x',
    'w/up/b/a/default',
    'w/up/b/default',
    'w/up/default',
  ]);
  expect([...renamed]).toEqual([['w/up/b/a', 'w/up/a']]);
  const { spec: swapped, renamed: none } = moveClass(spec, 'w/up/b', 'w/up', 'a');
  expect(paths(swapped)).toEqual([...B, ...A, 'w/up/default']);
  expect(none.size).toBe(0);
});
