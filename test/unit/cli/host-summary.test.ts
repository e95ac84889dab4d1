/** The lines of `shaper check` about hosts, history and quotas. */
import { expect, it } from 'vitest';
import { hostSummary } from '../../../src/cli/host-summary.ts';
import { load } from '../config/helpers.ts';

const summary = (text: string): string[] =>
  hostSummary(load(`links: { w: { device: e, up: 9mbit } }\n${text}`))
    .split('\n')
    .slice(0, -1);

it('says nothing of what nobody asked for', () => {
  expect(summary('')).toEqual([]);
  expect(summary('hosts: { identify: mac }\nquotas: {}')).toEqual([]);
});

it('a line each, and one for every quota', () => {
  const quotas =
    'a: { windows: { over: 4h, up: 5GB } }, b: { windows: [{ over: 1s, total: 1B }], then: block }';
  expect(summary(`hosts: { names: { a: 10.0.0.1, b: 10.0.0.2 } }\nquotas: { ${quotas} }`)).toEqual([
    '  hosts: { identify: mac, reverseDns: false }, 2 names',
    '  history: { file: /var/lib/shaper/shaper.db, flush: 10s, keep: ["5m for 2d", "1h for 60d", "1d for 5y"] }',
    '  quota a: { windows: { over: 4h, up: 5GB }, release: 100% }',
    '  quota b: { windows: { over: 1s, total: 1B }, release: 100%, then: { block: true } }',
  ]);
  expect(summary('history: { file: /x, keep: 1m for 1d }')).toEqual([
    '  history: { file: /x, flush: 10s, keep: "1m for 1d" }',
  ]);
  expect(summary('history: { file: none }')).toEqual([]);
});
