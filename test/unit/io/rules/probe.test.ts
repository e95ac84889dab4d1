import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import {
  probeAbilities,
  probeBackend,
  probePortHooks,
  probeSwitched,
} from '../../../../src/io/rules/probe.ts';
import type { QueuePlan } from '../../../../src/spec/queue-plan.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();

/** nft refuses transactions that contain one of these words. */
function nftWithout(...words: string[]): void {
  const refusals = words.map((word) => `*"${word}"*) echo "Error: no ${word} here" >&2; exit 1;;`);
  tools.pretend('nft', `rules=$(cat); echo "$rules" >> $LOG; case "$rules" in\n${refusals.join('\n')}\nesac`);
}

beforeEach(() => {
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(tool, 'echo "$(basename $0) v1.8.9 (nf_tables)"');
    tools.pretend(`${tool}-restore`, 'cat > /dev/null');
  }
  // Without the right to make a namespace the rules are tried in this one.
  tools.pretend('unshare', 'echo "unshare failed: Operation not permitted" >&2; exit 1');
});

describe('the back end', () => {
  it('is nft where its queue statement works', async () => {
    nftWithout();
    expect(await probeBackend('auto')).toBe('nft');
    expect(await probeBackend('iptables')).toBe('iptables');
  });

  it('is iptables where it does not, unless nft is demanded', async () => {
    nftWithout('queue flags');
    expect(await probeBackend('auto')).toBe('iptables');
    await expect(probeBackend('nft')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('no queue flags here'),
    });
  });

  it('none: both refusals are told', async () => {
    nftWithout('queue flags');
    tools.pretend('ip6tables-nft-restore', 'cat > /dev/null; echo "No chain/target/match"; exit 2');
    await expect(probeBackend('auto')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/no queue flags here.*No chain\/target\/match/),
    });
  });

  it.each(['fib daddr', 'limit rate'])(
    'a kernel without %s cannot carry the marking chains',
    async (words) => {
      nftWithout(words);
      await expect(probeBackend('auto')).rejects.toMatchObject({ code: 'unsupported' });
    },
  );
});

it('a kernel without nft tables for bridges is warned of once, and does without', async () => {
  const nfqueue = loadConfig('links: { wan: { device: br0, up: 1mbit } }', 'f').spec.nfqueue;
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  nftWithout();
  expect(await probeSwitched(nfqueue, log, false)).toBe(true);
  expect(warnings).toEqual([]);
  nftWithout('table bridge');
  expect(await probeSwitched(nfqueue, log, false)).toBe(false);
  expect(warnings).toEqual([expect.stringContaining('no rules for bridges here')]);
});

it('what a kernel says against queueing in bridges is told, and nothing else', async () => {
  const { nfqueue } = loadConfig('links: { lan: { device: p1, up: 1mbit } }', 'f').spec;
  nftWithout();
  expect(await probePortHooks(nfqueue, false)).toBeNull();
  nftWithout('bridge shaper_100 queue_0 queue');
  expect(await probePortHooks(nfqueue, false)).toContain('bridge shaper_100 queue_0 queue');
});

describe('abilities', () => {
  const plan: QueuePlan = {
    directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: 1 }],
    gso: [false, true],
    copyBytes: [128, 128],
    ecn: true,
    moduleNfqueue: null,
    unreadNfqueue: 65535,
    sharesChains: false,
    dscps: [10],
  };
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };

  it.each([
    ['ecn set', { ecn: false, connectionMarks: true, dscp: true }],
    ['ct mark', { ecn: true, connectionMarks: false, dscp: true }],
    ['dscp set', { ecn: true, connectionMarks: true, dscp: false }],
  ])('without %s', async (word, abilities) => {
    warnings.length = 0;
    nftWithout(word);
    expect(await probeAbilities(plan, log)).toEqual(abilities);
    expect(warnings).toHaveLength(1);
  });

  it('connection marks are tried where answers come by them', async () => {
    nftWithout('ct mark');
    const half = { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: null } as const;
    const directions = [{ ...half, isHalf: true, isByMark: true }];
    expect((await probeAbilities({ ...plan, directions }, log)).connectionMarks).toBe(false);
  });

  it('only those that the plan wants are tried', async () => {
    nftWithout('ct mark', 'dscp set', 'ecn set');
    const directions = plan.directions.map((direction) => ({ ...direction, fastNfqueue: null }));
    await probeAbilities({ ...plan, directions, ecn: false, dscps: [] }, log);
    expect(tools.log()).toBe('');
  });
});
