import { writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { CERT } from '../portal/test-certificate.ts';
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

it('a quota with a page: its rules, and what DHCP servers have to say', async () => {
  const [cert, conf] = [files.path('cert.pem'), files.path('page.yaml')];
  writeFileSync(cert, CERT);
  const page = `page: { allow: [10.0.0.1], cert: ${cert}, key: ${cert} }`;
  writeFileSync(
    conf,
    `links: { wan: { device: eth0, up: 1mbit } }
hosts: { lan: [eth1] }
quotas: { q: { windows: [{ over: 4h, up: 5GB }], then: [{ ${page} }] } }
`,
  );
  const { code, stdout } = await shaper('rules', '--conf', conf);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /page_redirect iifname \{ "eth1" \} tcp dport 80 ip saddr @stopped4 .* redirect to :8511/,
  );
  expect(stdout).toContain('#   dhcp-option=114,https://portal.example.org:8908/captive-portal/api\n');
  // Notes are comments, so that the whole can be given to nft.
  expect(stdout.split('\n').filter((line) => line.includes('captive') && !line.startsWith('#'))).toEqual([]);
});
