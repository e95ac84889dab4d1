import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Neighbours, NO_NEIGHBOURS, type RulesRequest } from '../../../../src/io/rules/index.ts';
import { NEIGHBOUR_INTERVAL_MS, NeighbourWatch } from '../../../../src/io/rules/neighbour-watch.ts';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();
const REQUEST: RulesRequest = {
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
    ...{ first: 100, count: 1, length: 1024, bypass: true },
    ...{ gso: 'auto', backend: 'auto', markMask: 0xff000000 },
  },
};
const table = (rule: string): string => `table ip fw {\n\tchain c {\n\t\t${rule}\n\t}\n}\n`;
const HARMLESS = table('tcp dport 22 accept');
const COLLIDES = table('meta mark set meta mark | 0x40000000');
const TRACKS = table('ct state established accept');

beforeEach(() => {
  for (const tool of ['iptables-nft-save', 'ip6tables-nft-save', 'ip', 'tc']) tools.pretend(tool, 'exit 1');
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A watch over rules that a test changes, after its first look. */
async function watchOver(
  listing: string,
  known: Neighbours = NO_NEIGHBOURS,
  generation: () => number | null = () => null,
) {
  const warnings: string[] = [];
  const ran: string[] = [];
  const rules = { listing, isBroken: false, looks: 0 };
  const query = async (_: string, lists: readonly string[]): Promise<string> => {
    if (rules.isBroken) throw new Error('broken');
    if (lists[0] !== 'list tables') return rules.listing;
    rules.looks++;
    return 'table ip fw\ntable inet shaper_100\ntable bridge shaper_100\n';
  };
  const run = async (_: string, lines: readonly string[]): Promise<void> => void ran.push(...lines);
  const session = { query, run } as unknown as NftSession;
  const log = { warn: (message: string) => void warnings.push(message) };
  const watch = new NeighbourWatch(session, REQUEST, log, generation);
  await watch.start(known);
  const nftSays = (text: string): void =>
    tools.pretend('nft', `case "$*" in *ruleset*) cat <<'END'\n${text}END\necho look >> $LOG;; esac`);
  /** Lets one interval pass, and what happens then. */
  const pass = async (done: () => void): Promise<void> => {
    vi.advanceTimersByTime(NEIGHBOUR_INTERVAL_MS);
    await vi.waitFor(done, 30_000);
  };
  const change = (to: string): void => {
    rules.listing = to;
    nftSays(to);
  };
  return { watch, warnings, ran, rules, change, pass };
}

const looksOfTools = (): number => tools.log().split('look').length - 1;

it('nothing is listed while the number of the rule set stays', async () => {
  let generation = 7;
  const { watch, warnings, rules, change, pass } = await watchOver(HARMLESS, NO_NEIGHBOURS, () => generation);
  await pass(() => expect(rules.looks).toBe(2));
  for (let looks = 0; looks < 3; looks++) {
    vi.advanceTimersByTime(NEIGHBOUR_INTERVAL_MS);
    await (watch as unknown as { running: Promise<void> }).running;
  }
  expect(rules.looks).toBe(2);
  generation = 8;
  change(COLLIDES);
  await pass(() => expect(warnings).toHaveLength(1));
  expect(rules.looks).toBe(3);
});

it('what collides later is told once, and the tools are asked after a change only', async () => {
  const { watch, warnings, rules, change, pass } = await watchOver(HARMLESS);
  await pass(() => expect(rules.looks).toBe(2));
  expect([warnings, looksOfTools()]).toEqual([[], 0]);
  change(COLLIDES);
  await pass(() => expect(warnings).toHaveLength(1));
  expect(warnings[0]).toContain('nft table ip fw, chain c');
  expect(watch.collisions).toEqual(warnings);
  for (let n = 0; n < 3; n++) await pass(() => expect(rules.looks).toBe(4 + n));
  change(`${COLLIDES}${HARMLESS}`);
  await pass(() => expect(looksOfTools()).toBe(2));
  expect([warnings.length, watch.collisions.length]).toEqual([1, 1]);
  watch.stop();
});

it('rules that change all the time are looked at ever more seldom', async () => {
  const { watch, change } = await watchOver(HARMLESS);
  for (let n = 0; n < 20; n++) {
    change(`${HARMLESS}# ${n}\n`);
    vi.advanceTimersByTime(NEIGHBOUR_INTERVAL_MS);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(looksOfTools()).toBeGreaterThan(0);
  expect(looksOfTools()).toBeLessThan(9);
  watch.stop();
});

it('where connections are tracked, at the start or later, first pings pass', async () => {
  const first = await watchOver(TRACKS, { ...NO_NEIGHBOURS, isTracked: true });
  expect(first.ran.map((line) => line.split(' ')[5])).toEqual(['icmp', 'icmpv6']);
  first.watch.stop();
  const later = await watchOver(HARMLESS);
  expect(later.ran).toEqual([]);
  later.change(TRACKS);
  await later.pass(() => expect(later.ran).toHaveLength(2));
  later.change(`${TRACKS}# more\n`);
  for (let n = 0; n < 4; n++) await later.pass(() => expect(later.ran).toHaveLength(2));
  later.watch.stop();
});

it('a look that fails is made again, and told after three failures', async () => {
  const { watch, warnings, rules, change, pass } = await watchOver(HARMLESS);
  rules.isBroken = true;
  for (let n = 0; n < 3; n++) {
    expect(warnings).toEqual([]);
    await pass(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(warnings).toEqual(['cannot look at the rules of other programs']);
  rules.isBroken = false;
  change(COLLIDES);
  await pass(() => expect(warnings).toHaveLength(2));
  watch.stop();
});

it('after the stop nothing is looked at', async () => {
  const { watch, warnings, rules, change } = await watchOver(HARMLESS);
  watch.stop();
  change(COLLIDES);
  vi.advanceTimersByTime(5 * NEIGHBOUR_INTERVAL_MS);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([rules.looks, warnings]).toEqual([1, []]);
});

it('after a change of our rules it judges by these at once, and the next look is a whole one', async () => {
  const { watch, change, pass } = await watchOver(HARMLESS);
  change(COLLIDES);
  await pass(() => expect(watch.collisions).toHaveLength(1));
  watch.follow({ ...REQUEST, nfqueue: { ...REQUEST.nfqueue, markMask: 0x00ff0000 } });
  expect(watch.collisions).toEqual([]);
  for (let n = 0; n < 3; n++) await pass(() => expect(looksOfTools()).toBe(2));
  watch.stop();
});
