import { expect, test } from 'vitest';
import { apiBody } from '../../../src/portal/api.ts';
import type { PageHost } from '../../../src/portal/messages.ts';

const HOST: PageHost = {
  ...{ id: 'a', name: '', addresses: ['10.0.0.7'], isStopped: true },
  quotas: [
    {
      ...{ quota: 'q', overNs: 1e9, direction: 'down', usedBytes: 4e9, limitBytes: 10e9 },
      ...{ state: 'ok', endsAt: null },
    },
    {
      ...{ quota: 'q', overNs: 1e9, direction: 'up', usedBytes: 4.5e9, limitBytes: 5e9 },
      ...{ state: 'warned', endsAt: null },
    },
  ],
};

test('a stopped host is captive', () => {
  expect(apiBody(HOST, 'https://portal.example.org:8908/')).toEqual({
    captive: true,
    'user-portal-url': 'https://portal.example.org:8908/',
    'can-extend-session': false,
  });
});

test('a slow host is not, and knows what is left', () => {
  const slow = { ...HOST, isStopped: false };
  expect(apiBody(slow, null)).toEqual({
    ...{ captive: false, 'can-extend-session': false, 'bytes-remaining': 0.5e9 },
  });
  const over = { ...slow, quotas: HOST.quotas.map((one) => ({ ...one, usedBytes: 20e9 })) };
  expect(apiBody(over, null)['bytes-remaining']).toBe(0);
  expect(apiBody({ ...slow, quotas: [] }, null)).not.toHaveProperty('bytes-remaining');
});

test('all others are not', () => {
  expect(apiBody(null, null)).toEqual({ captive: false, 'can-extend-session': false });
});
