import { describe, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { planChange } from '../../../../src/core/classes/change.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import { Attachments } from '../../../../src/core/subjects/attachments.ts';
import { shaper } from '../../../sim/world.ts';

const specOf = (...names: string[]) =>
  shaper({ wan: { up: { rate: 1e6, burst: 1e4, leaves: names.map((name) => ({ name, match: [] })) } } });

function attachmentsOn(...names: string[]) {
  const spec = specOf(...names);
  const attachments = new Attachments();
  return { spec, attachments, classes: listClasses(spec) };
}

describe('of several attachments', () => {
  const { attachments, classes } = attachmentsOn('a', 'b');
  attachments.set(
    [
      { subject: 1, rank: 4, classes: ['wan/up/b'], text: 'user:x' },
      { subject: 2, rank: 1, classes: ['wan/up/a'], text: 'pid:2' },
      { subject: 3, rank: 1, classes: ['wan/up/b'], text: 'pid:3' },
      { subject: 4, rank: 0, classes: ['wan/down/a'], text: 'socket:4' },
    ],
    classes,
  );
  const pathOf = (...found: number[]): string => classes[attachments.find(0, found, found.length)].path;

  test('the most specific decides, then the one told first', () => {
    expect(pathOf(1)).toBe('wan/up/b');
    expect(pathOf(1, 2)).toBe('wan/up/a');
    expect(pathOf(3, 2, 1)).toBe('wan/up/a');
    expect(attachments.text(attachments.lastFound)).toBe('pid:2');
    expect(attachments.rank(attachments.lastFound)).toBe(1);
  });

  test('one without a class in the tree, and an unknown subject, say nothing', () => {
    expect(pathOf(4, 9)).toBe('wan/up');
    expect(attachments.lastFound).toBe(NONE);
    expect(pathOf(4, 3)).toBe('wan/up/b');
    // Only the first are meant.
    expect(attachments.find(0, [9, 2], 1)).toBe(0);
  });
});

test('attachments follow renamed classes, wait for those to come, and end with those that go', () => {
  const { spec, attachments, classes } = attachmentsOn('a', 'b');
  attachments.set(
    [
      { subject: 1, rank: 1, classes: ['wan/up/a'] },
      { subject: 2, rank: 1, classes: ['wan/up/b'] },
      { subject: 3, rank: 1, classes: ['wan/up/new'] },
    ],
    classes,
  );
  const next = specOf('new', 'z');
  const change = planChange(classes, spec, next, new Map([['wan/up/z', 'wan/up/a']]), 0);
  attachments.regroup(change);
  const pathOf = (subject: number): string => change.classes[attachments.find(0, [subject], 1)].path;
  expect([1, 2, 3].map(pathOf)).toEqual(['wan/up/z', 'wan/up', 'wan/up/new']);
});
