import { expect, test } from 'vitest';
import type { PageSpec, QuotaSpec } from '../../../src/spec/hosts.ts';
import { pageOf } from '../../../src/spec/page.ts';

const PAGE: PageSpec = { allow: [], certFile: null, keyFile: null, textFile: null, styleFile: null };

const quota = (page: PageSpec | null): QuotaSpec => ({
  ...{ name: 'q', hosts: { names: null, match: null }, windows: [], warnShare: null, slopeShare: null },
  ...{ releaseShare: 1, throttle: null, isBlocking: true, outside: [], modules: [], page },
});

test('quotas without a page have none', () => {
  expect(pageOf([])).toBe(null);
  expect(pageOf([quota(null), quota(null)])).toBe(null);
});

test('several pages allow the same, and the first file of a kind counts', () => {
  const pages = [
    quota({ ...PAGE, allow: ['a.example'], certFile: '/only-a-certificate', styleFile: '/one.css' }),
    quota(null),
    quota({ ...PAGE, allow: ['b.example'], certFile: '/c.pem', keyFile: '/k.pem', styleFile: '/two.css' }),
  ];
  expect(pageOf(pages)).toEqual({
    allow: ['a.example', 'b.example'],
    ...{ certFile: '/c.pem', keyFile: '/k.pem', textFile: null, styleFile: '/one.css' },
  });
});
