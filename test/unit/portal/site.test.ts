import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { PageHost } from '../../../src/portal/messages.ts';
import { Site } from '../../../src/portal/site.ts';
import { CERT, KEY } from './test-certificate.ts';

const host = (id: string, ...addresses: string[]): PageHost => ({
  ...{ id, name: `name of ${id}`, addresses, isStopped: true, quotas: [] },
});
const isOf = (site: Site, address: string): string =>
  /<p>(.*)<\/p>/.exec(site.stopped(address).body)?.[1] ?? 'nobody';

function siteWith(...hosts: PageHost[]): Site {
  const site = new Site();
  const files = { text: '<p>{{name}}</p>', style: 'p { color: red }', tls: { cert: CERT, key: KEY } };
  site.use(files, { allow: [], httpsPort: 8908 });
  site.update(hosts, []);
  return site;
}

test('a client sees its own host, under each of its addresses', () => {
  const site = siteWith(host('a', '10.0.0.7', 'fd00::7'), host('b', '10.0.0.8'));
  const seen = ['10.0.0.7', 'fd00::7', '10.0.0.8'].map((address) => isOf(site, address));
  expect(seen).toEqual(['name of a', 'name of a', 'name of b']);
  expect(site.stopped('10.0.0.9').body).toContain('Nothing is stopped');
});

test('an address that moves goes with its host, and hosts that go are forgotten', () => {
  const site = siteWith(host('a', '10.0.0.7', '10.0.0.9'), host('b', '10.0.0.8'));
  site.update([host('b', '10.0.0.7', '10.0.0.8'), host('a', '10.0.0.9')], []);
  expect(['10.0.0.7', '10.0.0.9'].map((address) => isOf(site, address))).toEqual(['name of b', 'name of a']);
  site.update([], ['b']);
  expect(site.stopped('10.0.0.7').body).toContain('Nothing is stopped');
  expect(isOf(site, '10.0.0.9')).toBe('name of a');
});

test('a client is its host, whatever its address; else the /64 of an IPv6 address', () => {
  const site = siteWith(host('a', '10.0.0.7', 'fd00::7'), host('b', 'fd00::8'));
  const clients = ['10.0.0.7', 'fd00::7', 'fd00::8', 'fd00::9', 'fd00::a', '10.0.0.9'];
  expect(clients.map((address) => site.clientOf(address))).toEqual([
    ...['a', 'a', 'b', 'fd00:0:0:0::/64', 'fd00:0:0:0::/64', '10.0.0.9'],
  ]);
});

test('pages allow their own style and nothing else', () => {
  const { status, headers } = siteWith().stopped('10.0.0.7');
  const hash = createHash('sha256').update('p { color: red }').digest('base64');
  expect(status).toBe(511);
  expect(headers['Content-Security-Policy']).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  expect(siteWith().visited('10.0.0.7').status).toBe(200);
});

test('the API says who is captive', () => {
  const site = siteWith(host('a', '10.0.0.7'));
  const { status, headers, body } = site.api('10.0.0.7');
  expect([status, headers['Content-Type']]).toEqual([200, 'application/captive+json']);
  expect(JSON.parse(body)).toMatchObject({
    captive: true,
    'user-portal-url': 'https://portal.example.org:8908/',
  });
  expect(JSON.parse(site.api('10.0.0.8').body)).toMatchObject({ captive: false });
});
