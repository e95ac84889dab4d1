/** The address of a client as hosts are told with it: no zone, and IPv4 as IPv4. */

const MAPPED = '::ffff:';

export function plainAddress(address: string | undefined): string {
  const [plain = ''] = (address ?? '').toLowerCase().split('%');
  return plain.startsWith(MAPPED) && plain.includes('.') ? plain.slice(MAPPED.length) : plain;
}
