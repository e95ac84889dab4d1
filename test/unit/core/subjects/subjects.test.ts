import { describe, expect, test } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { listClasses } from '../../../../src/core/classes/classes.ts';
import {
  CHANGE_OF_MEANING,
  CHANGE_OF_NOTHING,
  CHANGE_OF_SETS,
  Subjects,
} from '../../../../src/core/subjects/subjects.ts';
import { SUBJECTS_OF_PACKET_MAX } from '../../../../src/limits.ts';
import { updateOf } from '../../../sim/subjects-world.ts';
import { shaper } from '../../../sim/world.ts';

const classes = listClasses(shaper({ wan: { up: { rate: 1e6, burst: 1e4 } } }));
const matched = [{ key: 'user:alice', subject: 3 }];

test('nothing is asked for before an update attaches or matches something, nor after the last one has ended', () => {
  const subjects = new Subjects();
  expect(subjects.isUsed).toBe(false);
  expect(subjects.update(updateOf({}), classes)).toBe(CHANGE_OF_SETS);
  expect(subjects.isUsed).toBe(false);
  expect(subjects.update(updateOf({ matched }), classes)).toBe(CHANGE_OF_MEANING);
  expect(subjects.isUsed).toBe(true);
  expect(subjects.update(updateOf({}), classes)).toBe(CHANGE_OF_MEANING);
  expect(subjects.isUsed).toBe(false);
});

describe('sets', () => {
  test('have one number whatever the update calls them, while subjects mean the same', () => {
    const subjects = new Subjects();
    subjects.update(updateOf({ matched, sets: [[1], [2, 1]], sockets: [[71, 1]] }), classes);
    const before = subjects.setOfInode(71);
    expect(subjects.update(updateOf({ matched, sets: [[1, 2]], sockets: [[71, 0]] }), classes)).toBe(
      CHANGE_OF_SETS,
    );
    expect(subjects.setOfInode(71)).toBe(before);
    expect(subjects.setOfTold(0)).toBe(before);
    expect(subjects.setOfTold(-1)).toBe(NONE);
    expect(subjects.setOfTold(1)).toBe(NONE);
    expect(subjects.epoch).toBe(1);
    subjects.update(updateOf({}), classes);
    expect(subjects.epoch).toBe(2);
  });

  test('the same update again changes nothing', () => {
    const subjects = new Subjects();
    const told = () =>
      updateOf({ matched, sets: [[1]], sockets: [[71, 0]], cgroups: [{ high: 1, low: 2, subjects: [3] }] });
    subjects.update(told(), classes);
    expect(subjects.update(told(), classes)).toBe(CHANGE_OF_NOTHING);
  });

  test('of control groups go by the whole id', () => {
    const subjects = new Subjects();
    subjects.update(updateOf({ matched, cgroups: [{ high: 1, low: 2, subjects: [3] }] }), classes);
    expect(subjects.setOfCgroup(0, 2)).toBe(NONE);
    subjects.begin();
    subjects.addSet(subjects.setOfCgroup(1, 2));
    expect(subjects.has('user:alice')).toBe(true);
    expect(subjects.foundKeys()).toEqual(['user:alice']);
    subjects.begin();
    expect(subjects.has('user:alice')).toBe(false);
  });
});

test('a user may be several subjects, and more subjects than there is room for are left out', () => {
  const subjects = new Subjects();
  const users = [5, 3].map((subject) => ({ uid: 1000, subject }));
  const many = Array.from({ length: 2 * SUBJECTS_OF_PACKET_MAX }, (_, n) => 100 + n);
  subjects.update(updateOf({ matched, users, sets: [many] }), classes);
  subjects.begin();
  subjects.addUser(7);
  expect(subjects.foundKeys()).toEqual([]);
  subjects.addUser(1000);
  expect(subjects.has('user:alice')).toBe(true);
  expect(subjects.has('user:bob')).toBe(false);
  subjects.begin();
  subjects.addSet(subjects.setOfTold(0));
  subjects.addUser(1000);
  expect(subjects.has('user:alice')).toBe(false);
});
