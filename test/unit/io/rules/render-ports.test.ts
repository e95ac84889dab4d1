/** The rules of links whose device is a port of a bridge, as text. */
import { describe, expect, it } from 'vitest';
import { type RulesRequest, renderRules } from '../../../../src/io/rules/index.ts';
import { iptablesRules, placeOf, taggedInstance } from '../../../../src/io/rules/render-iptables.ts';
import { removeLines, stopLines } from '../../../../src/io/rules/render-nft.ts';
import type { DirectionPlan } from '../../../../src/spec/queue-plan.ts';

const UP: DirectionPlan = { device: 'p1', direction: 'up', nfqueue: 0, fastNfqueue: null, bridge: 'br0' };
const DOWN: DirectionPlan = { ...UP, direction: 'down', nfqueue: 1 };
const WAN: DirectionPlan = { device: 'wan0', direction: 'up', nfqueue: 2, fastNfqueue: null };

function request(
  directions: readonly DirectionPlan[],
  sharesChains: boolean,
  more: Partial<RulesRequest> = {},
): RulesRequest {
  const nfqueues = [false, false, false];
  return {
    plan: {
      ...{
        directions,
        gso: nfqueues,
        copyBytes: [128, 128, 128],
        moduleNfqueue: null,
        unreadNfqueue: 65535,
        sharesChains,
      },
      ...{ ecn: false, dscps: [] },
    },
    nfqueue: {
      ...{ first: 7, count: 3, length: 1024, bypass: true, gso: 'auto', backend: 'auto' },
      markMask: 0x00000ff0,
    },
    ...more,
  };
}

const linesOf = (text: string, part: RegExp): string[] => text.split('\n').filter((line) => part.test(line));

describe('rules of nft', () => {
  const text = renderRules(request([WAN, UP, { ...DOWN, isHalf: true }], false), 'nft');

  it('queue in the hooks of the bridge, behind all that is never queued', () => {
    expect(linesOf(text, / bridge shaper_7 (queue_\d|forward|input|output)/)).toEqual([
      'add chain bridge shaper_7 queue_0',
      'add rule bridge shaper_7 queue_0 jump never_queued',
      'add rule bridge shaper_7 queue_0 queue flags bypass to 7',
      'add chain bridge shaper_7 queue_1',
      'add rule bridge shaper_7 queue_1 jump never_queued',
      'add rule bridge shaper_7 queue_1 queue flags bypass to 8',
      'add chain bridge shaper_7 forward { type filter hook forward priority 140; policy accept; }',
      'add rule bridge shaper_7 forward oifname "p1" goto queue_0',
      'add rule bridge shaper_7 forward iifname "p1" meta l4proto tcp goto queue_1',
      'add chain bridge shaper_7 input { type filter hook input priority 140; policy accept; }',
      'add rule bridge shaper_7 input iifname "p1" meta l4proto tcp goto queue_1',
      'add chain bridge shaper_7 output { type filter hook output priority 140; policy accept; }',
      'add rule bridge shaper_7 output oifname "p1" goto queue_0',
    ]);
  });

  it('leave alone what is not IP, and ask the routing table of IP nothing', () => {
    const never = linesOf(text, /bridge shaper_7 never_queued/);
    expect(never[1]).toBe('add rule bridge shaper_7 never_queued meta protocol != { ip, ip6 } accept');
    expect(never.join()).not.toMatch(/fib|nfproto/);
    expect(linesOf(text, /inet shaper_7 never_queued/).join()).toMatch(/fib daddr type broadcast/);
  });

  it('do behind the hooks of the bridge what verdicts ask for, but for connection marks', () => {
    const steered = { ...WAN, fastNfqueue: 1 };
    const { plan, ...rest } = request([steered, UP], false);
    const both = renderRules({ ...rest, plan: { ...plan, ecn: true, dscps: [46] } }, 'nft');
    expect(linesOf(both, /bridge shaper_7 asked/).join('\n')).toMatch(/vmap .*dscp_46(.|\n)*ip6 ecn set ce/);
    expect(linesOf(both, /bridge shaper_7/).join('\n')).not.toMatch(/\bct\b/);
    expect(linesOf(both, /bridge shaper_7 answered_(input|postrouting) \{/)).toHaveLength(2);
  });

  it('see the port where it is none as well: links stay among the rules for IP', () => {
    expect(linesOf(text, /inet shaper_7 (forward|output) oifname .* goto/)).toEqual([
      'add rule inet shaper_7 forward oifname "wan0" goto queue_2',
      'add rule inet shaper_7 forward oifname "p1" goto queue_0',
      'add rule inet shaper_7 output oifname "wan0" goto queue_2',
      'add rule inet shaper_7 output oifname "p1" goto queue_0',
    ]);
  });

  it('share a table with those that spare what is switched, stop and go with them', () => {
    const both = request([UP], false, { sparesSwitched: true });
    const lines = renderRules(both, 'nft');
    expect(linesOf(lines, /create table bridge/)).toHaveLength(1);
    expect(lines).toContain('chain bridge shaper_7 switched {');
    const hooks = ['forward', 'input', 'output'];
    expect(stopLines(both).slice(3)).toEqual(hooks.map((hook) => `flush chain bridge shaper_7 ${hook}`));
    expect(removeLines(both)).toEqual(['delete table bridge shaper_7', 'delete table inet shaper_7']);
  });

  it('keep the chains with a hook when the last port has left its bridge', () => {
    const left = request([WAN], false, { keepsPortHooks: true });
    expect(linesOf(renderRules(left, 'nft'), /bridge shaper_7 (forward|input|output|queue)/)).toHaveLength(3);
    expect(renderRules(request([WAN], false), 'nft')).not.toContain('bridge');
  });
});

describe('rules of iptables', () => {
  const wanted = request([WAN, UP, DOWN], true);
  const text = renderRules(wanted, 'iptables');

  it('match the port of what our chain has marked, the first direction first', () => {
    const isPort = '-m mark --mark 0x000007e0/0x00000ff0';
    const to = (number: number): string =>
      `-m comment --comment shaper:7 -j NFQUEUE --queue-num ${number} --queue-bypass`;
    expect(iptablesRules(wanted).filter((rule) => rule.includes('physdev'))).toEqual([
      `-I INPUT ${isPort} -m physdev --physdev-in "p1" ${to(8)}`,
      `-I FORWARD ${isPort} -m physdev --physdev-in "p1" ${to(8)}`,
      `-I FORWARD ${isPort} -m physdev --physdev-out "p1" --physdev-is-bridged ${to(7)}`,
    ]);
    const half = request([{ ...DOWN, isHalf: true }], true);
    expect(iptablesRules(half).filter((rule) => rule.includes('--physdev-in "p1" -p tcp'))).toHaveLength(2);
  });

  it('cannot name a device that they take for a wildcard', () => {
    expect(() => iptablesRules(request([{ ...UP, device: 'p+' }], true))).toThrow(/"p\+" cannot be written/);
  });

  it('are found and deleted by their tag', () => {
    const saved =
      '-A FORWARD -m mark --mark 0x7e0/0xff0 -m physdev  --physdev-out p1 --physdev-is-bridged ' +
      '-m comment --comment "shaper:7" -j NFQUEUE --queue-num 7 --queue-bypass';
    expect(taggedInstance(saved)).toBe(7);
    expect(placeOf([saved], 7, 1)).toBe('right');
  });

  it('follow our chain: what is switched first, what goes up to IP behind all other rules', () => {
    expect(linesOf(text, /inet shaper_7 (ports|forward|input|output)/)).toEqual([
      'add chain inet shaper_7 ports',
      'add rule inet shaper_7 ports jump never_queued',
      'add rule inet shaper_7 ports meta mark set meta mark | 0x000007e0',
      'add chain inet shaper_7 forward { type filter hook forward priority 140; policy accept; }',
      'add rule inet shaper_7 forward iifname "br0" oifname "br0" meta mark set meta mark & 0xfffff00f goto ports',
      'add rule inet shaper_7 forward meta mark set meta mark & 0xfffff00f',
      'add rule inet shaper_7 forward oifname "wan0" goto queue_2',
      'add rule inet shaper_7 forward oifname "p1" goto queue_0',
      'add rule inet shaper_7 forward iifname "p1" goto queue_1',
      'add rule inet shaper_7 forward iifname "br0" goto ports',
      'add chain inet shaper_7 input { type filter hook input priority 140; policy accept; }',
      'add rule inet shaper_7 input meta mark set meta mark & 0xfffff00f',
      'add rule inet shaper_7 input iifname "lo" accept',
      'add rule inet shaper_7 input iifname "p1" goto queue_1',
      'add rule inet shaper_7 input iifname "br0" goto ports',
      'add chain inet shaper_7 output { type filter hook output priority 140; policy accept; }',
      'add rule inet shaper_7 output meta mark set meta mark & 0xfffff00f',
      'add rule inet shaper_7 output oifname "lo" accept',
      'add rule inet shaper_7 output oifname "wan0" goto queue_2',
      'add rule inet shaper_7 output oifname "p1" goto queue_0',
    ]);
  });

  it('of up alone leave what goes up to IP to others, and need no table for bridges', () => {
    const up = renderRules(request([UP], true), 'iptables');
    expect(up).not.toContain('iifname "br0" goto');
    expect(up).not.toContain('table bridge');
  });
});
