/** Matchers as they are written. */
import { expect, it } from 'vitest';
import { type Said, writtenClass } from './written.ts';

it.each<Said>([
  { match: 'none' },
  { match: { dport: ['80', '5060-5090'] } },
  { match: { user: ['alice', '1000'], group: ['dev'], cgroup: ['/system.slice'], exe: ['/usr/bin/rsync'] } },
  { match: { proto: ['icmp', 'gre', '99'], iif: ['eth1'], host: ['192.0.2.1'] } },
  {
    match: [
      { proto: ['tcp'], port: ['1'] },
      { src: ['10.0.0.0/8', 'fd00::1'], mark: ['0x10/0xff'], dscp: ['ef', '9'] },
    ],
  },
])('%j is written as it was said', (said) => {
  expect(writtenClass(said)).toEqual(said);
});

it.each<[string, Said, Said]>([
  [
    'protocols that ports mean anyhow are left out',
    { match: { port: 1, proto: ['tcp', 'udp', 'udplite', 'sctp'] } },
    { match: { port: ['1'] } },
  ],
  ['ICMP of both families has one name', { match: { proto: [1, 'icmpv6'] } }, { match: { proto: ['icmp'] } }],
  ['a list with one matcher is the matcher', { match: [{ sport: [53] }] }, { match: { sport: ['53'] } }],
  [
    'the mount of control groups is left out, and numbers are decimal',
    { match: { cgroup: ['/sys/fs/cgroup/user.slice/', '/sys/fs/cgroup/unified'], user: '0x10' } },
    { match: { user: ['16'], cgroup: ['/user.slice', '/'] } },
  ],
  ['bits beyond a prefix are gone', { match: { dst: '10.1.2.3/8' } }, { match: { dst: ['10.0.0.0/8'] } }],
])('%s', (_, said, written) => {
  expect(writtenClass(said)).toEqual(written);
});
