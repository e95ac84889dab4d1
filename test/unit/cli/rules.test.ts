import { afterAll, expect, it } from 'vitest';
import { configFiles, shaper } from './helpers.ts';

const files = configFiles();
afterAll(() => files.remove());
const good = files.path('good.yaml');
const bad = files.path('bad.yaml');

it('prints the nft rule set; the other back end on demand or when configured', async () => {
  const nft = await shaper('rules', '--conf', good);
  expect(nft.code).toBe(0);
  expect(nft.stdout).toContain('table inet shaper_100');
  expect(nft.stdout).not.toContain('iptables');
  const iptables = await shaper('rules', '--conf', good, '--backend', 'iptables');
  expect(iptables.stdout).toContain('NFQUEUE');
  expect((await shaper('rules', '--conf', files.path('iptables.yaml'))).stdout).toContain('NFQUEUE');
  expect(
    (await shaper('rules', '--conf', files.path('iptables.yaml'), '--backend', 'nft')).stdout,
  ).not.toContain('NFQUEUE');
});

it('a bad file: exit 2; a doubtful one: its warnings on stderr', async () => {
  expect((await shaper('rules', '--conf', bad)).code).toBe(2);
  const { code, stdout, stderr } = await shaper('rules', '--conf', files.path('warning.yaml'));
  expect(code).toBe(0);
  expect(stdout).not.toContain('warning');
  expect(stderr).toMatch(/warning\.yaml:1:\d+: warning: class b gets no packets/);
});
