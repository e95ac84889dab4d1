/** Users, groups, control groups and programs in matchers. */
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../../src/config/config.ts';
import type { AccountNames } from '../../../../src/spec/accounts.ts';
import { classOf, classProblems, FILE, warningsOf, withClasses } from '../helpers.ts';

const ACCOUNTS: AccountNames = {
  userNames: () => ['root', 'alice', 'backup'],
  groupNames: () => ['root', 'dev', 'staff'],
};

it.each([
  ['{ user: alice }', { users: ['user:alice'] }],
  ['{ user: [alice, 1000, alice, 0x3e8] }', { users: ['user:alice', 'user:1000'] }],
  ['{ group: [dev, 100] }', { groups: ['group:dev', 'group:100'] }],
  ['{ cgroup: /system.slice/nginx.service }', { cgroups: ['cgroup:/system.slice/nginx.service'] }],
  ['{ cgroup: [/sys/fs/cgroup/a/, /sys/fs/cgroup/unified/b] }', { cgroups: ['cgroup:/a', 'cgroup:/b'] }],
  ['{ cgroup: /sys/fs/cgroup }', { cgroups: ['cgroup:/'] }],
  ['{ exe: /usr/bin/rsync, dport: 873, proto: tcp }', { exes: ['exe:/usr/bin/rsync'] }],
])('%s', (text, expected) => {
  expect(classOf(`match: ${text}`).match).toEqual([expect.objectContaining(expected)]);
});

it.each([
  ['{ user: "a b" }', "'a b' is not a user; write its name, or its uid 0 to 4294967294"],
  ['{ user: 4294967295 }', "'4294967295' is not a user"],
  ['{ user: -1 }', "'-1' is not a user"],
  ['{ group: "x:y" }', "'x:y' is not a group; write its name, or its gid"],
  ['{ group: [] }', 'the list is empty'],
  [
    '{ cgroup: system.slice }',
    "'system.slice' is not a control group; write its path, such as /system.slice",
  ],
  ['{ cgroup: /a/../b }', "'/a/../b' has . or .. in it"],
  ['{ cgroup: /a//b }', 'has two slashes beside each other'],
  ['{ exe: rsync }', "'rsync' is not a program; write the absolute path of its file"],
  ['{ exe: /usr/bin/ }', 'is a directory, not the file of a program'],
  ['{ exe: /usr/./bin/x }', 'has . or .. in it'],
])('%s: %s', (text, message) => {
  expect(classProblems(`match: ${text}`)).toEqual([expect.stringContaining(message)]);
});

describe('names that the machine does not have', () => {
  const problems = (match: string, accounts: AccountNames | null = ACCOUNTS): string[] => {
    const text = `links:\n  wan:\n    device: eth0\n    up:\n      rate: 1mbit\n      classes:\n        c: { match: ${match} }\n`;
    try {
      loadConfig(text, FILE, null, accounts);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ line, message }) => `${line} ${message}`);
    }
  };

  it.each([
    ['{ user: alise }', "7 user: there is no user 'alise' in /etc/passwd; did you mean alice?"],
    [
      '{ user: [root, zoe] }',
      "7 user: there is no user 'zoe' in /etc/passwd; write its uid if it is known elsewhere, as in LDAP",
    ],
    ['{ group: def }', "7 group: there is no group 'def' in /etc/group; did you mean dev?"],
  ])('%s', (match, message) => {
    expect(problems(match)).toEqual([message]);
  });

  it('are no problem as numbers, or where the accounts are not known', () => {
    expect(problems('{ user: [alice, 4711], group: 4711 }')).toEqual([]);
    expect(problems('{ user: zoe, group: zoo }', null)).toEqual([]);
  });
});

describe('a matcher that no local flow can fit', () => {
  it.each([
    [
      '{ user: alice, proto: icmp }',
      'user: this never matches: the owner of a packet is known of tcp, udp and udplite alone',
    ],
    [
      '{ exe: /bin/x, iif: eth1 }',
      'exe: this never matches: packets that this host sends itself have come in by no device (iif)',
    ],
  ])('%s', (match, message) => {
    expect(warningsOf(withClasses(`c: { match: ${match} }`)).join()).toContain(message);
  });

  it('is told only when that is certain', () => {
    for (const match of [
      '{ user: alice }',
      '{ user: alice, proto: [icmp, tcp] }',
      '{ exe: /bin/x, oif: eth0 }',
    ])
      expect(warningsOf(withClasses(`c: { match: ${match} }`))).toEqual([]);
  });

  it('in down is one with oif', () => {
    const text =
      'links: { wan: { device: eth0, down: { rate: 1mbit, classes: { c: { match: { user: a, oif: eth1 } } } } } }';
    expect(warningsOf(text).join()).toContain('packets to this host itself leave by no device (oif)');
  });
});
