/** What DHCP servers have to tell clients, so that these ask the API of RFC 8908 (RFC 8910, section 2). */
import { readFileSync } from 'node:fs';
import { reasonOf } from '../base/system-error.ts';
import { API_PATH, portalUrl } from '../portal/certificate.ts';
import type { QuotaSpec } from '../spec/hosts.ts';
import { PAGE_HTTPS_PORT, pageOf } from '../spec/page.ts';

/** Lines for people; none if no quota has a page with a certificate. */
export function dhcpNotes(quotas: readonly QuotaSpec[]): string[] {
  const certFile = pageOf(quotas)?.certFile ?? null;
  if (certFile === null) return [];
  let url: string | null;
  try {
    url = portalUrl(readFileSync(certFile, 'utf8'), PAGE_HTTPS_PORT);
  } catch (error) {
    return [
      `The certificate cannot be read, so the option for DHCP is not known: ${certFile}: ${reasonOf(error)}`,
    ];
  }
  if (url === null) return [`No name in the certificate ${certFile}, so there is no option for DHCP`];
  const api = url + API_PATH;
  return [
    'Clients ask the captive-portal API (RFC 8908) if DHCP tells them of it (RFC 8910). Under its name they must',
    'reach this machine by the inside. For dnsmasq:',
    `  dhcp-option=114,${api}`,
    `  dhcp-option=option6:103,${api}`,
    'For ISC dhcpd, IPv4 and IPv6:',
    '  option captive-portal code 114 = text;',
    `  option captive-portal "${api}";`,
    '  option dhcp6.captive-portal code 103 = text;',
    `  option dhcp6.captive-portal "${api}";`,
    'For Kea, in option-data of Dhcp4 and of Dhcp6:',
    `  { "name": "v4-captive-portal", "data": "${api}" }`,
    `  { "name": "v6-captive-portal", "data": "${api}" }`,
  ];
}
