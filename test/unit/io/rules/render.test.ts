import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type RulesRequest, renderRules } from '../../../../src/io/rules/index.ts';
import {
  deletionOf,
  iptablesRules,
  placeOf,
  restoreInput,
  taggedInstance,
} from '../../../../src/io/rules/render-iptables.ts';
import {
  chainLines,
  claimLines,
  firstQueueOfTable,
  quoteDevice,
  removeLines,
  stopLines,
  tableName,
} from '../../../../src/io/rules/render-nft.ts';

type Directions = RulesRequest['plan']['directions'];

const TWO_LINKS: Directions = [
  { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null },
  { device: 'lan.7', direction: 'down', nfqueue: 1, fastNfqueue: null },
];

/** Fast and slow classes in two directions, fast ones only in the third. */
const STEERED: Directions = [
  { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: 2 },
  { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: 3 },
  { device: 'tun0', direction: 'up', nfqueue: 2, fastNfqueue: null },
];

function request(
  directions: Directions,
  nfqueue: Partial<RulesRequest['nfqueue']> = {},
  ecn = true,
  dscps: readonly number[] = [],
): RulesRequest {
  const defaults = { first: 100, count: 4, length: 1024, bypass: true, gso: false, backend: 'auto' } as const;
  return {
    plan: {
      ...{ directions, gso: [false, false, false, false], copyBytes: [128, 128, 128, 128] },
      moduleNfqueue: null,
      unreadNfqueue: 65535,
      sharesChains: false,
      ...{ ecn, dscps },
    },
    isTracked: false,
    nfqueue: { ...defaults, markMask: 0xff000000, ...nfqueue },
  };
}

const NFT = `# Owned: the kernel removes the table when the process that made it ends.
create table inet shaper_100 { flags owner; }
# For people and for other instances.
add set inet shaper_100 mark_mask { type mark; }
add element inet shaper_100 mark_mask { 0xff000000 }
add set inet shaper_100 shaped_devices { type ifname; }
add element inet shaper_100 shaped_devices { "wan0", "lan.7" }
# What the verdict asks for.
add chain inet shaper_100 asked
add rule inet shaper_100 asked meta mark & 0x90000000 == 0x90000000 ip ecn { ect0, ect1 } ip ecn set ce
add rule inet shaper_100 asked meta mark & 0x90000000 == 0x90000000 ip6 ecn { ect0, ect1 } ip6 ecn set ce
# Behind the queues. Local packets come with our bits, so that they are not routed again; others if asked.
add chain inet shaper_100 answered_postrouting { type filter hook postrouting priority -160; policy accept; }
add rule inet shaper_100 answered_postrouting meta mark & 0x80000000 == 0x80000000 jump asked
add rule inet shaper_100 answered_postrouting meta mark & 0xff000000 != 0 meta mark set meta mark & 0x00ffffff
add chain inet shaper_100 answered_input { type filter hook input priority 160; policy accept; }
add rule inet shaper_100 answered_input meta mark & 0x80000000 == 0x80000000 jump asked
add rule inet shaper_100 answered_input meta mark & 0xff000000 != 0 meta mark set meta mark & 0x00ffffff
# Never queued: multicast, broadcast, neighbour discovery, DHCP, DHCPv6.
add chain inet shaper_100 never_queued
add rule inet shaper_100 never_queued meta pkttype { broadcast, multicast } accept
add rule inet shaper_100 never_queued ip daddr 224.0.0.0/4 accept
add rule inet shaper_100 never_queued ip6 daddr ff00::/8 accept
add rule inet shaper_100 never_queued meta l4proto tcp return
add rule inet shaper_100 never_queued meta nfproto ipv4 fib daddr type broadcast accept
add rule inet shaper_100 never_queued ip6 hoplimit 255 icmpv6 type { 133, 134, 135, 136, 137 } accept
add rule inet shaper_100 never_queued ip protocol udp udp sport { 67, 68 } udp dport { 67, 68 } limit rate 8 kbytes/second burst 32 kbytes accept
add rule inet shaper_100 never_queued meta nfproto ipv6 udp sport { 546, 547 } udp dport { 546, 547 } limit rate 8 kbytes/second burst 32 kbytes accept
# Mark for queue index + 1, then queue.
add chain inet shaper_100 queue_0
add rule inet shaper_100 queue_0 jump never_queued
add rule inet shaper_100 queue_0 meta mark set meta mark | 0x01000000
add rule inet shaper_100 queue_0 queue flags bypass to 100
add chain inet shaper_100 queue_1
add rule inet shaper_100 queue_1 jump never_queued
add rule inet shaper_100 queue_1 meta mark set meta mark | 0x02000000
add rule inet shaper_100 queue_1 queue flags bypass to 101
# Our bits start at 0, foreign bits stay. The first direction that fits decides.
add chain inet shaper_100 forward { type filter hook forward priority 140; policy accept; }
add rule inet shaper_100 forward meta mark set meta mark & 0x00ffffff
add rule inet shaper_100 forward oifname "wan0" goto queue_0
add rule inet shaper_100 forward iifname "lan.7" goto queue_1
add chain inet shaper_100 input { type filter hook input priority 140; policy accept; }
add rule inet shaper_100 input meta mark set meta mark & 0x00ffffff
add rule inet shaper_100 input iifname "lo" accept
add rule inet shaper_100 input iifname "lan.7" goto queue_1
add chain inet shaper_100 output { type filter hook output priority 140; policy accept; }
add rule inet shaper_100 output meta mark set meta mark & 0x00ffffff
add rule inet shaper_100 output oifname "lo" accept
add rule inet shaper_100 output oifname "wan0" goto queue_0
`;

const rule = (hook: string, index: number, first = 100): string =>
  `-I ${hook} -m mark --mark 0x0${index + 1}000000/0xff000000 -m comment --comment shaper:${first} ` +
  `-j NFQUEUE --queue-num ${first + index} --queue-bypass`;
const FIRST_PINGS = ['icmp', 'icmpv6'].map(
  (protocol) =>
    `${protocol} type echo-request ct status & confirmed == 0 limit rate 2 kbytes/second burst 4 kbytes accept`,
);
/** Behind all rules of others: lets local packets pass that come for the second time. */
const LAST =
  '-A OUTPUT -m mark --mark 0x80000000/0x80000000 -m comment --comment shaper:100 ' +
  '-j NFQUEUE --queue-num 65535 --queue-bypass';

it.each([
  ['alone', ['Q', 'L'], 'right'],
  ['with rules between', ['Q', 'F', 'L'], 'right'],
  ['another before', ['F', 'Q', 'L'], 'displaced'],
  ['another behind', ['Q', 'L', 'F'], 'displaced'],
  ['with another instance around', ['O', 'Q', 'P', 'L'], 'right'],
  ['with another instance and rules between', ['Q', 'O', 'F', 'L', 'P'], 'right'],
  ['with one missing', ['F', 'Q', 'O', 'P'], 'gone'],
  ['of another instance only', ['O', 'P'], 'gone'],
])('the place of the queueing rules: %s', (_, order, expected) => {
  const rules: Record<string, string> = {
    Q: rule('OUTPUT', 0).replace('-I', '-A'),
    L: LAST,
    F: '-A OUTPUT -p tcp -j ACCEPT',
    O: rule('OUTPUT', 0, 200).replace('-I', '-A'),
    P: LAST.replace('shaper:100', 'shaper:200'),
  };
  const inForward = ['-A FORWARD -j ACCEPT', '-A INPUT -j ACCEPT'];
  expect(placeOf([...inForward, ...order.map((letter) => rules[letter] ?? '')], 100, 2)).toBe(expected);
});

describe('the text of the rules', () => {
  it('queues in the marking chains with the nft back end', () => {
    expect(renderRules(request(TWO_LINKS), 'nft')).toBe(NFT);
  });

  it('only marks with the iptables back end and lists the commands for both families', () => {
    const marking = NFT.replace(/^.* queue flags .*\n/gm, '').replace(
      '# Mark for queue index + 1, then queue.',
      '# Mark for queue index + 1; the iptables rules queue by that value.',
    );
    const rules = [rule('FORWARD', 0), rule('OUTPUT', 0), rule('FORWARD', 1), rule('INPUT', 1), LAST];
    const commands = ['iptables-nft', 'ip6tables-nft'].flatMap((tool) =>
      rules.map((text) => `${tool} -w 2 -t security ${text}\n`),
    );
    expect(renderRules(request(TWO_LINKS), 'iptables')).toBe(
      `${marking}# Inert until the table above sets a mark; iptables-nft commands, not nft:\n${commands.join('')}`,
    );
  });

  it('lets the first ping of a connection pass where connections are tracked', () => {
    const text = renderRules({ ...request(TWO_LINKS), isTracked: true }, 'nft');
    const added = FIRST_PINGS.map((words) => `add rule inet shaper_100 never_queued ${words}\n`).join('');
    expect(text).toBe(
      `${NFT}# Of a new connection that is tracked only one packet may wait: the first ping passes.\n${added}`,
    );
  });

  it('leaves bypass out when packets must not pass unshaped', () => {
    const strict = request(TWO_LINKS, { bypass: false });
    expect(renderRules(strict, 'nft')).toContain('queue_0 queue to 100\n');
    expect(renderRules(strict, 'nft')).not.toContain('bypass');
    // The last rule is for packets that have had their verdict.
    expect(renderRules(strict, 'iptables').replaceAll(LAST, '')).not.toContain('bypass');
  });

  it('makes one chain per queue that is used, however many directions share it', () => {
    const shared: Directions = [
      ...TWO_LINKS,
      { device: 'tun0', direction: 'up', nfqueue: 0, fastNfqueue: null },
    ];
    const text = renderRules(request(shared), 'nft');
    expect(text.match(/^add chain .* queue_\d+$/gm)).toHaveLength(2);
    expect(text.match(/forward .*goto queue_\d/g)).toEqual([
      'forward oifname "wan0" goto queue_0',
      'forward iifname "lan.7" goto queue_1',
      'forward oifname "tun0" goto queue_0',
    ]);
    expect(iptablesRules(request(shared))).toHaveLength(5);
  });

  it('puts the mask where it is asked to be', () => {
    const text = renderRules(request(TWO_LINKS, { markMask: 0x00000ff0, first: 7 }), 'iptables');
    expect(text).toContain('create table inet shaper_7 ');
    expect(text).toContain('meta mark set meta mark & 0xfffff00f');
    expect(text).toContain('queue_1 meta mark set meta mark | 0x00000020');
    expect(text).toContain(
      '--mark 0x00000020/0x00000ff0 -m comment --comment shaper:7 -j NFQUEUE --queue-num 8',
    );
  });

  it('steers by connection mark where a direction has two queues', () => {
    const text = renderRules(request(STEERED), 'nft');
    const linesWith = (pattern: RegExp): string[] =>
      text
        .split('\n')
        .filter((line) => pattern.test(line))
        .map((line) => line.replace('add rule inet shaper_100 ', ''));
    expect(linesWith(/ ct /)).toEqual([
      'asked meta mark & 0xe0000000 == 0xa0000000 ct direction original ct mark set ct mark | 0x01000000',
      'asked meta mark & 0xe0000000 == 0xc0000000 ct direction original ct mark set ct mark & 0xfeffffff',
      'asked meta mark & 0xe0000000 == 0xa0000000 ct direction reply ct mark set ct mark | 0x02000000',
      'asked meta mark & 0xe0000000 == 0xc0000000 ct direction reply ct mark set ct mark & 0xfdffffff',
      'keeps_tracking ct mark 0 return',
      'fast_2_or_0 ct direction original ct mark & 0x01000000 != 0 goto queue_2',
      'fast_2_or_0 ct direction reply ct mark & 0x02000000 != 0 goto queue_2',
      'fast_3_or_1 ct direction original ct mark & 0x01000000 != 0 goto queue_3',
      'fast_3_or_1 ct direction reply ct mark & 0x02000000 != 0 goto queue_3',
    ]);
    expect(linesWith(/^add rule.*(name "[wt]|goto queue_[01]$)/)).toEqual([
      'fast_2_or_0 goto queue_0',
      'fast_3_or_1 goto queue_1',
      'forward oifname "wan0" goto fast_2_or_0',
      'forward iifname "wan0" goto fast_3_or_1',
      'forward oifname "tun0" goto queue_2',
      'input iifname "wan0" goto fast_3_or_1',
      'output oifname "wan0" goto fast_2_or_0',
      'output oifname "tun0" goto queue_2',
    ]);
    const queued = iptablesRules(request(STEERED)).map((words) => words.replace(/-m.*--queue-num/, ''));
    expect(queued.pop()).toBe('-A OUTPUT  65535 --queue-bypass');
    expect(queued).toEqual(
      ['FORWARD  100', 'OUTPUT  100', 'FORWARD  101', 'INPUT  101']
        .concat(['FORWARD  102', 'OUTPUT  102', 'FORWARD  103', 'INPUT  103'])
        .map((words) => `-I ${words} --queue-bypass`),
    );
  });

  it('has one steering chain for directions that share both queues', () => {
    const shared: Directions = [STEERED[0]!, { ...STEERED[0]!, device: 'tun0' }];
    const text = renderRules(request(shared), 'nft');
    expect(text.match(/^add chain .* fast_\S+$/gm)).toEqual(['add chain inet shaper_100 fast_2_or_0']);
    expect(text.match(/goto fast_2_or_0$/gm)).toHaveLength(4);
  });

  it('moves connection bits and requests with the mask', () => {
    const text = renderRules(request(STEERED, { markMask: 0x00000ff0 }), 'nft');
    expect(text).toContain('meta mark & 0x00000900 == 0x00000900 ip ecn { ect0, ect1 } ip ecn set ce');
    expect(text).toContain(
      'meta mark & 0x00000e00 == 0x00000c00 ct direction reply ct mark set ct mark & 0xffffffdf',
    );
    expect(text).toContain('ct direction original ct mark & 0x00000010 != 0 goto queue_2');
  });

  it('writes the code points that some class asks for, found by one look-up', () => {
    const text = renderRules(request(TWO_LINKS, { markMask: 0x00000ff0 }, true, [0, 46]), 'iptables');
    const lines = text.split('\n').filter((line) => line.includes('dscp'));
    expect(lines).toEqual([
      'add chain inet shaper_100 dscp_0',
      'add rule inet shaper_100 dscp_0 ip dscp set 0',
      'add rule inet shaper_100 dscp_0 ip6 dscp set 0',
      'add chain inet shaper_100 dscp_46',
      'add rule inet shaper_100 dscp_46 ip dscp set 46',
      'add rule inet shaper_100 dscp_46 ip6 dscp set 46',
      'add rule inet shaper_100 asked meta mark & 0x000000f0 vmap { 0x00000010 : jump dscp_0, 0x00000020 : jump dscp_46 }',
    ]);
    expect(renderRules(request(TWO_LINKS), 'nft')).not.toContain('dscp');
  });

  it('writes nothing into packets where the kernel refuses it, and does not turn connection tracking on unasked', () => {
    const text = renderRules(request(TWO_LINKS, {}, false), 'nft');
    expect(text).not.toContain('ecn');
    expect(text).not.toMatch(/\bct\b/);
    expect(text).toContain('answered_input meta mark & 0xff000000 != 0 meta mark set');
  });

  it('stops by flushing chains and removes by deleting the table', () => {
    expect(stopLines(request(TWO_LINKS))).toEqual([
      'flush chain inet shaper_100 forward',
      'flush chain inet shaper_100 input',
      'flush chain inet shaper_100 output',
    ]);
    expect(removeLines(request(TWO_LINKS))).toEqual(['delete table inet shaper_100']);
  });
});

describe('names', () => {
  it.each(['eth*', 'a"b', 'a b', 'a\\', 'a/b', '', 'sixteen-letters-', 'wan\n', 'wän0'])(
    'refuses device %j',
    (device) => {
      expect(() => quoteDevice(device)).toThrow(/cannot be written as an nft rule/);
      expect(() =>
        claimLines(request([{ device, direction: 'up', nfqueue: 0, fastNfqueue: null }])),
      ).toThrow();
    },
  );

  it.each(['eth0', 'br-1a2b3c', 'wan.7', 'x@y', 'fifteen-letters'])('takes device %j', (device) => {
    expect(quoteDevice(device)).toBe(`"${device}"`);
  });

  it('refuses what is not a queue number', () => {
    for (const first of [-1, 65536, 1.5, Number.NaN])
      expect(() => tableName(first)).toThrow(/not a queue number/);
  });

  it('knows our tables and our rules from others', () => {
    expect(firstQueueOfTable('shaper_100')).toBe(100);
    expect(firstQueueOfTable('shaper_100x')).toBeNull();
    expect(firstQueueOfTable('my_shaper_1')).toBeNull();
    const saved = '-A OUTPUT -m mark --mark 0x1 -m comment --comment "shaper:100" -j NFQUEUE --queue-num 100';
    expect(taggedInstance(saved)).toBe(100);
    expect(taggedInstance(saved.replaceAll('"', ''))).toBe(100);
    expect(taggedInstance(saved.replace('shaper:100', 'the shaper:100'))).toBeNull();
    expect(taggedInstance(saved.replace('shaper:100', 'shaper:100 of mine'))).toBeNull();
    expect(taggedInstance(saved.replace('NFQUEUE', 'LOG'))).toBeNull();
    expect(taggedInstance(':OUTPUT ACCEPT [0:0]')).toBeNull();
    expect(restoreInput([deletionOf(saved)])).toBe(`*security\n-D ${saved.slice(3)}\nCOMMIT\n`);
  });
});

const isRoot = process.getuid?.() === 0;

/** In a namespace of its own, so that nothing of this machine is looked at or changed. */
function check(text: string): string {
  const { status, stderr } = spawnSync('unshare', ['-n', 'nft', '-c', '-f', '-'], {
    input: text,
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr;
}

describe("the kernel's own check", () => {
  for (const backend of ['nft', 'iptables'] as const) {
    it(`accepts the table of back end ${backend}`, (context) => {
      if (!isRoot) context.skip('not root');
      const table = 'add table inet t\nadd chain inet t c\n';
      if (backend === 'nft' && check(`${table}add rule inet t c queue to 0\n`) !== '') {
        context.skip('this kernel lacks the nft queue statement');
      }
      const halves = STEERED.map((one) => ({ ...one, isHalf: true, isByMark: true, fastNfqueue: null }));
      for (const directions of [TWO_LINKS, STEERED, [...STEERED, ...halves]]) {
        const dscps = [0, 10, 46, 63];
        const text = renderRules(request(directions, {}, true, dscps), backend).replace(
          /^ip6?tables-nft .*\n/gm,
          '',
        );
        expect(check(text)).toBe('');
        expect(check(text.replace('goto queue_0', 'goto queue_9'))).toContain('No such file');
      }
    });
  }
});

describe('a direction that nothing shapes', () => {
  const HALF: Directions = [
    { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null },
    { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: null, isHalf: true },
  ];

  it('has only its TCP packets queued, with either back end', () => {
    const { plan, nfqueue } = request(HALF);
    for (const backend of ['nft', 'iptables'] as const) {
      const text = chainLines({ plan, nfqueue }, backend).join('\n');
      expect(text).toContain('forward iifname "wan0" meta l4proto tcp goto queue_1');
      expect(text).toContain('input iifname "wan0" meta l4proto tcp goto queue_1');
      expect(text).toContain('output oifname "wan0" goto queue_0');
    }
  });

  it('has SYNs queued and what carries the mark of paced connections, with either back end', () => {
    const halves = HALF.map((direction) => (direction.isHalf ? { ...direction, isByMark: true } : direction));
    for (const backend of ['nft', 'iptables'] as const) {
      const lines = chainLines(request(halves, { markMask: 0x00000ff0 }), backend)
        .filter((line) => / ct |tcp flags| goto /.test(line))
        .map((line) => line.replace('add rule inet shaper_100 ', ''));
      expect(lines).toEqual([
        'asked meta mark & 0x00000e00 == 0x00000e00 ct mark set ct mark | 0x00000040',
        'keeps_tracking ct mark 0 return',
        'forward oifname "wan0" goto queue_0',
        'forward iifname "wan0" tcp flags & syn != 0 goto queue_1',
        'forward iifname "wan0" meta l4proto tcp ct mark & 0x00000040 != 0 goto queue_1',
        'input iifname "wan0" tcp flags & syn != 0 goto queue_1',
        'input iifname "wan0" meta l4proto tcp ct mark & 0x00000040 != 0 goto queue_1',
        'output oifname "wan0" goto queue_0',
      ]);
    }
    const all = chainLines(request(HALF), 'nft').join('\n');
    expect(all).not.toContain(' ct ');
  });
});
