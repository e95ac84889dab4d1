import { describe, expect, it } from 'vitest';
import { editLines, leftoverLines } from '../../../../src/io/rules/edit-nft.ts';
import { readNftRules } from '../../../../src/io/rules/foreign-rules.ts';
import { type RulesRequest, renderRules } from '../../../../src/io/rules/index.ts';
import { parseKernelCounts } from '../../../../src/io/rules/module-counts.ts';
import { findCollisions, NO_NEIGHBOURS } from '../../../../src/io/rules/neighbours.ts';
import { iptablesRules, placeOf, restoreInput } from '../../../../src/io/rules/render-iptables.ts';
import { chainLines, claimLines, stopLines } from '../../../../src/io/rules/render-nft.ts';
import type { ModuleHookPlan } from '../../../../src/spec/module-hooks.ts';

function request(moduleHooks: readonly ModuleHookPlan[], comesUp = true): RulesRequest {
  const nfqueues = comesUp ? 2 : 1;
  return {
    plan: {
      directions: [{ device: 'wan0', direction: 'down', nfqueue: 0, fastNfqueue: null }],
      ...{ gso: new Array(nfqueues).fill(false), copyBytes: new Array(nfqueues).fill(128) },
      ...{ moduleNfqueue: comesUp ? 1 : null, ...(moduleHooks.length > 0 ? { moduleHooks } : {}) },
      ...{ ecn: false, dscps: [], unreadNfqueue: 65535, sharesChains: true },
    },
    nfqueue: {
      ...{
        first: 100,
        count: 1,
        length: 1024,
        bypass: true,
        gso: false,
        backend: 'auto',
        markMask: 0xff000000,
      },
    },
  };
}

const rulesOf = (wanted: RulesRequest, chain: string): string[] =>
  chainLines(wanted, 'nft')
    .filter((line) => line.startsWith(`add rule inet shaper_100 ${chain} `))
    .map((line) => line.slice(`add rule inet shaper_100 ${chain} `.length));

const CLEAR = 'meta mark set meta mark & 0x00ffffff';
const UP = (hook: ModuleHookPlan['hook'], interest: ModuleHookPlan['interest'] = null): ModuleHookPlan => ({
  ...{ hook, interest, kernel: [] },
});

describe('packets that modules want', () => {
  it('come up before directions, and all others go on to these', () => {
    const wanted = request([UP('forward', [{ proto: [6] }, { iif: ['lan0'] }])]);
    expect(rulesOf(wanted, 'forward')).toEqual([
      ...[CLEAR, 'meta l4proto 6 goto queue_1', 'iifname "lan0" goto queue_1', 'iifname "wan0" goto queue_0'],
    ]);
    expect(rulesOf(wanted, 'input')).toEqual([CLEAR, 'iifname "lo" accept', 'iifname "wan0" goto queue_0']);
    expect(rulesOf(wanted, 'queue_1')).toEqual([
      ...['jump never_queued', 'meta mark set meta mark | 0x02000000', 'queue flags bypass to 101'],
    ]);
  });

  it('all of them come by one rule', () => {
    expect(rulesOf(request([UP('input')]), 'input').slice(-2, -1)).toEqual(['goto queue_1']);
    expect(
      rulesOf(request([UP('input', [{ proto: [6] }, { users: ['user:a'] }])]), 'input').slice(-2, -1),
    ).toEqual(['goto queue_1']);
  });

  it('come up from two hooks by chains of their own, which leave no bit of ours', () => {
    const lines = chainLines(request([UP('prerouting'), UP('postrouting', [{ proto: [17] }])]), 'nft');
    const from = lines.indexOf('# Where only modules meet packets. Behind it nobody sees our bits.');
    expect(lines.slice(from + 1, from + 7)).toEqual([
      'add chain inet shaper_100 prerouting { type filter hook prerouting priority -155; policy accept; }',
      `add rule inet shaper_100 prerouting ${CLEAR}`,
      'add rule inet shaper_100 prerouting iifname "lo" accept',
      'add rule inet shaper_100 prerouting goto queue_1',
      'add chain inet shaper_100 unread_prerouting { type filter hook prerouting priority -145; policy accept; }',
      `add rule inet shaper_100 unread_prerouting meta mark & 0xff000000 != 0 ${CLEAR}`,
    ]);
    expect(rulesOf(request([UP('postrouting', [{ proto: [17] }])]), 'postrouting')).toEqual([
      ...[CLEAR, 'oifname "lo" accept', 'meta priority != 5348:0 meta l4proto 17 goto queue_1'],
    ]);
  });

  it('come up no more from the beginning of a stop', () => {
    const stop = stopLines(request([UP('prerouting'), UP('output')]));
    expect(stop).toContain('flush chain inet shaper_100 prerouting');
    expect(stop).not.toContain('flush chain inet shaper_100 postrouting');
    expect(stop).toContain('flush chain inet shaper_100 output');
  });

  it('have rules of iptables in the table that has their hook', () => {
    const hooks = (['prerouting', 'input', 'forward', 'output', 'postrouting'] as const).map((hook) =>
      UP(hook),
    );
    const rules = iptablesRules(request(hooks)).map((rule) =>
      rule.replace(/ -m comment --comment shaper:100/, ''),
    );
    const target = '-m mark --mark 0x02000000/0xff000000 -j NFQUEUE --queue-num 101 --queue-bypass';
    expect(rules.slice(2)).toEqual([
      ...['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].map((chain) => `-I ${chain} ${target}`),
      // Local packets come by without being routed again.
      '-A OUTPUT -m mark --mark 0x80000000/0x80000000 -j NFQUEUE --queue-num 65535 --queue-bypass',
    ]);
    const tables = restoreInput(rules).split('COMMIT\n');
    expect(tables).toHaveLength(3);
    expect(tables[0]!.split('\n')[0]).toBe('*security');
    expect(
      tables[1]!
        .trim()
        .split('\n')
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
    ).toEqual([...['*mangle', '-I PREROUTING', '-I POSTROUTING']]);
    const text = renderRules(request(hooks), 'iptables');
    expect(text).toContain('\nip6tables-nft -w 2 -t mangle -I POSTROUTING -m mark');
    expect(text).toContain('\niptables-nft -w 2 -t security -I OUTPUT -m mark');
  });

  it('stand behind no rule of others in their chain', () => {
    const saved = (chain: string) =>
      `-A ${chain} -m mark --mark 0x2000000/0xff000000 -m comment --comment "shaper:100" -j NFQUEUE --queue-num 101`;
    expect(placeOf(['-A FORWARD -j DROP', saved('PREROUTING')], 100, 1)).toBe('right');
    expect(placeOf(['-A PREROUTING -j DROP', saved('PREROUTING')], 100, 1)).toBe('displaced');
  });

  it('collide with rules that erase their mark on the way', () => {
    const rule = (priority: string) =>
      readNftRules(
        `table ip x {\n\tchain c {\n\t\ttype filter hook prerouting priority ${priority}; policy accept;\n\t\tmeta mark set 0x1\n\t}\n}\n`,
      );
    const collisions = (hooks: readonly ModuleHookPlan[], priority: string) =>
      findCollisions(request(hooks), { ...NO_NEIGHBOURS, rules: rule(priority) });
    expect(collisions([UP('prerouting')], '-150')).toEqual([expect.stringContaining('erases our bits')]);
    expect(collisions([UP('prerouting')], '-100')).toEqual([]);
    expect(collisions([UP('forward')], '-150')).toEqual([]);
    const queues = readNftRules('table ip x {\n\tchain c {\n\t\tqueue num 101\n\t}\n}\n');
    expect(findCollisions(request([UP('forward')]), { ...NO_NEIGHBOURS, rules: queues })).toHaveLength(1);
    expect(findCollisions(request([], false), { ...NO_NEIGHBOURS, rules: queues })).toEqual([]);
  });
});

describe('modules that the kernel runs', () => {
  const marks = (rules: readonly string[]): ModuleHookPlan => ({
    ...{ hook: 'output', interest: [], kernel: [{ name: 'marks', rules }] },
  });
  const linesOf = (hooks: readonly ModuleHookPlan[]): string[] => {
    const wanted = request(hooks, false);
    return [...claimLines(wanted), ...chainLines(wanted, 'nft')];
  };

  it('have a chain with counters before all else, and no packet comes up', () => {
    const wanted = request([marks(['ip dscp set 4', 'counter drop'])], false);
    expect(rulesOf(wanted, 'output')).toEqual([
      'oifname != "lo" meta priority != 5348:0 counter name "kernel_output_marks" jump kernel_output_marks',
      'oifname != "lo" meta priority != 5348:0 counter name "passed_output_marks"',
      ...[CLEAR, 'oifname "lo" accept'],
    ]);
    expect(rulesOf(wanted, 'kernel_output_marks')).toEqual(['ip dscp set 4', 'counter drop']);
    expect(iptablesRules(wanted).join()).not.toContain('101');
  });

  it('never come with a text that leaves their chain', () => {
    expect(() => renderRules(request([marks(['drop; flush ruleset'])], false), 'nft')).toThrow(
      'hook output, rule 1',
    );
  });

  it('keep tracking on if they track connections', () => {
    expect(linesOf([marks(['ct original packets > 5 drop'])]).join('\n')).toContain('keeps_tracking');
    expect(linesOf([marks(['drop'])]).join('\n')).not.toContain('keeps_tracking');
  });

  it('come, change without losing their counts, and go with chain and counters', () => {
    const [none, one, other] = [linesOf([]), linesOf([marks(['drop'])]), linesOf([marks(['counter'])])];
    expect(editLines(none, one).slice(0, 3)).toEqual([
      'add counter inet shaper_100 kernel_output_marks',
      'add counter inet shaper_100 passed_output_marks',
      'add chain inet shaper_100 kernel_output_marks',
    ]);
    expect(editLines(one, other)).toEqual([
      'flush chain inet shaper_100 kernel_output_marks',
      'add rule inet shaper_100 kernel_output_marks counter',
    ]);
    expect(leftoverLines(one, other)).toEqual([]);
    expect(leftoverLines(one, none)).toEqual([
      'flush chain inet shaper_100 kernel_output_marks',
      'delete chain inet shaper_100 kernel_output_marks',
      'delete counter inet shaper_100 kernel_output_marks',
      'delete counter inet shaper_100 passed_output_marks',
    ]);
  });

  it('are counted at all their hooks', () => {
    const counter = (name: string, packets: number) => ({ counter: { name, packets } });
    const listing = JSON.stringify({
      nftables: [
        ...[{ metainfo: {} }, counter('kernel_output_a', 10), counter('passed_output_a', 7)],
        ...[counter('kernel_input_a', 5), counter('passed_input_a', 5), counter('kernel_input_b', 1)],
        counter('passed_input_b', 2),
      ],
    });
    expect([...parseKernelCounts(listing, ['a', 'b', 'c'])]).toEqual([
      ['a', { packets: 15, dropped: 3 }],
      ['b', { packets: 1, dropped: 0 }],
      ['c', { packets: 0, dropped: 0 }],
    ]);
  });
});
