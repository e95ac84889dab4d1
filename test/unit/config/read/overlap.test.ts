import { describe, expect, it } from 'vitest';
import { areDisjoint, coversAll } from '../../../../src/config/read/overlap.ts';
import type { MatcherSpec } from '../../../../src/spec/spec.ts';
import { load, withClasses } from '../helpers.ts';

const HOSTS = '\nhosts: { leases: /x }';
const m = (text: string): readonly MatcherSpec[] =>
  load(withClasses(`c: { match: ${text} }`) + HOSTS).spec.links[0]!.up!.children[0]!.match!;

describe('covers', () => {
  it.each([
    ['{ dport: 80-90 }', '{ dport: 85 }'],
    ['{ dport: 80 }', '{ proto: tcp, dport: 80 }'],
    ['{ proto: [tcp, udp] }', '{ proto: udp, dport: 53 }'],
    ['{ src: 10.0.0.0/8 }', '{ src: [10.1.0.0/16, 10.2.3.4], dport: 80 }'],
    ['{ src: "fd00:1::/40" }', '{ src: "fd00:1:44::/64" }'],
    ['{ host: 10.0.0.0/8 }', '{ dst: 10.0.0.1 }'],
    ['{ port: 53 }', '{ sport: 53 }'],
    ['{ mark: 0x10/0x10 }', '{ mark: 0x30/0xf0 }'],
    ['{ src: [0.0.0.0/0, "::/0"] }', '{ dscp: ef }'],
    ['[{ dport: 80 }, { dport: 443 }]', '{ dport: [80, 443] }', false],
    ['[{ dport: 80 }, { dport: 443 }]', '[{ dport: 443 }, { dport: 80 }]'],
    ['{ src: 0.0.0.0/0 }', '{ dscp: ef }', false],
    ['{ dport: 80 }', '{ port: 80 }', false],
    ['{ src: 10.0.0.0/8 }', '{ host: 10.0.0.1 }', false],
    ['{ src: 10.0.0.0/16 }', '{ src: 10.0.0.0/8 }', false],
    ['{ proto: tcp, dport: 80 }', '{ dport: 80 }', false],
    ['{ mark: 0x10/0xff }', '{ mark: 0x10/0xf0 }', false],
    ['{ iif: a, dscp: ef }', '{ iif: a }', false],
    ['{ host: [nas, tv] }', '{ host: tv, dport: 80 }'],
    ['{ host: [nas, 10.0.0.0/8] }', '{ host: [10.0.0.1, nas] }'],
    ['{ host: [nas, 10.0.0.0/8] }', '{ src: 10.0.0.1 }'],
    ['{ host: nas }', '{ host: [nas, tv] }', false],
    ['{ host: nas }', '{ host: 10.0.0.1 }', false],
    ['{ host: 10.0.0.0/8 }', '{ host: [10.0.0.1, nas] }', false],
    ['{ host: nas }', '{ dscp: ef }', false],
    ['{ mac: ["02:00:00:00:00:01", "02:00:00:00:00:02"] }', '{ mac: "02:00:00:00:00:02", dscp: ef }'],
    ['{ mac: "02:00:00:00:00:01" }', '{ mac: "02:00:00:00:00:02" }', false],
    ['{ mac: "02:00:00:00:00:01" }', '{ dscp: ef }', false],
    ['{ user: [alice, bob] }', '{ user: bob, exe: /bin/x }'],
    ['{ user: alice }', '{ user: bob }', false],
    ['{ group: dev }', '{ user: alice }', false],
    ['{ exe: /bin/x }', '{ dport: 80 }', false],
    ['{ cgroup: /system.slice }', '{ cgroup: [/system.slice/a.service, /system.slice] }'],
    ['{ cgroup: / }', '{ cgroup: /system.slice }'],
    ['{ cgroup: /system }', '{ cgroup: /system.slice }', false],
    ['{ cgroup: /a/b }', '{ cgroup: /a }', false],
  ])('%s, %s', (a, b, expected = true) => {
    expect(coversAll(m(a), m(b))).toBe(expected);
  });
});

describe('disjoint', () => {
  it.each([
    ['{ proto: tcp }', '{ proto: udp }'],
    ['{ proto: esp }', '{ dport: 80 }'],
    ['{ src: 10.0.9.0/24 }', '{ src: 10.0.8.0/24 }'],
    ['{ src: 10.0.9.0/24 }', '{ dst: "fd00::/8" }'],
    ['{ src: "fd00:0:1::/64" }', '{ src: "fd00:0:2::/64" }'],
    ['{ host: 10.0.0.1 }', '{ src: 10.0.0.2, dst: 10.0.0.3 }'],
    ['{ port: 1-9 }', '{ sport: 10, dport: 11 }'],
    ['{ dscp: ef }', '{ dscp: [be, cs1] }'],
    ['{ mark: 0x1/0xf }', '{ mark: 0x2/0xf }'],
    ['{ iif: a }', '{ iif: b }'],
    ['[{ proto: tcp }, { proto: udp }]', '[{ proto: esp }, { proto: gre }]'],
    ['{ src: 10.0.9.0/24 }', '{ dst: 10.0.8.0/24 }', false],
    ['{ src: 10.0.9.0/24 }', '{ src: 10.0.0.0/8 }', false],
    ['{ host: 10.0.0.1 }', '{ src: 10.0.0.2 }', false],
    ['{ mark: 0x1/0x1 }', '{ mark: 0x2/0x2 }', false],
    ['{ dport: 80-90 }', '{ dport: 90-99 }', false],
    ['[{ proto: tcp }, { dscp: ef }]', '{ proto: udp }', false],
    ['{ dscp: ef }', '{ iif: a }', false],
    ['{ host: [10.0.0.1, nas] }', '{ src: 10.0.0.2, dst: 10.0.0.3 }', false],
    ['{ host: ["fd00::1", nas] }', '{ src: 10.0.0.2 }', false],
    ['{ mac: "02:00:00:00:00:01" }', '{ mac: "02:00:00:00:00:02" }', false],
  ])('%s, %s', (a, b, expected = true) => {
    expect(areDisjoint(m(a), m(b))).toBe(expected);
    expect(areDisjoint(m(b), m(a))).toBe(expected);
  });
});
