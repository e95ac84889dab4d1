import { expect, test } from 'vitest';
import { portalUrl } from '../../../src/portal/certificate.ts';
import { CERT } from './test-certificate.ts';

test('the address has the first name that is one', () => {
  expect(portalUrl(CERT, 8908)).toBe('https://portal.example.org:8908');
});

test('without a certificate there is no address', () => {
  expect(portalUrl('no certificate', 8908)).toBe(null);
});
