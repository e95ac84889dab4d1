import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { interestMatches } from '../../../../src/io/rules/render-interest.ts';
import type { MatcherSpec, PrefixSpec } from '../../../../src/spec/match.ts';

const v4 = (a: number, b: number, bits: number): PrefixSpec => ({
  ...{ family: 4, bits },
  words: [((a << 24) | (b << 16)) >>> 0, 0, 0, 0],
});
const v6 = (high: number, bits: number): PrefixSpec => ({ family: 6, words: [high, 0, 0, 0], bits });
const TEN = v4(10, 0, 8);
const DOCUMENTATION = v6(0x20010db8, 32);
const range = (from: number, to = from) => ({ from, to });

const CASES: readonly (readonly [string, MatcherSpec, readonly string[]])[] = [
  ['nothing', {}, ['']],
  ['a protocol', { proto: [6] }, ['meta l4proto 6']],
  ['protocols', { proto: [1, 58] }, ['meta l4proto { 1, 58 }']],
  [
    'ports of whatever has some',
    { dport: [range(443), range(80), range(1000, 2000)] },
    ['meta l4proto { 6, 17, 136, 132 } th dport { 80, 443, 1000-2000 }'],
  ],
  [
    'a port of either end',
    { proto: [17], port: [range(53)] },
    ['meta l4proto 17 th sport 53', 'meta l4proto 17 th dport 53'],
  ],
  [
    'ranges that overlap, touch or lie in each other',
    { proto: [6], sport: [range(10, 20), range(15, 30), range(31), range(12), range(40)] },
    ['meta l4proto 6 th sport { 10-31, 40 }'],
  ],
  ['addresses of one family', { src: [TEN] }, ['ip saddr 10.0.0.0/8']],
  ['addresses of both', { dst: [TEN, DOCUMENTATION] }, ['ip daddr 10.0.0.0/8', 'ip6 daddr 2001:db8::/32']],
  [
    'families that agree',
    { src: [TEN, DOCUMENTATION], dst: [v4(172, 16, 12)] },
    ['ip saddr 10.0.0.0/8 ip daddr 172.16.0.0/12'],
  ],
  ['families that do not', { src: [TEN], dst: [DOCUMENTATION] }, []],
  [
    'prefixes in each other',
    { src: [v4(10, 1, 16), TEN, TEN, v4(11, 0, 16)] },
    ['ip saddr { 10.0.0.0/8, 11.0.0.0/16 }'],
  ],
  ['long prefixes in each other', { src: [v6(1, 128), { ...v6(1, 64) }] }, ['ip6 saddr 0:1::/64']],
  ['all of a family', { src: [v4(0, 0, 0), TEN] }, ['meta nfproto ipv4']],
  ['a host at either end', { host: [TEN] }, ['ip saddr 10.0.0.0/8', 'ip daddr 10.0.0.0/8']],
  ['code points of either family', { dscp: [46, 0] }, ['ip dscp { 46, 0 }', 'ip6 dscp { 46, 0 }']],
  ['code points and an address', { dscp: [46], src: [TEN] }, ['ip dscp 46 ip saddr 10.0.0.0/8']],
  [
    'marks',
    {
      mark: [
        { value: 1, mask: 0xff },
        { value: 7, mask: 0xffffffff },
        { value: 1, mask: 0xff },
      ],
    },
    ['meta mark & 0x000000ff == 0x00000001', 'meta mark 0x00000007'],
  ],
  [
    'a mark that all have',
    {
      mark: [
        { value: 1, mask: 1 },
        { value: 0, mask: 0 },
      ],
    },
    [''],
  ],
  ['devices', { iif: ['eth0'], oif: ['wan0', 'wan1'] }, ['iifname "eth0" oifname { "wan0", "wan1" }']],
];

describe('a matcher as matches of nft', () => {
  it.each(CASES)('%s', (_, matcher, matches) => {
    expect(interestMatches(matcher, new Set())).toEqual(matches);
  });

  it.each<[string, MatcherSpec]>([
    ['users', { users: ['user:alice'] }],
    ['groups', { groups: ['group:dev'] }],
    ['control groups', { cgroups: ['cgroup:/a'] }],
    ['programs', { exes: ['exe:/usr/bin/curl'] }],
    ['names of hosts', { hostNames: ['tv'] }],
    ['names beside addresses, of which either may hold', { hostNames: ['tv'], host: [TEN] }],
    ['MACs', { mac: [{ high: 1, low: 2 }] }],
    ['a device with a name that no rule can have', { iif: ['a"b'] }],
    ['a port of a bridge, which rules see as the bridge', { oif: ['eth0', 'port1'] }],
  ])('%s make it wider', (_, matcher) => {
    expect(interestMatches({ ...matcher, proto: [6] }, new Set(['port1']))).toEqual(['meta l4proto 6']);
  });

  it('an empty list matches nothing', () => {
    for (const key of ['proto', 'src', 'dst', 'host', 'sport', 'dport', 'port', 'dscp', 'mark', 'iif', 'oif'])
      expect(interestMatches({ [key]: [] }, new Set())).toEqual([]);
  });

  it('nft takes all of these', ({ skip }) => {
    const rules = CASES.flatMap(([, , matches]) => matches.filter(Boolean));
    const lines = [
      'add table inet t',
      'add chain inet t c',
      ...rules.map((text) => `add rule inet t c ${text} drop`),
    ];
    const { status, stderr, error } = spawnSync('unshare', ['-n', 'nft', '-f', '-'], {
      input: lines.join('\n'),
    });
    if (error || /Operation not permitted|not found/.test(String(stderr)))
      skip('no network namespaces or no nft here');
    expect([status, String(stderr)]).toEqual([0, '']);
  });
});
