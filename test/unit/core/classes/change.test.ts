import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { isInside, planChange } from '../../../../src/core/classes/change.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { ChangeRefusedError, type Renamed } from '../../../../src/spec/edit.ts';
import type { ShaperSpec } from '../../../../src/spec/spec.ts';
import { type ClassInput, type LinkInput, shaper } from '../../../sim/world.ts';

const TREE = { rate: 1e6, burst: 1e4 };
const port = (from: number) => [{ dport: [{ from, to: from }] }];
const wan = (...leaves: ClassInput[]): ShaperSpec => shaper({ wan: { up: { ...TREE, leaves } } });

const plan = (before: ShaperSpec, spec: ShaperSpec, renamed: Renamed = new Map()) =>
  planChange(listClasses(before), before, spec, renamed, 0);

test('the example of the header: a class that goes leaves its row to nobody and its packets to its parent', () => {
  const change = plan(wan({ name: 'a' }, { name: 'b' }), wan({ name: 'b' }));
  expect([...change.newRow]).toEqual([0, NONE, 1, 2]);
  expect([...change.heir]).toEqual([0, 0, 1, 2]);
  expect([...change.oldRow]).toEqual([0, 2, 3]);
  expect(change.isReclassified).toBe(true);
});

test('packets of a class that goes belong to the nearest class around it that stays', () => {
  const x: ClassInput = { name: 'x', classes: [{ name: 'y' }] };
  const { before, heir } = plan(
    wan({ name: 'a', classes: [x] }),
    wan({ name: 'a', classes: [{ name: 'z' }] }),
  );
  const heirOf = (path: string) => heir[before.findIndex((info) => info.path === path)];
  expect([heirOf('wan/up/a'), heirOf('wan/up/a/x'), heirOf('wan/up/a/x/y')]).toEqual([1, 1, 1]);
});

test('ids stay with classes, and new classes have new ones', () => {
  const change = plan(wan({ name: 'a' }), wan({ name: 'new' }, { name: 'a' }));
  expect(change.classes.map((info) => info.id)).toEqual([0, 3, 1, 2]);
});

test('a class that moves takes the classes inside it along', () => {
  const inner = (name: string, ...children: ClassInput[]): ClassInput => ({ name, classes: children });
  const before = wan(inner('a', { name: 'x' }), inner('b'));
  const after = wan(inner('b', inner('a', { name: 'x' })));
  const change = plan(before, after, new Map([['wan/up/b/a', 'wan/up/a']]));
  const pathBefore = (path: string) =>
    change.before[change.oldRow[change.classes.findIndex((info) => info.path === path)]]?.path;
  expect(pathBefore('wan/up/b/a/x')).toBe('wan/up/a/x');
  expect(pathBefore('wan/up/b/default')).toBe('wan/up/b/default');
});

test('packets are sorted anew only if matchers or the tree differ', () => {
  const leaf = (more: Partial<ClassInput>) => wan({ name: 'a', match: port(80), ...more });
  expect(plan(leaf({}), leaf({ ceil: 5e5, match: port(80) })).isReclassified).toBe(false);
  expect(plan(leaf({}), leaf({ match: port(81) })).isReclassified).toBe(true);
});

test('packets leave a tree that goes or gets another device, and stay under a device with a new name', () => {
  const links = (wanDevice: string, more: Record<string, LinkInput> = {}) =>
    shaper({ wan: { device: wanDevice, up: TREE, down: TREE }, ...more });
  const before = links('eth0', { lan: { up: TREE } });
  const leftBy = (after: ShaperSpec, isSame = false) => {
    const change = planChange(listClasses(before), before, after, new Map(), 0, (a, b) => a === b || isSame);
    expect(change.isReclassified).toBe(true);
    return [...change.left].map((row) => change.before[row].path);
  };
  expect(leftBy(links('eth0'))).toEqual(['lan/up']);
  expect(leftBy(links('eth1', { lan: { up: TREE } }))).toEqual(['wan/up', 'wan/down']);
  expect(leftBy(links('eth1', { lan: { up: TREE } }), true)).toEqual([]);
  expect(leftBy(links('eth0', { lan: { up: TREE }, dmz: { up: TREE } }))).toEqual([]);
});

test('of a tree that goes, no class has an heir', () => {
  const before = shaper({ wan: { up: TREE, down: { ...TREE, leaves: [{ name: 'a' }] } } });
  const { heir, isRenumbered } = plan(before, shaper({ wan: { up: TREE } }));
  expect([[...heir], isRenumbered]).toEqual([[0, 1, NONE, NONE, NONE], true]);
});

test('rows mean other classes if any comes, goes, moves or gets another path, but not for other values', () => {
  const isRenumbered = (after: ShaperSpec, ...renamed: [string, string][]) =>
    plan(wan({ name: 'a' }), after, new Map(renamed)).isRenumbered;
  expect(isRenumbered(wan({ name: 'a', ceil: 5e5 }))).toBe(false);
  expect(isRenumbered(shaper({ wan: { up: { ...TREE, leaves: [{ name: 'a' }] }, down: TREE } }))).toBe(true);
  expect(isRenumbered(wan({ name: 'b' }), ['wan/up/b', 'wan/up/a'])).toBe(true);
  expect(isRenumbered(wan())).toBe(true);
});

const refusal = (act: () => unknown): ChangeRefusedError => {
  try {
    act();
  } catch (error) {
    if (error instanceof ChangeRefusedError) return error;
    throw error;
  }
  throw new Error('the change was accepted');
};

test.each<[string, Partial<ShaperSpec['nfqueue']>, RegExp]>([
  ['nfqueue.first', { first: 77 }, /cannot become 77/],
  ['nfqueue.mark', { markMask: 0xff }, /bits of the mark/],
])('another %s needs a new start', (where, nfqueue, message) => {
  const error = refusal(() => plan(wan(), shaper({ wan: { up: TREE } }, nfqueue)));
  expect([error.where, error.message]).toEqual([where, expect.stringMatching(message)]);
  expect(error.hint).toMatch(/start it/);
});

test('one class cannot become two, nor move to another direction, nor become one', () => {
  const both = (up: ClassInput[], down: ClassInput[]) =>
    shaper({ wan: { up: { ...TREE, leaves: up }, down: { ...TREE, leaves: down } } });
  const before = both([{ name: 'a' }], []);
  const refused = (after: ShaperSpec, ...renamed: [string, string][]): string[] => {
    const { where, reason } = refusal(() => plan(before, after, new Map(renamed)));
    return [where, reason];
  };
  expect(
    refused(both([{ name: 'b' }, { name: 'c' }], []), ['wan/up/b', 'wan/up/a'], ['wan/up/c', 'wan/up/a']),
  ).toEqual(['wan/up/c', 'wan/up/a cannot become two classes']);
  const elsewhere = (path: string) => `a class cannot move from ${path} to another direction`;
  expect(refused(both([], [{ name: 'a' }]), ['wan/down/a', 'wan/up/a'])).toEqual([
    'wan/down/a',
    elsewhere('wan/up/a'),
  ]);
  const net = shaper({ net: { up: TREE } });
  expect(refused(net, ['net/up', 'wan/down'])).toEqual(['net/up', elsewhere('wan/down')]);
  expect(refused(net, ['net/up', 'wan/up/a'])).toEqual(['net/up', elsewhere('wan/up/a')]);
});

test('a link that is renamed takes its trees along', () => {
  const change = plan(
    shaper({ wan: { device: 'eth0', up: { ...TREE, leaves: [{ name: 'a' }] } } }),
    shaper({ net: { device: 'eth0', up: { ...TREE, leaves: [{ name: 'a' }] } } }),
    new Map([['net', 'wan']]),
  );
  expect([[...change.oldRow], change.left.size, change.isReclassified]).toEqual([[0, 1, 2], 0, false]);
});

test('a new class may have the path of one that has moved away', () => {
  const before = wan({ name: 'a', classes: [{ name: 'x' }] });
  const after = wan({ name: 'b', classes: [{ name: 'x' }] }, { name: 'a' }, { name: 'x' });
  const change = plan(
    before,
    after,
    new Map([
      ['wan/up/b', 'wan/up/a'],
      ['wan/up/x', 'wan/up/a/x'],
    ]),
  );
  const pathsBefore = change.classes.map(({ path }, row) => [path, change.before[change.oldRow[row]]?.path]);
  expect(pathsBefore).toEqual([
    ['wan/up', 'wan/up'],
    ['wan/up/b', 'wan/up/a'],
    ['wan/up/b/x', undefined],
    ['wan/up/b/default', 'wan/up/a/default'],
    ['wan/up/a', undefined],
    ['wan/up/x', 'wan/up/a/x'],
    ['wan/up/default', 'wan/up/default'],
  ]);
});

test('a class is inside itself and its ancestors, not inside its children', () => {
  const classes = listClasses(wan({ name: 'a' }));
  expect([isInside(classes, 1, 0), isInside(classes, 1, 1), isInside(classes, 0, 1)]).toEqual([
    true,
    true,
    false,
  ]);
});
