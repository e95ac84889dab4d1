import { describe, expect, test } from 'vitest';
import type { PageHost, PageStanding } from '../../../src/portal/messages.ts';
import { type PageParts, renderPage } from '../../../src/portal/page.ts';
import { STYLE } from '../../../src/portal/style.ts';
import { TEXT } from '../../../src/portal/text.ts';

const NOW_MS = Date.parse('2026-11-29T12:00:00Z');

const EXCEEDED: PageStanding = {
  ...{ quota: 'fair-use', overNs: 4 * 3600e9, direction: 'down', usedBytes: 10.4e9, limitBytes: 10e9 },
  ...{ state: 'exceeded', endsAt: '2026-11-29T14:10:00Z' },
};
const HOST: PageHost = {
  ...{ id: '00:50:8d:68:50:75', name: 'flat-12', addresses: ['10.0.0.7'], isStopped: true },
  quotas: [
    EXCEEDED,
    { ...EXCEEDED, direction: 'up', usedBytes: 1.2e9, limitBytes: 5e9, state: 'ok', endsAt: null },
    { ...EXCEEDED, overNs: 7 * 86400e9, usedBytes: 51e9, limitBytes: 60e9, state: 'warned', endsAt: null },
  ],
};
const PARTS: PageParts = { host: HOST, address: '10.0.0.7', text: TEXT, style: STYLE, allow: [] };

const render = (parts: Partial<PageParts> = {}): string => renderPage({ ...PARTS, ...parts }, NOW_MS);
const withQuotas = (...quotas: PageStanding[]): string => render({ host: { ...HOST, quotas } });

describe('the page of a stopped host', () => {
  test('says why, how much of what, and until when', () => {
    const page = render();
    expect(page).toContain('<title>Your connection is stopped</title>');
    expect(page).toContain('<p class="who">flat-12</p>');
    expect(page).toContain('This device received 10.4 GB in the last 4 hours.');
    expect(page).toContain('The limit of “fair-use” is 10 GB.');
    expect(page).toContain('<time datetime="2026-11-29T14:10:00.000Z">');
    expect(page).toContain('in 2 h 10 min');
    expect(page).toContain('2026-11-29 14:10 UTC');
    expect(page).toContain('<b>1.2 GB of 5 GB</b>');
    expect(page).toContain('<b>51 GB of 60 GB</b>');
    expect(page).toContain('104 %, over the limit');
    expect(page).toContain('85 %, close to the limit');
    expect(page.match(/<rect width="(\d+)"/g)).toEqual([
      ...['<rect width="100"', '<rect width="24"', '<rect width="85"'],
    ]);
  });

  test('leaves no word in braces, runs nothing and loads nothing', () => {
    const page = render({ allow: ['10.0.0.1', 'portal.example.org'] });
    expect(page).not.toMatch(/\{\{/);
    expect(page).not.toMatch(/<script|javascript:|\son\w+=|style=/i);
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to)).toEqual(['data:,']);
    expect(page).toContain('<b>10.0.0.1</b>, <b>portal.example.org</b>.');
  });

  test('of several violations the last end counts, and an unknown one is none', () => {
    const later = { ...EXCEEDED, overNs: 7 * 86400e9, endsAt: '2026-12-01T12:00:00Z' };
    expect(withQuotas(EXCEEDED, later)).toContain('in 2 days');
    expect(withQuotas(EXCEEDED, { ...later, endsAt: null })).toContain('as soon as the device is under');
    expect(withQuotas({ ...EXCEEDED, endsAt: 'nonsense' })).toContain('as soon as the device is under');
    expect(withQuotas({ ...EXCEEDED, endsAt: '2026-11-29T11:59:59Z' })).toContain('in a few seconds');
    expect(withQuotas()).toContain('as soon as the device is under');
  });

  test('of a slow host says that', () => {
    const page = render({ host: { ...HOST, isStopped: false } });
    expect(page).toContain('<h1>Your connection is slowed down</h1>');
    expect(page).toContain('It is fast again by itself');
    expect(page).toContain('Everything works, only slower.');
  });

  test('without a name has the address', () => {
    expect(render({ host: { ...HOST, name: '' } })).toContain('<p class="who">10.0.0.7</p>');
  });

  test('a list of what is allowed has an end', () => {
    const page = render({ allow: Array.from({ length: 50 }, (_, i) => `site-${i}.example`) });
    expect(page).toContain('<b>site-11.example</b> and others.');
    expect(page).not.toContain('site-12');
  });
});

test('all text of others is escaped', () => {
  const evil = `<img src=x onerror="alert('1')">{{quotas}}\u202e`;
  const page = render({
    host: { ...HOST, name: evil, quotas: [{ ...EXCEEDED, quota: evil }] },
    allow: [evil],
  });
  expect(page).not.toContain('<img');
  expect(page.match(/&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;/g)).toHaveLength(4);
  // Words in a name stay as they are.
  expect(page.match(/\{\{quotas\}\}/g)).toHaveLength(4);
  expect(page).toContain('\\u{202e}');
});

test('a text of the operator has the same words', () => {
  const page = render({
    text: '<h1>{{name}}</h1>{{unknown}}<div>{{ends}}</div>',
    style: 'h1 { color: red }',
  });
  expect(page).toContain('<h1>flat-12</h1>{{unknown}}<div>It works again');
  expect(page).toContain('<style>h1 { color: red }</style>');
});

test('whoever is not stopped learns nothing of others', () => {
  const page = render({ host: null });
  expect(page).toContain('<h1>Nothing is stopped</h1>');
  expect(page).not.toMatch(/fair-use|flat|GB|00:50/);
});
