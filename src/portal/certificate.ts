/** The names of a certificate: under them clients find the API. */
import { X509Certificate } from 'node:crypto';

/** Names of hosts for which the certificate holds, in its order; none if it cannot be read. */
export function namesOfCertificate(pem: string): string[] {
  try {
    const { subjectAltName = '' } = new X509Certificate(pem);
    const entries = subjectAltName.split(', ').map((entry) => entry.split(':'));
    return entries.flatMap(([kind, name = '']) => (kind === 'DNS' && /^[\w.-]+$/.test(name) ? [name] : []));
  } catch {
    return [];
  }
}
