import { expect, it } from 'vitest';
import { configChanges } from '../../../../src/config/edit/document.ts';
import { writeClass } from '../../../../src/config/write/links.ts';
import type { ClassSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, load } from '../helpers.ts';

const inner = (mode: string, classes: string): ClassSpec =>
  classOf(`rate: 8mbit, ceil: 10mbit, mode: ${mode}, classes: { ${classes} }`);
const of = ({ children }: ClassSpec, key: 'priority' | 'ceilBytesPerSec') =>
  children.map((child) => `${child.name} ${child[key]}`);

it('pq: the order of the file is that of the priorities, and default is last', () => {
  expect(of(inner('pq', 'a:, default:, b:, c: { priority: 0 }, d:'), 'priority')).toEqual([
    ...['a 3', 'b 4', 'c 0', 'd 6', 'default 7'],
  ]);
  const many = Array.from({ length: 10 }, (_, i) => `c${i}:`);
  const file = `links: { w: { device: e, up: { rate: 9mbit, mode: pq, classes: { ${many} } } } }`;
  expect(of(load(file).spec.links[0]!.up!, 'priority').slice(6)).toEqual([
    ...['c6 6', 'c7 7', 'c8 7', 'c9 7', 'default 7'],
  ]);
  expect(of(inner('wfq', 'a:, b:'), 'priority')).toEqual(['a 3', 'b 3', 'default 3']);
});

it('a class has the priority of the class around it, unless it says another', () => {
  const tree = classOf('priority: 1, classes: { a: { mode: pq, classes: { x:, y: } }, b: { priority: 5 } }');
  expect(of(tree, 'priority')).toEqual(['a 1', 'b 5', 'default 1']);
  expect(of(tree.children[0]!, 'priority')).toEqual(['x 1', 'y 2', 'default 3']);
});

it('shape: a class with a rate has no more than it', () => {
  const shaped = inner('shape', 'a: { rate: 4mbit }, b: { rate: 2mbit, ceil: 3mbit }, c: { ceil: 1mbit }');
  expect(of(shaped, 'ceilBytesPerSec')).toEqual(['a 500000', 'b 375000', 'c 125000', 'default 1250000']);
});

it.each(['pq', 'shape', 'wfq'])('%s is written as what it means for the classes', (mode) => {
  const node = inner(mode, 'a: { rate: 4mbit }, b: { rate: 1mbit }');
  const place = {
    direction: 'up',
    parentCeilBytesPerSec: 2_500_000,
    parentPriority: 3,
    isPaced: false,
  } as const;
  const block = JSON.stringify(writeClass(node, place, 'chosen'));
  expect(
    load(`links: { wan: { device: e, up: { rate: 20mbit, classes: { c: ${block} } } } }`).spec.links[0]!.up!
      .children[0],
  ).toEqual(node);
});

it('holds for the classes of a direction too, and a change of it is told once', () => {
  const file = (mode: string) =>
    load(`links: { w: { device: e, up: { rate: 9mbit, ${mode} classes: { a:, b: } } } }`);
  expect(of(file('mode: pq,').spec.links[0]!.up!, 'priority')).toEqual(['a 0', 'b 1', 'default 2']);
  expect(configChanges(file(''), file('mode: pq,'))).toEqual([
    { path: 'w/up', key: 'mode', old: null, new: 'pq' },
  ]);
  expect(configChanges(file(''), file('mode: wfq,'))).toEqual([]);
});

it('is one of three words', () => {
  expect(classProblems('mode: fifo')).toEqual(["mode: 'fifo' is not one of: wfq, pq, shape"]);
});
