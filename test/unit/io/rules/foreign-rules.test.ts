/** Rules of other programs, in the forms in which nft 1.0.6, iptables 1.8.9 and iproute2 6.1 list them. */
import { describe, expect, it } from 'vitest';
import {
  readIptablesRule,
  readIptablesRules,
  readMarkUsers,
  readNftRule,
  readNftRules,
  tracksConnections,
} from '../../../../src/io/rules/foreign-rules.ts';

const ALL = 0xffffffff;
const NOTHING = {
  packetBits: 0,
  erases: 0,
  restores: 0,
  saves: 0,
  connectionBits: 0,
  nfqueues: null,
  endsOutput: false,
};

describe('a rule of nft', () => {
  it.each([
    ['meta mark set 0x00000064', { packetBits: 0x64, erases: ALL }],
    ['meta mark set meta mark & 0xffffff64 | 0x00000064', { packetBits: 0xff, erases: 0xff }],
    ['counter meta mark set mark and 0xffffff00 xor 0x64', { packetBits: 0xff, erases: 0xff }],
    ['meta mark set meta mark | 0x40000000 accept', { packetBits: 0x40000000, erases: 0x40000000 }],
    ['meta mark set meta mark ^ 0x00000001', { packetBits: 1 }],
    ['meta mark set ct mark', { erases: ALL, restores: ALL }],
    ['counter meta mark set ct mark and 0xff', { packetBits: 0xff, erases: ALL, restores: 0xff }],
    ['meta mark set ct mark & 0x000000ff', { packetBits: 0xff, erases: ALL, restores: 0xff }],
    ['ct mark set meta mark', { saves: ALL }],
    ['counter ct mark set mark', { saves: ALL }],
    ['ct mark set meta mark & 0x0000ff00', { saves: 0xff00, connectionBits: 0xff00 }],
    ['ct mark set ct mark | 0x00000005', { connectionBits: 5 }],
    ['meta mark & 0x40000000 == 0x00000000 accept', { packetBits: 0x40000000 }],
    [
      'meta mark & 0x40000000 != 0x40000000 counter queue num 200 bypass',
      { packetBits: 0x40000000, nfqueues: [200, 200] },
    ],
    ['meta mark 0x00000064 accept', { packetBits: 0x64 }],
    ['meta mark != 0x00000064 accept', { packetBits: 0x64 }],
    ['meta mark 0x01000000/8  counter', { packetBits: 0xff000000 }],
    ['meta mark { 0x00000001, 0x00000002 } accept', { packetBits: 3 }],
    ['meta mark vmap { 0x00000001 : accept, 0x00000004 : drop }', { packetBits: 5 }],
    [
      'meta mark set ip saddr map { 1.1.1.1 : 0x00000010, 2.2.2.2 : 0x00000020 }',
      { packetBits: 0x30, erases: ALL },
    ],
    [
      'ct mark & 0x00000010 != 0x00000000 meta mark set 0x00000001 counter accept',
      { connectionBits: 0x10, packetBits: 1, erases: ALL },
    ],
    ['queue flags bypass,fanout to 5-8', { nfqueues: [5, 8] }],
    ['ip daddr 10.0.0.1 queue to 7', { nfqueues: [7, 7] }],
    ['ip saddr @bl drop comment "meta mark 0x12"', {}],
    ['tcp dport 443 ct state established accept', {}],
  ])('%s', (text, touched) => {
    expect(readNftRule(text)).toEqual({ ...NOTHING, ...touched });
  });

  it('is found with its chain, hook and priority, but not in tables of ours', () => {
    const chain = (priority: string): string =>
      `\tchain out {\n\t\ttype filter hook output priority ${priority}; policy accept;\n\t\tmeta mark set 0x1\n\t}\n`;
    const set = '\tset s {\n\t\ttypeof meta mark\n\t\telements = { 0x5 }\n\t}\n';
    const listing =
      `table inet shaper_100 {\n${chain('0')}}\ntable inet fw {\n${set}${chain('mangle + 5')}}\n` +
      `table ip6 other {\n${chain('-300')}\tchain plain {\n\t\tct mark set meta mark\n\t}\n}\ntable ip nat {\n${chain('srcnat')}}\n`;
    expect(
      readNftRules(listing, (table) => table === 'ip nat').map(({ where, hook, priority }) => [
        where,
        hook,
        priority,
      ]),
    ).toEqual([
      ['nft table inet fw, chain out', 'output', -145],
      ['nft table ip6 other, chain out', 'output', -300],
      ['nft table ip6 other, chain plain', '', Number.NaN],
    ]);
  });
});

describe('a rule of iptables', () => {
  it.each([
    [
      '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      { erases: ALL, restores: ALL },
    ],
    [
      '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff',
      { packetBits: 0xff, erases: 0xff, restores: 0xff },
    ],
    ['-A OUTPUT -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff', { saves: ALL }],
    ['-A OUTPUT -j CONNMARK --save-mark', { saves: ALL }],
    ['-A OUTPUT -j CONNMARK --set-xmark 0x10/0xf0', { connectionBits: 0xf0 }],
    ['-A PREROUTING -j MARK --set-xmark 0x64/0xffffffff', { packetBits: 0x64, erases: ALL }],
    ['-A PREROUTING -j MARK --set-xmark 0x64/0xff', { packetBits: 0xff, erases: 0xff }],
    [
      '-A POSTROUTING -m mark ! --mark 0x40000000/0x40000000 -j NFQUEUE --queue-num 200 --queue-bypass',
      { packetBits: 0x40000000, nfqueues: [200, 200] },
    ],
    ['-A INPUT -m connmark --mark 0x4/0xf -j ACCEPT', { connectionBits: 0xf }],
    [
      '-A PREROUTING -p tcp -j TPROXY --on-port 1 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1',
      { packetBits: 1, erases: 1 },
    ],
    ['-A FORWARD -j NFQUEUE --queue-balance 0:3', { nfqueues: [0, 3] }],
    ['-A FORWARD -j NFQUEUE', { nfqueues: [0, 0] }],
    ['-A FORWARD -p tcp -j ACCEPT', {}],
  ])('%s', (text, touched) => {
    expect(readIptablesRule(text)).toEqual({ ...NOTHING, ...touched });
  });

  it('is found with its table, and not if it is ours', () => {
    const saved =
      '*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x1/0x1\nCOMMIT\n*security\n' +
      '-A FORWARD -m mark --mark 0x1000000/0xff000000 -m comment --comment "shaper:100" -j NFQUEUE --queue-num 100\nCOMMIT\n';
    expect(readIptablesRules('iptables', saved).map(({ where, text }) => [where, text])).toEqual([
      ['iptables -t mangle', '-A PREROUTING -j MARK --set-xmark 0x1/0x1'],
    ]);
  });
});

it('routing rules and classifiers are users of marks', () => {
  const rules =
    '0:\tfrom all lookup local\n32764:\tfrom all fwmark 0x40/0xf0 lookup 5\n32765:\tfrom all fwmark 0xca6c lookup 6\n';
  expect(readMarkUsers('ip rule', rules).map(({ packetBits }) => packetBits)).toEqual([0xf0, 0xca6c]);
  const filter = 'filter parent 1: protocol ip pref 1 fw chain 0 handle 0x64/0xff classid 1:1 \n';
  expect(readMarkUsers('tc', filter).map(({ packetBits }) => packetBits)).toEqual([0xff]);
});

it.each([
  ['\t\toifname "wan0" masquerade', true],
  ['\t\tct state established,related accept', true],
  ['-A POSTROUTING -j MASQUERADE', true],
  ['-A INPUT -m conntrack --ctstate NEW -j ACCEPT', true],
  ['\t\tcounter xt target "MASQUERADE"', true],
  ['\t\ttcp dport 22 accept', false],
  ['table ip nat {', false],
  [':POSTROUTING ACCEPT [0:0]', false],
])('%s tracks connections: %s', (line, tracks) => {
  expect(tracksConnections(`a\n${line}\nb`)).toBe(tracks);
});
