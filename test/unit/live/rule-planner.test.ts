/** The rules for the page of stopped hosts: where the kernel takes them, and when they change. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { LoadedConfig } from '../../../src/config/config.ts';
import { NO_NEIGHBOURS } from '../../../src/io/rules/index.ts';
import { RulePlanner } from '../../../src/live/rule-planner.ts';
import type { PageSpec } from '../../../src/spec/hosts.ts';
import { useFakeTools } from '../io/rules/fake-tools.ts';
import { ONE, world } from './applier-world.ts';

const tools = useFakeTools();
/** The trial is made in a network namespace of its own, by `unshare -n nft`. */
const TAKES = 'exit 0';
const REFUSES = 'echo "Error: Could not process rule: Not supported" >&2; exit 1';

const PAGE: PageSpec = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };

function withPage(page: PageSpec): LoadedConfig {
  const quota = {
    ...{ name: 'q', hosts: { names: null, match: null }, windows: [], warnShare: null, slopeShare: null },
    ...{ releaseShare: 1, throttle: null, isBlocking: true, outside: [], modules: [], page },
  };
  return { ...ONE, spec: { ...ONE.spec, quotas: [quota] } };
}

beforeEach(() => {
  tools.pretend('unshare', TAKES);
  tools.pretend('nft', TAKES);
});

describe('a start', () => {
  const start = async (config: LoadedConfig) => {
    const warnings: string[] = [];
    const log = { warn: (message: string) => void warnings.push(message) };
    const { page } = await new RulePlanner('nft', NO_NEIGHBOURS, log).start(config.spec);
    return { page, warnings };
  };

  it('has rules for the page if a quota has one', async () => {
    expect((await start(ONE)).page).toBe(undefined);
    expect(await start(withPage(PAGE))).toEqual({
      page: { lan: null, links: ['wan0'], allow: [], hasApi: false },
      warnings: [],
    });
  });

  it('goes on without them where the kernel has none', async () => {
    tools.pretend('unshare', REFUSES);
    tools.pretend('nft', REFUSES);
    const { page, warnings } = await start(withPage(PAGE));
    expect(page).toBe(undefined);
    const told = warnings.filter((line) => line.startsWith('no page'));
    expect(told).toEqual([expect.stringMatching(/blocked without one.*version 5\.2 or newer$/)]);
  });
});

describe('a change', () => {
  it('brings the page, changes it and takes it away; its chains in hooks stay', async () => {
    const { apply, steps, request } = world();
    await apply(withPage(PAGE));
    expect(steps.filter((step) => step.startsWith('rules'))).toEqual(['rules: wan0>0', 'rules finished']);
    expect(request()).toMatchObject({ page: { links: ['wan0'], allow: [] }, keepsPageHooks: false });
    steps.length = 0;
    await apply(withPage({ ...PAGE, allow: ['portal.example.org'] }));
    // Names are no part of the rules.
    expect(steps).toEqual(['applied, level info']);
    await apply(withPage({ ...PAGE, allow: [{ family: 4, words: [0x0a000001, 0, 0, 0], bits: 32 }] }));
    expect(request()).toMatchObject({ page: { allow: [{ bits: 32 }] }, keepsPageHooks: true });
    await apply(ONE);
    expect(request()).not.toHaveProperty('page');
    expect(request()).toMatchObject({ keepsPageHooks: true });
    steps.length = 0;
    await apply(ONE);
    expect(steps).toEqual(['applied, level info']);
  });

  it('tries the kernel once', async () => {
    tools.pretend('unshare', REFUSES);
    const { apply, steps, request } = world();
    await apply(withPage(PAGE));
    await apply(withPage({ ...PAGE, certFile: '/c', keyFile: '/k' }));
    expect(steps.filter((step) => step.startsWith('warning'))).toHaveLength(1);
    expect(request()).not.toHaveProperty('page');
  });
});
