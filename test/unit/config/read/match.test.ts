import { describe, expect, it } from 'vitest';
import { classOf, classProblems, load, problemsOf, warningsOf, withClasses } from '../helpers.ts';

const matchOf = (fields: string): unknown => classOf(`match: ${fields}`).match;
const prefix4 = (word: number, bits: number): object => ({ family: 4, words: [word, 0, 0, 0], bits });

describe('matchers', () => {
  it.each([
    ['{ proto: tcp }', { proto: [6] }],
    ['{ proto: [tcp, udp] }', { proto: [6, 17] }],
    ['{ proto: icmp }', { proto: [1, 58] }],
    ['{ proto: icmpv6 }', { proto: [58] }],
    ['{ proto: [icmp, icmpv6] }', { proto: [1, 58] }],
    ['{ proto: [esp, gre, ah, sctp, udplite] }', { proto: [50, 47, 51, 132, 136] }],
    ['{ proto: 89 }', { proto: [89] }],
    ['{ proto: udp, dport: 5060-5090 }', { proto: [17], dport: [{ from: 5060, to: 5090 }] }],
    ['{ dport: 53 }', { proto: [6, 17, 136, 132], dport: [{ from: 53, to: 53 }] }],
    [
      '{ port: [80, 443, 8000-8080] }',
      {
        proto: [6, 17, 136, 132],
        port: [
          { from: 80, to: 80 },
          { from: 443, to: 443 },
          { from: 8000, to: 8080 },
        ],
      },
    ],
    ['{ proto: tcp, sport: 0-65535 }', { proto: [6], sport: [{ from: 0, to: 65535 }] }],
    ['{ dscp: ef }', { dscp: [46] }],
    ['{ dscp: [EF, af11, af43, cs0, cs7, be, le, 63, 0x2e] }', { dscp: [46, 10, 38, 0, 56, 0, 1, 63, 46] }],
    ['{ src: 10.0.0.0/24 }', { src: [prefix4(0x0a000000, 24)] }],
    ['{ host: 192.168.1.1 }', { host: [prefix4(0xc0a80101, 32)] }],
    ['{ dst: 0.0.0.0/0 }', { dst: [prefix4(0, 0)] }],
    [
      '{ src: [10.0.0.0/24, "fd00:1::/64"] }',
      {
        src: [prefix4(0x0a000000, 24), { family: 6, words: [0xfd000001, 0, 0, 0], bits: 64 }],
      },
    ],
    ['{ mark: 0x10 }', { mark: [{ value: 0x10, mask: 0xffffffff }] }],
    ['{ mark: 16 }', { mark: [{ value: 0x10, mask: 0xffffffff }] }],
    ['{ mark: 0x10/0xff }', { mark: [{ value: 0x10, mask: 0xff }] }],
    [
      '{ mark: [1, 0x20/0xf0] }',
      {
        mark: [
          { value: 1, mask: 0xffffffff },
          { value: 0x20, mask: 0xf0 },
        ],
      },
    ],
    ['{ iif: lan0, oif: [wan0, ppp0.7] }', { iif: ['lan0'], oif: ['wan0', 'ppp0.7'] }],
  ])('%s', (text, expected) => {
    expect(matchOf(text)).toEqual([expected]);
  });

  it('a list of matchers is kept in order', () => {
    expect(matchOf('[{ proto: udp, dport: 5060-5090 }, { dscp: ef }]')).toEqual([
      { proto: [17], dport: [{ from: 5060, to: 5090 }] },
      { dscp: [46] },
    ]);
  });

  it('names stand beside addresses, and MACs are numbers', () => {
    const withNames = (match: string, hosts = '{ names: { nas: 10.0.0.5, tv: 10.0.0.6 } }'): string =>
      `${withClasses(`c: { match: ${match} }`)}\nhosts: ${hosts}`;
    const read = (match: string): unknown => load(withNames(match)).spec.links[0]!.up!.children[0]!.match![0];
    expect(read('{ host: NAS }')).toEqual({ hostNames: ['nas'] });
    expect(read('{ host: [tv, 10.0.0.0/8, nas, tv] }')).toEqual({
      host: [prefix4(0x0a000000, 8)],
      hostNames: ['tv', 'nas'],
    });
    expect(read('{ mac: [00-50-8d-68-50-75, "02:00:00:00:00:01"] }')).toEqual({
      mac: [
        { high: 0x50, low: 0x8d685075 },
        { high: 0x200, low: 1 },
      ],
    });
    // A name may have an address of the other family as well.
    expect(problemsOf(withNames('{ src: 10.0.0.1, host: [nas, "fd00::1"] }'))).toEqual([]);
    expect(problemsOf(withNames('{ host: nax }'))).toEqual([
      expect.stringMatching(/host: no host is called 'nax' in hosts\.names; the nearest is 'nas'$/),
    ]);
    expect(problemsOf(withNames('{ host: nax }', '{ leases: /x }'))).toEqual([]);
    expect(problemsOf(withNames('{ host: 10.0.0.256 }'))).toEqual([
      expect.stringMatching(/is not an address/),
    ]);
  });

  it('`none` matches nothing, and is no name among others', () => {
    expect(classOf('match: none').match).toEqual([]);
    expect(classOf('weight: 1').match).toBeNull();
    expect(classProblems('match: [none]').join()).toContain('a matcher must be a map');
    expect(classProblems('match: { none: 1 }')).toHaveLength(1);
  });

  it.each([
    ['{}', 'an empty matcher would take every packet'],
    ['[]', 'the list is empty'],
    ['[{ dport: 1 }, ]', ''],
    ['tcp', 'a matcher must be a map'],
    ['[tcp]', 'a matcher must be a map'],
    ['[[{ dport: 1 }]]', 'a matcher must be a map'],
    ['{ proto: xns }', "'xns' is not a protocol"],
    ['{ proto: 256 }', "'256' is not a protocol"],
    ['{ proto: constructor }', "'constructor' is not a protocol"],
    ['{ proto: icmp, dport: 80 }', 'this protocol has no ports'],
    ['{ proto: [tcp, esp], dport: 80 }', 'this protocol has no ports'],
    ['{ dport: 65536 }', "'65536' is not a port"],
    ['{ dport: http }', "'http' is not a port"],
    ['{ dport: 90-80 }', 'runs backwards; write 80-90'],
    ['{ dport: [] }', 'the list is empty'],
    ['{ dport: [80, ] }', ''],
    ['{ dport: { from: 1 } }', 'dport must be a single value, not a map'],
    ['{ dscp: 64 }', "'64' is not a DSCP"],
    ['{ dscp: af14 }', "'af14' is not a DSCP"],
    ['{ dscp: toString }', "'toString' is not a DSCP"],
    ['{ src: 10.0.0 }', "'10.0.0' is not an address"],
    ['{ src: 10.0.0.256 }', 'is not an address'],
    ['{ src: 010.0.0.1 }', 'is not an address'],
    ['{ src: 10.0.0.0/33 }', 'at most 32'],
    ['{ src: 10.0.0.0/255.0.0.0 }', 'is not an address'],
    ['{ src: "fe80::1%eth0" }', 'is not an address'],
    ['{ src: "fd00::/129" }', 'at most 128'],
    ['{ src: example.org }', 'is not an address'],
    ['{ mark: -1 }', 'is not a mark'],
    ['{ mark: 0x100000000 }', 'is not a mark'],
    ['{ mark: 0x1/0 }', 'is not a mark'],
    ['{ mark: 0x10/0x0f }', 'has bits outside its mask'],
    ['{ iif: "eth*" }', 'is not a device name'],
    ['{ src: 10.0.0.0/8, dst: "fd00::/8" }', 'this can never match'],
    ['{ src: 10.0.0.0/8, host: "fd00::/8" }', 'this can never match'],
  ])('%s is refused', (text, message) => {
    const problems = classProblems(`match: ${text}`);
    // A comma before the closing bracket is no item in YAML: nothing is wrong.
    if (message === '') expect(problems).toEqual([]);
    else expect(problems.join('\n')).toContain(message);
  });

  it.each(['0x01000000', '0x0/0x80000000'])(
    'the mark %s is refused among bits that are given to the shaper',
    (mark) => {
      const classes = withClasses(`c: { match: { mark: ${mark} } }`);
      const problems = problemsOf(`${classes}\nnfqueue: { mark: 0xff000000 }`);
      expect(problems.join()).toContain("the bits 0xff000000 are the shaper's own");
      expect(load(classes).spec.nfqueue.markMask).toBe(mark === '0x01000000' ? 0x00ff0000 : 0x7f800000);
    },
  );

  it('marks follow the mask that is configured', () => {
    const text = `${withClasses('c: { match: { mark: 0x01000000 } }')}\nnfqueue: { mark: 0x00ff0000 }`;
    expect(load(text).spec.links[0]!.up!.children[0]!.match).toEqual([
      { mark: [{ value: 0x01000000, mask: 0xffffffff }] },
    ]);
  });

  it('families that overlap in a list are fine', () => {
    expect(classProblems('match: { src: [10.0.0.0/8, "fd00::/8"], dst: "fd00::/8" }')).toEqual([]);
  });

  it('bits beyond the prefix are a warning with the prefix that is used', () => {
    const warnings = warningsOf(withClasses('c: { match: { src: [10.0.0.5/24, "fd00::1/64"] } }'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('taken as 10.0.0.0/24');
    expect(warnings[1]).toContain('taken as fd00::/64');
    expect(matchOf('{ src: 10.0.0.5/24 }')).toEqual([{ src: [prefix4(0x0a000000, 24)] }]);
  });
});
