import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findIptables } from '../../../../src/io/rules/iptables.ts';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { RuleWatch, WATCH_INTERVAL_MS } from '../../../../src/io/rules/watch.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();
const RULES = [
  '-A FORWARD -m mark --mark 0x1/0xff -m comment --comment shaper:100 -j NFQUEUE --queue-num 100',
];
/** As iptables-save prints it. */
const LISTED = RULES.map((rule) => rule.replace('shaper:100', '"shaper:100"'));
const OTHERS = LISTED.map((rule) => rule.replace('shaper:100', 'shaper:200'));
const LISTING = 'table ip security {\n  meta mark 0x1 queue num 100 bypass\n}\n';

function pretendSaved(rules: readonly string[]): void {
  const lines = ['*security', ...rules, 'COMMIT'].map((line) => `'${line}'`);
  for (const tool of ['iptables-nft', 'ip6tables-nft'])
    tools.pretend(`${tool}-save`, `printf '%s\\n' ${lines.join(' ')}`);
}

beforeEach(() => {
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(tool, 'echo "$(basename $0) v1.8.9 (nf_tables)"');
    tools.pretend(`${tool}-restore`, 'cat >> $LOG');
  }
  pretendSaved(LISTED);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function startWatch(listing: { text: string }, generation: () => number | null = () => null) {
  const query = vi.fn(async () => listing.text);
  const session = { query } as unknown as NftSession;
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  const own = { first: 100, rules: RULES };
  const onGap = vi.fn();
  const watch = new RuleWatch(session, await findIptables(), own, log, onGap, generation);
  watch.start();
  return { watch, warnings, onGap, query };
}

/** When the looks that were due are over. */
const looked = (watch: RuleWatch): Promise<void> => (watch as unknown as { look: Promise<void> }).look;

it('rules that are there are left alone', async () => {
  const { watch, warnings, onGap } = await startWatch({ text: LISTING });
  vi.advanceTimersByTime(3 * WATCH_INTERVAL_MS);
  await watch.stop();
  expect([tools.log(), warnings]).toEqual(['', []]);
  expect(onGap).not.toHaveBeenCalled();
});

it('nothing is listed while the number of the rule set stays', async () => {
  let generation = 7;
  const listing = { text: LISTING };
  const { watch, warnings, query } = await startWatch(listing, () => generation);
  for (let looks = 0; looks < 3; looks++) {
    vi.advanceTimersByTime(WATCH_INTERVAL_MS);
    await looked(watch);
  }
  expect(query).toHaveBeenCalledTimes(1);
  // Rules of others have changed: one look, and ours are found at their place.
  generation = 8;
  for (let looks = 0; looks < 2; looks++) {
    vi.advanceTimersByTime(WATCH_INTERVAL_MS);
    await looked(watch);
  }
  expect(query).toHaveBeenCalledTimes(2);
  expect([tools.log(), warnings]).toEqual(['', []]);
  generation = 9;
  listing.text = '';
  pretendSaved([]);
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 30_000);
  await watch.stop();
  expect(warnings[0]).toContain('put back');
});

it('rules that somebody removed are put back in both families, and it says so', async () => {
  const listing = { text: LISTING };
  const { watch, warnings, onGap } = await startWatch(listing);
  listing.text = '';
  pretendSaved([]);
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 30_000);
  await watch.stop();
  expect(onGap).toHaveBeenCalledOnce();
  expect(
    tools
      .log()
      .split('\n')
      .filter((line) => line === RULES[0]),
  ).toHaveLength(2);
  expect(warnings[0]).toContain('put back');
});

it('rules of another instance do not count for ours: both lost theirs, and that one was faster', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await looked(watch);
  expect([tools.log(), warnings]).toEqual(['', []]);
  pretendSaved(OTHERS);
  listing.text = LISTING.replace('0x1', '0x100').replace('100 bypass', '200 bypass');
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 30_000);
  await watch.stop();
  expect(warnings[0]).toContain('put back');
});

it('rules that go again while they are put back are put back once more', async () => {
  const { watch, warnings } = await startWatch({ text: '' });
  pretendSaved([]);
  for (let times = 1; times <= 3; times++) {
    vi.advanceTimersByTime(WATCH_INTERVAL_MS);
    await vi.waitFor(() => expect(warnings).toHaveLength(times), 30_000);
  }
  await watch.stop();
});

it('puts nothing back after the stop', async () => {
  const listing = { text: LISTING };
  const { watch } = await startWatch(listing);
  listing.text = '';
  pretendSaved([]);
  await watch.stop();
  vi.advanceTimersByTime(3 * WATCH_INTERVAL_MS);
  await watch.stop();
  expect(tools.log()).toBe('');
});

it('a failure is told and the watch goes on', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  listing.text = '';
  tools.pretend('iptables-nft-save', 'echo broken >&2; exit 1');
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 30_000);
  expect(warnings[0]).toContain('cannot keep');
  pretendSaved([]);
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings[1]).toContain('put back'), 30_000);
  await watch.stop();
});

it('other rules that come before ours make it move them, five times a minute', async () => {
  const { watch, warnings } = await startWatch({ text: LISTING });
  pretendSaved(['-A FORWARD -j ACCEPT', ...LISTED]);
  const looks = async (times: number, expected: number): Promise<void> => {
    for (let n = 1; n <= times; n++) {
      vi.advanceTimersByTime(WATCH_INTERVAL_MS);
      await looked(watch);
    }
    expect(warnings).toHaveLength(expected);
  };
  await looks(6, 6);
  expect(warnings.slice(0, 5).every((line) => line.includes('put rules before ours; moved'))).toBe(true);
  expect(warnings[5]).toContain('keeps putting');
  // Nothing changes, and after a minute they are moved all the same.
  await looks(29, 6);
  await looks(1, 7);
  expect(warnings[6]).toContain('moved');
  await watch.stop();
});

it('a firewall that is loaded again every minute never makes it give up', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  for (let times = 1; times <= 8; times++) {
    pretendSaved(['-A FORWARD -j ACCEPT', ...LISTED]);
    listing.text += '#\n';
    vi.advanceTimersByTime(WATCH_INTERVAL_MS);
    await looked(watch);
    pretendSaved(LISTED);
    for (let seconds = 0; seconds < 60; seconds += WATCH_INTERVAL_MS / 1000) {
      vi.advanceTimersByTime(WATCH_INTERVAL_MS);
      await looked(watch);
    }
    expect(warnings).toHaveLength(times);
  }
  await watch.stop();
  expect(warnings.every((line) => line.includes('moved'))).toBe(true);
});

it('other rules behind ours are left alone', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  pretendSaved([...LISTED, '-A FORWARD -j ACCEPT']);
  listing.text = `${LISTING}more\n`;
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await watch.stop();
  expect([tools.log(), warnings]).toEqual(['', []]);
});
