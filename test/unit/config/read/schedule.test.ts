import { expect, it } from 'vitest';
import { ConfigDocument, configChanges } from '../../../../src/config/edit/document.ts';
import { classProblems, load, problemsOf, withClasses } from '../helpers.ts';

it('entries are read with their values as they were written', () => {
  const entries =
    '{ when: [mon 18:00-23:00, sat], set: { ceil: 5mbit, queue: { limit: 9kB }, police: null } }';
  const { schedules } = load(withClasses(`c: { schedule: [${entries}] }`));
  expect(schedules).toMatchObject([
    {
      path: 'wan/up/c',
      entries: [
        {
          when: [{ text: 'mon 18:00-23:00' }, { text: 'sat' }],
          set: { ceil: '5mbit', queue: { limit: '9kB' }, police: null },
        },
      ],
    },
  ]);
});

it('in both each direction has its own values', () => {
  const set = '{ ceil: { up: 1mbit, down: 2mbit } }';
  const text = `links: { w: { device: e, both: { rate: 9mbit, schedule: { when: sat, set: { rate: { up: 5mbit, down: 6mbit } } }, classes: { a: { schedule: { when: sat, set: ${set} } } } } } }`;
  expect(load(text).schedules.map(({ path, entries }) => [path, entries[0]!.set])).toEqual([
    ['w/up/a', { ceil: '1mbit' }],
    ['w/up', { rate: '5mbit' }],
    ['w/down/a', { ceil: '2mbit' }],
    ['w/down', { rate: '6mbit' }],
  ]);
});

it.each([
  ['schedule: { when: sat }', 'an entry needs set'],
  ['schedule: { set: { ceil: 1mbit } }', 'an entry needs when'],
  ['schedule: { when: noon, set: { ceil: 1mbit } }', "when: 'noon' is no time; write days"],
  ['schedule: { when: sat, set: 5mbit }', 'schedule: set must be a map'],
  ['schedule: { when: sat, set: { classes: { x: } } }', 'schedule: classes: each class'],
  ['schedule: { when: sat, set: { schedule: null } }', 'schedule: a schedule changes no schedule'],
  ['schedule: { when: sat, set: { polise: null } }', "schedule: unknown key 'polise'"],
  [
    'schedule: { when: sat, set: { cel: 1mbit } }',
    "schedule 'sat': wan/up/c cel: unknown key 'cel' in class c; did you mean 'ceil'?",
  ],
  [
    'rate: 2mbit, schedule: { when: sat, set: { ceil: 1mbit } }',
    "schedule 'sat': wan/up/c rate: rate: 2mbit is above",
  ],
])('%s', (fields, message) => {
  expect(classProblems(fields)).toEqual([expect.stringContaining(message)]);
});

it('what two classes set is tried together where it holds together', () => {
  const file = (other: string) =>
    withClasses(
      `a: { schedule: { when: "08:00-12:00", set: { rate: 11mbit } } }, b: { schedule: { when: "${other}", set: { rate: 11mbit } } }`,
    );
  expect(problemsOf(file('12:00-18:00'))).toEqual([]);
  expect(problemsOf(file('11:59-18:00'))).toEqual([
    expect.stringContaining(
      "schedule '08:00-12:00' with '11:59-18:00': wan/up/b: the rates of wan/up sum to more",
    ),
  ]);
});

it('a schedule is a difference, and an edit that would break it is refused', () => {
  const text = (ceil: string) =>
    withClasses(`c: { ceil: 10mbit, schedule: { when: sat, set: { ceil: ${ceil} } } }`);
  expect(configChanges(load(text('5mbit')), load(text('6mbit')))).toEqual([
    {
      path: 'wan/up/c',
      key: 'schedule.set',
      old: '{ ceil: 5mbit }',
      new: '{ ceil: 6mbit }',
    },
  ]);
  const edited = ConfigDocument.parse(text('5mbit'), 'x').patchClass('wan/up/c', { rate: '8mbit' });
  expect(() => edited.load()).toThrow(
    "schedule 'sat': wan/up/c rate: rate: 8mbit is above the class's own ceil",
  );
  expect(() => edited.load(null, { skipSchedules: true })).not.toThrow();
});
