import { expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { configChanges } from '../../../../src/config/edit/document.ts';
import { classProblems, FILE, load, withClasses } from '../helpers.ts';

it('is read of classes and directions, and is no part of what packets are shaped by', () => {
  const text = (access: string) =>
    `links: { w: { device: e, up: { rate: 9mbit, ${access} classes: { a: { ${access} } } } } }`;
  const config = load(text('access: { dir: alice:1000 2775, rate: 7:users 0600 },'));
  const entries = {
    dir: { owner: 'alice', group: '1000', mode: 0o2775 },
    rate: { owner: '7', group: 'users', mode: 0o600 },
  };
  expect(config.accesses).toEqual([
    { path: 'w/up/a', entries },
    { path: 'w/up', entries },
  ]);
  expect(config.spec).toEqual(load(text('')).spec);
});

it('of both directions may differ', () => {
  const { accesses } = load(
    'links: { w: { device: e, both: { rate: 9mbit, classes: { a: { access: { dir: { up: a:a 700, down: b:b 700 } } } } } } }',
  );
  expect(accesses.map(({ path, entries }) => [path, entries.dir!.owner])).toEqual([
    ['w/up/a', 'a'],
    ['w/down/a', 'b'],
  ]);
});

it('means the same however its mode is written', () => {
  const of = (mode: string) => load(withClasses(`c: { access: { dir: a:b ${mode} } }`));
  expect(configChanges(of('755'), of('0755'))).toEqual([]);
  expect(configChanges(of('755'), of('750'))).toMatchObject([{ path: 'wan/up/c', key: 'access' }]);
});

it('warns of names that the machine does not have', () => {
  const accounts = { userNames: () => ['alice'], groupNames: () => ['staff'] };
  const text = withClasses('c: { access: { dir: alice:stuff 755, rate: bob:5 644 } }');
  expect(loadConfig(text, FILE, null, accounts).warnings.map(({ message }) => message)).toEqual([
    "access: dir: there is no group 'stuff' in /etc/group; did you mean staff?; until then it is root",
    expect.stringMatching(
      /^access: rate: there is no user 'bob' in \/etc\/passwd; .*; until then it is root$/,
    ),
  ]);
});

it.each([
  ['access: { dir: alice }', "dir: 'alice' is no access; write OWNER:GROUP MODE, such as alice:staff 640"],
  ['access: { dir: alice:staff 888 }', "dir: 'alice:staff 888' is no access"],
  ['access: { rate: "a,b:staff 644" }', "rate: 'a,b' is neither a name nor a number of a user or group"],
  ['access: { rate: 4294967295:0 644 }', "rate: '4294967295' is neither a name"],
  ['access: { bandwith: a:b 644 }', "unknown key 'bandwith' in access; did you mean 'bandwidth'?"],
  ['access: alice', 'access must be a map'],
])('%s', (fields, message) => {
  expect(classProblems(fields)).toEqual([expect.stringContaining(message)]);
});
