import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dhcpNotes } from '../../../src/cli/dhcp-notes.ts';
import type { QuotaSpec } from '../../../src/spec/hosts.ts';
import { CERT } from '../portal/test-certificate.ts';

const quota = (certFile: string | null): QuotaSpec => ({
  ...{ name: 'q', hosts: { names: null, match: null }, windows: [], warnShare: null, slopeShare: null },
  ...{ releaseShare: 1, throttle: null, isBlocking: true, outside: [], modules: [] },
  page: { allow: [], certFile, keyFile: certFile, textFile: null, styleFile: null },
});

test('DHCP servers get the address of the API', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dhcp-notes-'));
  try {
    writeFileSync(join(folder, 'cert.pem'), CERT);
    const notes = dhcpNotes([quota(join(folder, 'cert.pem'))]).join('\n');
    const api = 'https://portal.example.org:8908/captive-portal/api';
    expect(notes).toContain(`  dhcp-option=114,${api}\n  dhcp-option=option6:103,${api}\n`);
    expect(notes).toContain(`option captive-portal "${api}";`);
    expect(notes).toContain(`{ "name": "v6-captive-portal", "data": "${api}" }`);
    writeFileSync(join(folder, 'cert.pem'), 'none');
    expect(dhcpNotes([quota(join(folder, 'cert.pem'))]).join()).toMatch(/^No name in the certificate/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('without a certificate there is nothing to tell', () => {
  expect(dhcpNotes([quota(null)])).toEqual([]);
  expect(dhcpNotes([quota('/nowhere.pem')]).join()).toMatch(/cannot be read.*nowhere\.pem: ENOENT/);
});
