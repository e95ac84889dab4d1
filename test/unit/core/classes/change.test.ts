import { expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { isInside, planChange } from '../../../../src/core/classes/change.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import type { Renamed } from '../../../../src/spec/edit.ts';
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

test.each<[string, LinkInput, ShaperSpec['nfqueue'] | null, string]>([
  ['another device', { device: 'eth9', up: TREE }, null, 'cannot come or go'],
  ['a direction more', { up: TREE, down: TREE }, null, 'wan/down of device wan0 cannot come or go'],
  ['other kernel queues', { up: TREE }, { ...shaper({}).nfqueue, first: 77 }, 'nfqueue cannot change'],
])('%s needs a new start', (_, link, nfqueue, message) => {
  const after = shaper({ wan: link }, nfqueue ?? {});
  expect(() => plan(wan(), after)).toThrow(message);
});

test('one class cannot become two, nor move to another tree', () => {
  const both = (up: ClassInput[], down: ClassInput[]) =>
    shaper({ wan: { up: { ...TREE, leaves: up }, down: { ...TREE, leaves: down } } });
  const before = both([{ name: 'a' }], []);
  const twice = new Map([['wan/up/b', 'wan/up/a']]);
  expect(() => plan(before, both([{ name: 'a' }, { name: 'b' }], []), twice)).toThrow('cannot become two');
  const across = new Map([['wan/down/a', 'wan/up/a']]);
  expect(() => plan(before, both([], [{ name: 'a' }]), across)).toThrow('to another tree');
});

test('a class is inside itself and its ancestors, not inside its children', () => {
  const classes = listClasses(wan({ name: 'a' }));
  expect([isInside(classes, 1, 0), isInside(classes, 1, 1), isInside(classes, 0, 1)]).toEqual([
    true,
    true,
    false,
  ]);
});
