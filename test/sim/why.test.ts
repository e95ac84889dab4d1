/** Situations with the real engine and real TCP in virtual time: what limits a flow, where, in words. */
import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../src/sim/packets/packets.ts';
import type { FlowSpec, HostSpec } from '../../src/sim/traffic/traffic.ts';
import { delayLine } from '../../src/sim/world/lines.ts';
import { MS, SECOND, tcp, udp } from './net.ts';
import { answerOf, ask, type Situation } from './why-world.ts';

const HOSTS6: readonly HostSpec[] = [
  { name: 'in', side: 'inside', address: [0xfd000000, 0, 0, 1] },
  { name: 'out', side: 'outside', address: [0x20010db8, 0, 0, 1] },
];
const UP = 'tcp 10.0.0.1:40001';
const up = (lines: string): string => `  wan:\n    device: eth0\n    up:\n      rate: 10mbit\n${lines}`;
const classes = (lines: string): string => `      classes:\n${lines}`;

interface Case extends Situation {
  readonly name: string;
  readonly subject?: string;
  readonly flow?: string;
  readonly kind: string;
  readonly where: string;
  readonly says: RegExp;
}

const bulk = (n: number, more: Parameters<typeof tcp>[2] = {}): FlowSpec => tcp(`t${n}`, 40 * MS, more);
const down = (n: number): FlowSpec => bulk(n, { from: 'out', to: 'in', sport: 443, dport: 40_000 + n });

const cases: Case[] = [
  {
    name: 'a policer',
    links: up(classes('        p: { match: { dport: 443 }, police: { rate: 3mbit } }\n')),
    flows: [bulk(1)],
    kind: 'police',
    where: 'wan/up/p',
    says: /slow because wan\/up\/p lets no more than 3\.00 Mbit\/s pass: the policer drops/,
  },
  {
    name: 'a policer that marks instead of dropping',
    links: up(classes('        p: { match: { dport: 443 }, police: { rate: 3mbit, exceed: mark } }\n')),
    flows: [bulk(1, { options: { ecn: true } })],
    kind: 'police',
    where: 'wan/up/p',
    says: /the policer marks packets/,
  },
  {
    name: 'each by host, and who shares it',
    links: up(classes('        g: { match: { dport: 443 }, each: { by: host, rate: 2mbit } }\n')),
    flows: [bulk(1), bulk(2), bulk(3), bulk(4)],
    kind: 'each',
    where: 'wan/up/g',
    says: /^This upload is slow because its host has used up its 2\.00 Mbit\/s \(wan\/up\/g, each by host\); 3 other flows of the host share it\.$/,
  },
  {
    name: 'each by flow',
    links: up(classes('        g: { match: { dport: 443 }, each: { by: flow, rate: 1mbit } }\n')),
    flows: [bulk(1), bulk(2)],
    kind: 'each',
    where: 'wan/up/g',
    says: /used up the 1\.00 Mbit\/s that wan\/up\/g gives each flow/,
  },
  {
    name: 'each by host that drops',
    links: up(
      classes('        g: { match: { dport: 443 }, each: { by: host, rate: 2mbit, exceed: drop } }\n'),
    ),
    flows: [bulk(1)],
    kind: 'each',
    where: 'wan/up/g',
    says: /packets beyond that are dropped/,
  },
  {
    name: 'a host that is throttled because of its quota',
    links: up(classes('        slow: { match: { dport: 443 }, ceil: 4mbit }\n')),
    limits: [{ of: ipv4(10, 0, 0, 1), kind: 'throttle', up: 125_000, down: 250_000 }],
    flows: [bulk(1)],
    kind: 'quota',
    where: 'wan/up/slow',
    says: /^This upload is slow because the quota of its host leaves it 1\.00 Mbit\/s up for now; `shaper quota` says why\.$/,
  },
  {
    name: 'a host that is throttled to more than its class has',
    links: up(classes('        slow: { match: { dport: 443 }, ceil: 4mbit }\n')),
    limits: [{ of: ipv4(10, 0, 0, 1), kind: 'throttle', up: 1e6 }],
    flows: [bulk(1)],
    kind: 'ceil',
    where: 'wan/up/slow',
    says: /its class wan\/up\/slow has reached its ceiling of 4\.00 Mbit\/s/,
  },
  {
    name: 'a host that is blocked',
    links: up(classes('        p: { match: { dport: 443 }, police: { rate: 3mbit } }\n')),
    limits: [{ of: ipv4(10, 0, 0, 1), kind: 'block' }],
    flows: [bulk(1)],
    kind: 'quota',
    where: 'wan/up/p',
    says: /^This upload does not pass because its host has used up its quota, and is blocked; `shaper quota` says until when\.$/,
  },
  {
    name: 'a host that sees the page',
    links: up(''),
    limits: [{ of: ipv4(10, 0, 0, 1), kind: 'page' }],
    flows: [udp('call', 20_000, 200)],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    flow: 'udp 10.0.0.1:5000',
    kind: 'quota',
    where: 'wan/up/default',
    says: /and sees a page instead/,
  },
  {
    name: 'a host that sees the page and whose packets are refused before they come here',
    links: up(''),
    limits: [{ of: ipv4(10, 0, 0, 1), kind: 'page' }],
    flows: [{ ...udp('call', 20_000, 200), stopNs: 4e9 }],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    flow: 'udp 10.0.0.1:5000',
    kind: 'quota',
    where: 'wan/up/default',
    says: /^This flow does not pass because its host has used up its quota, and sees a page instead/,
  },
  {
    name: 'the ceiling of its class',
    links: up(classes('        slow: { match: { dport: 443 }, ceil: 4mbit }\n')),
    flows: [bulk(1)],
    kind: 'ceil',
    where: 'wan/up/slow',
    says: /its class wan\/up\/slow has reached its ceiling of 4\.00 Mbit\/s/,
  },
  {
    name: 'a ceiling that siblings have moved',
    links: up(
      classes(
        '        call: { match: { dport: 5001 }, ceil: 2mbit }\n        rest: { adjust: true, match: { dport: 443 } }\n',
      ),
    ),
    flows: [bulk(1), udp('u', 160_000, 200)],
    kind: 'ceil',
    where: 'wan/up/rest',
    says: /its class wan\/up\/rest has reached its ceiling of 8\.00 Mbit\/s, which is what others leave of 10\.0 Mbit\/s\.$/,
  },
  {
    name: 'the ceiling of a class around it',
    links: up(
      classes(
        '        group:\n          ceil: 5mbit\n          match: { dport: 443 }\n          classes:\n            a: { match: { sport: 40001 } }\n',
      ),
    ),
    flows: [bulk(1)],
    kind: 'ceil',
    where: 'wan/up/group',
    says: /wan\/up\/group, which has its class wan\/up\/group\/a, has reached its ceiling of 5\.00 Mbit\/s/,
  },
  {
    name: 'only the guaranteed rate: nothing is left to borrow',
    links: up(
      classes(
        '        a: { match: { sport: 40001 }, rate: 2mbit }\n        b: { match: { sport: 40002 }, rate: 8mbit }\n',
      ),
    ),
    flows: [bulk(1), bulk(2)],
    kind: 'rate',
    where: 'wan/up',
    says: /wan\/up is full \(10\.0 Mbit\/s\) and has nothing left to borrow; its class wan\/up\/a gets .* of which 2\.00 Mbit\/s are guaranteed/,
  },
  {
    name: 'RED that dropped, and no bucket since',
    links: up(
      classes(
        '        r:\n          match: { dport: 443 }\n          queue: { limit: 200p, aqm: { red: { min: 6kB, max: 18kB, probability: 0.5 } } }\n',
      ),
    ),
    // Three seconds after the flood, nothing waits any more.
    flows: [{ ...udp('u', 2_500_000, 1000), dport: 443, stopNs: 6 * SECOND }],
    subject: '10.0.0.1',
    flow: 'udp',
    kind: 'aqm',
    where: 'wan/up/r',
    says: /the AQM of wan\/up\/r has dropped \d+ packets of it/,
  },
  {
    name: 'a full queue, and no bucket since',
    links: up(
      classes('        q: { match: { dport: 443 }, queue: { discipline: fifo, limit: 5p, aqm: none } }\n'),
    ),
    flows: [{ ...udp('u', 2_500_000, 1000), dport: 443, stopNs: 6 * SECOND }],
    subject: '10.0.0.1',
    flow: 'udp',
    kind: 'queue',
    where: 'wan/up/q',
    says: /the queue of wan\/up\/q was full/,
  },
  {
    name: 'a module that drops, and no bucket since',
    links: up(classes('        a: { match: { dport: 5001 }, ceil: 4mbit }\n')),
    flows: [udp('u', 10_000, 500)],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    droppedByModules: 7,
    flow: 'udp',
    kind: 'module',
    where: 'wan/up/a',
    says: /is slow because a module has dropped 7 packets of it before they came to wan\/up\/a, the last/,
  },
  {
    name: 'a sender that sends little',
    links: up(classes('        a: { match: { dport: 5001 }, ceil: 4mbit }\n')),
    flows: [udp('u', 10_000, 500)],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    flow: 'udp',
    kind: 'sender',
    where: 'wan/up/a',
    says: /not limited here: its sender sends [78]\d\.\d kbit\/s, and it may send 4\.00 Mbit\/s \(wan\/up\/a\)/,
  },
  {
    name: 'a sender that sends little beside a full link',
    links: up(classes('        a: { match: { dport: 5001 }, rate: 1mbit, priority: 0 }\n')),
    flows: [udp('u', 10_000, 500), bulk(1), bulk(2)],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    flow: 'udp',
    kind: 'sender',
    where: 'wan/up/a',
    says: /not limited here/,
  },
  {
    name: 'the window of the receiver',
    // Both directions pass here, so the handshake and the window are seen.
    links: '  wan: { device: eth0, up: 10mbit, down: 10mbit }\n',
    flows: [bulk(1, { options: { windowPackets: 8 } })],
    kind: 'receiver',
    where: 'wan/up/default',
    says: /the window of the receiver is full/,
  },
  {
    name: 'an application that paused',
    links: up(''),
    flows: [{ ...udp('u', 10_000, 500), stopNs: 3 * SECOND }],
    subject: 'udp 10.0.0.1:5000 198.51.100.1:5001',
    flow: 'udp',
    kind: 'sender',
    where: 'wan/up/default',
    says: /has sent nothing for 5\.\d s/,
  },
  {
    name: 'a flood of UDP',
    links: up(classes('        f: { match: { dport: 5001 }, ceil: 1mbit }\n')),
    flows: [udp('u', 2_500_000, 1000), bulk(1)],
    subject: '10.0.0.1',
    flow: 'udp',
    kind: 'ceil',
    where: 'wan/up/f',
    says: /^This flow is slow because its class wan\/up\/f has reached its ceiling of 1\.00 Mbit\/s/,
  },
  {
    name: 'short first',
    links: up(
      classes('        s: { match: { dport: 443 }, ceil: 3mbit, queue: { discipline: short-first } }\n'),
    ),
    flows: [bulk(1)],
    kind: 'ceil',
    where: 'wan/up/s',
    says: /wan\/up\/s has reached its ceiling of 3\.00/,
  },
  {
    name: 'a download beside its acknowledgements: two trees of one link',
    links: `  wan:\n    device: eth0\n    up: 10mbit\n    down:\n      rate: 20mbit\n      classes:\n        g: { match: { dst: 10.0.0.0/24 }, each: { by: host, rate: 2mbit } }\n`,
    flows: [down(1)],
    flow: 'tcp 198.51.100.1:443',
    subject: '10.0.0.1',
    kind: 'each',
    where: 'wan/down/g',
    says: /^This download is slow because its host has used up its 2\.00 Mbit\/s \(wan\/down\/g, each by host\)\.$/,
  },
  {
    name: 'two links: the second one limits',
    links: `  wan:\n    device: eth0\n    up:\n      rate: 20mbit\n  lan:\n    device: eth1\n    down:\n      rate: 3mbit\n`,
    flows: [bulk(1)],
    kind: 'ceil',
    where: 'lan/down',
    says: /^This transfer is slow because lan\/down is full: its rate is 3\.00 Mbit\/s\.$/,
  },
  {
    name: 'a class without a guarantee beside one that takes the rest',
    links: up(classes('        b: { match: { sport: 40002 }, rate: 8mbit }\n')),
    flows: [bulk(1), bulk(2), bulk(3)],
    kind: 'rate',
    where: 'wan/up',
    says: /nothing left to borrow; its class wan\/up\/default gets .*, and 1 other flow share that/,
  },
  {
    name: 'a slower line elsewhere',
    links: '  wan: { device: eth0, up: 100mbit }\n',
    flows: [bulk(1)],
    line: { up: { ...delayLine(0), rateBytesPerSec: 500_000 } },
    kind: 'sender',
    where: 'wan/up/default',
    says: /^This upload is not limited here: .* another place on the way sets the pace\.$/,
  },
  {
    name: 'acknowledgements that a full link holds up',
    links: '  wan: { device: eth0, up: 50mbit, down: 100kbit }\n',
    flows: [bulk(1)],
    kind: 'sender',
    where: 'wan/up/default',
    says: /^This upload is not limited here: .* 50\.0 Mbit\/s \(wan\/up\/default\)\. Its acknowledgements wait in the other direction \(ceil of wan\/down\)/,
  },
  {
    name: 'IPv6',
    links: up(classes('        g: { match: { src: "fd00::/64" }, each: { by: host, rate: 2mbit } }\n')),
    hosts: HOSTS6,
    flows: [bulk(1)],
    subject: 'TCP [fd00:0::1]:40001 -> [2001:db8::1]:443',
    flow: 'tcp [fd00::1]:40001 > [2001:db8::1]:443',
    kind: 'each',
    where: 'wan/up/g',
    says: /used up its 2\.00 Mbit\/s/,
  },
];

describe('what limits a flow', () => {
  test.each(cases)('$name', async ({ subject, flow = UP, kind, where, says, ...situation }) => {
    const report = await ask(subject ?? 'tcp 10.0.0.1:40001 198.51.100.1:443', situation);
    const { limitedBy, sentence } = answerOf(report, flow);
    expect({ kind: limitedBy.kind, where: limitedBy.where, sentence }).toEqual({
      kind,
      where,
      sentence: expect.stringMatching(says),
    });
  });
});

describe('classes and rules', () => {
  const links = up(
    classes(
      '        web: { match: { dport: 443 }, ceil: 8mbit }\n        guests: { match: { src: 10.0.0.0/24 }, each: { by: host, rate: 2mbit } }\n',
    ),
  );

  test('the wrong class by order: the class that would have come next, and the line of the rule', async () => {
    const report = await ask('tcp 10.0.0.1:40001 198.51.100.1:443', { links, flows: [bulk(1)] });
    const answer = answerOf(report, UP);
    expect(answer).toMatchObject({
      live: true,
      classes: ['wan/up/web'],
      rule: { file: '/etc/shaper.yaml', line: 7 },
      nextClass: 'wan/up/guests',
      limitedBy: { kind: 'ceil', where: 'wan/up/web' },
    });
    expect(answer.buckets.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
      'ceil wan/up/web',
      'ceil wan/up',
    ]);
    expect(answer.waitMilliseconds.p50).toBeGreaterThan(1);
    expect(answer.bitsPerSecond).toBeGreaterThan(7e6);
    expect(report.total).toBe(1);
  });

  test('a host without traffic: where its packets would go, and what would depend on their ports', async () => {
    const { flows, total } = await ask('10.0.0.77', { links, flows: [] });
    expect(total).toBe(0);
    expect(flows[0]).toMatchObject({
      flow: 'from 10.0.0.77',
      live: false,
      classes: ['wan/up/guests'],
      rule: { line: 8 },
      nextClass: 'wan/up/default',
      limitedBy: {
        kind: 'none',
        detail: '2.00 Mbit/s for each host (wan/up/guests), ceil 10.0 Mbit/s (wan/up)',
      },
      sentence:
        'There is no traffic now; a packet from 10.0.0.77 that leaves by eth0 would go to wan/up/guests, unless wan/up/web takes it by its protocol, ports or other end, and may have 2.00 Mbit/s there.',
    });
  });

  test.each(['block', 'page'] as const)('a host without traffic that is stopped: %s', async (kind) => {
    const stopped = (_: number, words: ArrayLike<number>) => (words[0] === 0x0a00004d ? kind : null);
    for (const subject of ['10.0.0.77', 'udp 10.0.0.77:1 192.0.2.9:7000']) {
      const { flows } = await ask(subject, { links, flows: [], stopped });
      expect(flows[0].limitedBy.kind).toBe('quota');
      expect(flows[0].sentence).toMatch(
        /^There is no traffic now; a packet .* does not pass because its host has used up its quota, and /,
      );
      expect(flows[0].sentence).toContain(kind === 'block' ? 'is blocked' : 'sees a page instead');
    }
    const { flows } = await ask('10.0.0.78', { links, flows: [], stopped });
    expect(flows[0].limitedBy.kind).toBe('none');
  });

  test('an address that no class names', async () => {
    const { flows } = await ask('192.0.2.9', { links, flows: [] });
    expect(flows.map(({ classes: [leaf] }) => leaf)).toEqual(['wan/up/default']);
    expect(flows[0].nextClass).toBe(null);
  });

  test('a flow that does not exist: its class by its ports', async () => {
    const { flows } = await ask('tcp 10.0.0.77:1 192.0.2.9:443', { links, flows: [] });
    expect(flows).toMatchObject([{ classes: ['wan/up/web'], nextClass: 'wan/up/guests' }]);
  });
});
