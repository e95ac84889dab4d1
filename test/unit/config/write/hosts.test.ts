import { expect, it } from 'vitest';
import { writeHistory, writeHosts } from '../../../../src/config/write/hosts.ts';
import { load } from '../helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit } }\n';

it('hosts: what was chosen, or all that applies', () => {
  const { hosts } = load(`${LINKS}hosts: { lan: eth1, names: { NAS: 0050.8d68.5075 }, identify: mac }`).spec;
  expect(writeHosts(hosts, 'chosen')).toEqual({ lan: ['eth1'], names: { nas: '00:50:8d:68:50:75' } });
  expect(writeHosts(load(LINKS).spec.hosts, 'chosen')).toEqual({});
  expect(writeHosts(load(LINKS).spec.hosts, 'all')).toEqual({ identify: 'mac', reverseDns: 'false' });
});

it('history: defaults are left out, and none is written', () => {
  const written = (text: string) => writeHistory(load(LINKS + text).history, 'chosen');
  expect(written('history: {}')).toEqual({});
  expect(written('')).toEqual({ file: 'none' });
  expect(written('history: { keep: [60s for 24h, 1h for 365d], flush: 60s }')).toEqual({
    flush: '1m',
    keep: ['1m for 1d', '1h for 1y'],
  });
  expect(writeHistory(load(`${LINKS}history: {}`).history, 'all')).toEqual({
    file: '/var/lib/shaper/shaper.db',
    flush: '10s',
    keep: ['5m for 2d', '1h for 60d', '1d for 5y'],
  });
});
