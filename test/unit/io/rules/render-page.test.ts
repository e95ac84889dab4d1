import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { editLines, leftoverLines } from '../../../../src/io/rules/edit-nft.ts';
import {
  type PageRules,
  pageRulesOf,
  type RulesRequest,
  renderRules,
} from '../../../../src/io/rules/index.ts';
import { chainLines, claimLines } from '../../../../src/io/rules/render-nft.ts';
import { pageLines } from '../../../../src/io/rules/render-page.ts';
import { DEFAULT_HOSTS } from '../../../../src/spec/hosts.ts';

const PAGE: PageRules = {
  ...{ lan: null, links: ['wan0'], hasApi: true },
  allow: [
    { family: 4, words: [0x0a000001, 0, 0, 0], bits: 32 },
    { family: 4, words: [0x0a000000, 0, 0, 0], bits: 24 },
    { family: 6, words: [0xfd000000, 0, 0, 1], bits: 128 },
  ],
};
const PLAIN: RulesRequest = {
  plan: {
    directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null }],
    ...{
      gso: [false],
      copyBytes: [128],
      ecn: false,
      dscps: [],
      moduleNfqueue: null,
      unreadNfqueue: 65535,
      sharesChains: false,
    },
  },
  nfqueue: {
    ...{ first: 7, count: 1, length: 1024, bypass: true },
    ...{ gso: 'auto', backend: 'auto', markMask: 0xff000000 },
  },
};
const WITH_PAGE: RulesRequest = { ...PLAIN, page: PAGE };

const linesOf = (request: RulesRequest): string[] => [...claimLines(request), ...chainLines(request, 'nft')];
const rulesOf = (request: RulesRequest, chain: string): string[] => {
  const start = `add rule inet shaper_7 ${chain} `;
  return pageLines(request).flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
};

describe('rules of the page', () => {
  it('are none without one', () => {
    expect(pageLines(PLAIN)).toEqual([]);
    expect(renderRules(PLAIN, 'nft')).not.toMatch(/page|stopped|\bct\b/);
  });

  it('redirect HTTP of stopped hosts alone, but not to this machine or to what is allowed', () => {
    expect(rulesOf(WITH_PAGE, 'page_redirect')).toEqual([
      'iifname != { "lo", "wan0" } tcp dport 80 ip saddr @stopped4 ip daddr != @allowed4 ' +
        'ip daddr != @allowed_names4 fib daddr type != local redirect to :8511',
      'iifname != { "lo", "wan0" } tcp dport 80 ip6 saddr @stopped6 ip6 daddr != @allowed6 ' +
        'ip6 daddr != @allowed_names6 fib daddr type != local redirect to :8511',
    ]);
    const { page: _, ...plain } = WITH_PAGE;
    const listed = { ...plain, page: { ...PAGE, lan: ['eth1', 'eth2'] } };
    expect(rulesOf(listed, 'page_redirect')[0]).toMatch(/^iifname \{ "eth1", "eth2" \} tcp dport 80 /);
  });

  it('look at nothing that crosses no link, and refuse the rest in both directions', () => {
    expect(rulesOf(WITH_PAGE, 'page_forward')).toEqual([
      'iifname != { "lo", "wan0" } oifname != { "lo", "wan0" } accept',
      'ip saddr @stopped4 goto stopped_from',
      'ip daddr @stopped4 goto stopped_to',
      'ip6 saddr @stopped6 goto stopped_from',
      'ip6 daddr @stopped6 goto stopped_to',
    ]);
    expect(rulesOf(WITH_PAGE, 'stopped_from').slice(-2)).toEqual([
      'meta l4proto tcp reject with tcp reset',
      'reject with icmpx type admin-prohibited',
    ]);
    expect(rulesOf(WITH_PAGE, 'stopped_to').slice(-2)).toEqual([
      ...['meta l4proto tcp reject with tcp reset', 'drop'],
    ]);
    expect(pageLines(WITH_PAGE)).toContain('add element inet shaper_7 allowed4 { 10.0.0.1, 10.0.0.0/24 }');
  });

  it('keep the port of the page for redirected connections, and that of the API for the inside', () => {
    expect(rulesOf(WITH_PAGE, 'page_input')).toEqual([
      'tcp dport 8511 ct status dnat accept',
      'tcp dport 8511 drop',
      'iifname "lo" tcp dport 8908 accept',
      'iifname != { "lo", "wan0" } tcp dport 8908 accept',
      'tcp dport 8908 drop',
    ]);
    const without = { ...PLAIN, page: { ...PAGE, hasApi: false } };
    expect(rulesOf(without, 'page_input').join()).not.toContain('8908');
  });

  it('let the first ping of a connection pass, because they track connections', () => {
    expect(renderRules(WITH_PAGE, 'nft')).toMatch(/icmp type echo-request ct status/);
  });

  it('come and go with a change, but for chains in hooks and what keeps tracking on', () => {
    const gone: RulesRequest = { ...PLAIN, keepsPageHooks: true };
    const lines = [
      ...editLines(linesOf(WITH_PAGE), linesOf(gone)),
      ...leftoverLines(linesOf(WITH_PAGE), linesOf(gone)),
    ];
    expect(lines.filter((line) => /page_|stopped_|keeps/.test(line))).toEqual([
      'flush chain inet shaper_7 page_redirect',
      'flush chain inet shaper_7 page_forward',
      'flush chain inet shaper_7 page_input',
      'flush chain inet shaper_7 stopped_from',
      'flush chain inet shaper_7 stopped_to',
      'delete chain inet shaper_7 stopped_from',
      'delete chain inet shaper_7 stopped_to',
    ]);
    const allowed = { ...WITH_PAGE, page: { ...PAGE, allow: PAGE.allow.slice(1) } };
    // Who is stopped stays stopped.
    expect(editLines(linesOf(WITH_PAGE), linesOf(allowed)).join('\n')).not.toMatch(/set \S+ \S+ stopped/);
  });

  it('are accepted by the kernel', (context) => {
    if (process.getuid?.() !== 0) context.skip('not root');
    const text = `add table inet shaper_7\n${pageLines(WITH_PAGE).join('\n')}\n`;
    const check = spawnSync('unshare', ['-n', 'nft', '-c', '-f', '-'], { input: text, encoding: 'utf8' });
    expect(check.stderr).toBe('');
    expect(check.status).toBe(0);
  });
});

it('a specification says what the rules are about', () => {
  const page = {
    allow: ['portal.example.org', PAGE.allow[0]!],
    ...{ certFile: '/c', keyFile: '/k', textFile: null, styleFile: null },
  };
  const quota = {
    ...{ name: 'q', hosts: { names: null, match: null }, windows: [], warnShare: null, slopeShare: null },
    ...{ releaseShare: 1, throttle: null, isBlocking: true, outside: [], modules: [] },
  };
  const link = { name: 'wan', device: 'wan0' } as never;
  const spec = { hosts: { ...DEFAULT_HOSTS, lan: ['lan0'] }, links: [link, link] };
  expect(pageRulesOf({ ...spec, quotas: [{ ...quota, page }] })).toEqual({
    ...{ lan: ['lan0'], links: ['wan0'], allow: [PAGE.allow[0]], hasApi: true },
  });
  expect(pageRulesOf({ ...spec, quotas: [{ ...quota, page: null }] })).toBe(undefined);
});
