/** The names of a certificate: under them clients find the API. */
import { X509Certificate } from 'node:crypto';

/** Without wildcards, which are no names, and without IPv6 addresses. */
const NAME = /^[\w.-]+$/;

/** Names of hosts for which the certificate holds, in its order; none if it cannot be read. */
function namesOfCertificate(pem: string): string[] {
  try {
    const { subjectAltName = '' } = new X509Certificate(pem);
    const entries = subjectAltName.split(', ').map((entry) => entry.split(':'));
    const of = (kind: string): string[] =>
      entries.flatMap(([is, name = '']) => (is === kind && NAME.test(name) ? [name] : []));
    // A name stays when addresses change.
    return [...of('DNS'), ...of('IP Address')];
  } catch {
    return [];
  }
}

/** Under the address of the HTTPS server. DHCP tells clients of it (RFC 8910). */
export const API_PATH = '/captive-portal/api';

/** The address of the HTTPS server; null: no name of the certificate can be written. */
export function portalUrl(pem: string, httpsPort: number): string | null {
  const [name] = namesOfCertificate(pem);
  return name === undefined ? null : `https://${name}:${httpsPort}`;
}
