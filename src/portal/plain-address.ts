/** The address of a client as hosts are told with it: no zone, and IPv4 as IPv4. */

const MAPPED = '::ffff:';

export function plainAddress(address: string | undefined): string {
  const [plain = ''] = (address ?? '').toLowerCase().split('%');
  return plain.startsWith(MAPPED) && plain.includes('.') ? plain.slice(MAPPED.length) : plain;
}

/** What one device can fill with addresses of its own: of IPv6 the first 64 bits, else all. */
export function networkOf(plain: string): string {
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  // The zeros that `::` stands for are as many as are missing.
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    const missing = 8 - groups.length - after.length - (tail.includes('.') ? 1 : 0);
    groups.push(...Array<string>(missing).fill('0'), ...after);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
