import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findIptables } from '../../../../src/io/rules/iptables.ts';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { RuleWatch, WATCH_INTERVAL_MS } from '../../../../src/io/rules/watch.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();
const RULES = [
  '-A FORWARD -m mark --mark 0x1/0xff -m comment --comment shaper:100 -j NFQUEUE --queue-num 100',
];
const LISTING = 'table ip security {\n  meta mark 0x1 queue num 100 bypass\n}\n';

beforeEach(() => {
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(tool, 'echo "$(basename $0) v1.8.9 (nf_tables)"');
    tools.pretend(`${tool}-restore`, 'cat >> $LOG');
    tools.pretend(`${tool}-save`, 'echo "*security"');
  }
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function startWatch(listing: { text: string }) {
  const session = { query: async () => listing.text } as unknown as NftSession;
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  const watch = new RuleWatch(session, await findIptables(), { first: 100, rules: RULES }, log);
  await watch.start();
  return { watch, warnings };
}

it('rules that are there are left alone', async () => {
  const { watch, warnings } = await startWatch({ text: LISTING });
  vi.advanceTimersByTime(3 * WATCH_INTERVAL_MS);
  await watch.stop();
  expect([tools.log(), warnings]).toEqual(['', []]);
});

it('rules that somebody removed are put back in both families, and it says so', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  listing.text = '';
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 5000);
  await watch.stop();
  expect(
    tools
      .log()
      .split('\n')
      .filter((line) => line === RULES[0]),
  ).toHaveLength(2);
  expect(warnings[0]).toContain('put back');
});

it('puts nothing back after the stop', async () => {
  const listing = { text: LISTING };
  const { watch } = await startWatch(listing);
  listing.text = '';
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
  await vi.waitFor(() => expect(warnings).toHaveLength(1), 5000);
  expect(warnings[0]).toContain('cannot keep');
  tools.pretend('iptables-nft-save', 'echo "*security"');
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await vi.waitFor(() => expect(warnings[1]).toContain('put back'), 5000);
  await watch.stop();
});

const LISTED = RULES.map((rule) => rule.replace('shaper:100', '"shaper:100"'));

it('other rules that come before ours make it move them, but not for ever', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  const saved = ['*security', '-A FORWARD -j ACCEPT', ...LISTED, 'COMMIT'];
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(`${tool}-save`, `printf '%s\\n' ${saved.map((line) => `'${line}'`).join(' ')}`);
  }
  for (let n = 1; n <= 8; n++) {
    listing.text = `${LISTING}# ${n}\n`;
    vi.advanceTimersByTime(WATCH_INTERVAL_MS);
    await vi.waitFor(() => expect(warnings).toHaveLength(Math.min(n, 6)), 5000);
  }
  await watch.stop();
  expect(warnings.slice(0, 5).every((line) => line.includes('put rules before ours; moved'))).toBe(true);
  expect(warnings[5]).toContain('keeps putting');
  const log = tools.log().split('\n');
  expect(log.filter((line) => line.startsWith('-D '))).toHaveLength(10);
});

it('other rules behind ours are left alone', async () => {
  const listing = { text: LISTING };
  const { watch, warnings } = await startWatch(listing);
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(`${tool}-save`, `printf '%s\\n' '*security' '${LISTED[0]}' '-A FORWARD -j ACCEPT'`);
  }
  listing.text = `${LISTING}more\n`;
  vi.advanceTimersByTime(WATCH_INTERVAL_MS);
  await watch.stop();
  expect([tools.log(), warnings]).toEqual(['', []]);
});
