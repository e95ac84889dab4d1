import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Accounts } from '../../../src/io/accounts.ts';

function setUp(): Accounts {
  const folder = mkdtempSync(join(tmpdir(), 'accounts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [passwd, group] = [join(folder, 'passwd'), join(folder, 'group')];
  writeFileSync(
    passwd,
    'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nbob:x:1001:50::/:/bin/sh\n\n',
  );
  writeFileSync(group, 'staff:x:50:alice,carol\nalice:x:1000:\n');
  return new Accounts(passwd, group);
}

it('a user has a number, and a number may have a name', () => {
  const accounts = setUp();
  expect(['alice', '1000', '4242', 'carol'].map((user) => accounts.uidOf(user))).toEqual([
    1000,
    1000,
    4242,
    null,
  ]);
  expect([accounts.nameOf(1001), accounts.nameOf(4242)]).toEqual(['bob', '4242']);
  expect(accounts.userNames()).toEqual(['root', 'alice', 'bob']);
});

it('the users of a group are those who begin in it and those whom it lists', () => {
  const accounts = setUp();
  expect(accounts.uidsOfGroup('staff')).toEqual([1000, 1001]);
  expect(accounts.uidsOfGroup('50')).toEqual([1000, 1001]);
  expect(accounts.uidsOfGroup('0')).toEqual([0]);
  expect(accounts.uidsOfGroup('nobody')).toEqual([]);
});

it('files that are not there have no users', () => {
  expect(new Accounts('/nowhere/passwd', '/nowhere/group').uidsOfGroup('staff')).toEqual([]);
});
