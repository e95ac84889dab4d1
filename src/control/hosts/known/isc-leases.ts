/**
 * Leases of ISC dhcpd (dhcpd.leases(5)): blocks of statements, appended as leases change. The server writes
 * each statement on a line of its own. Blocks of IPv6 (ia-na) have neither MACs nor names of clients, so
 * there is nothing to learn from them.
 */

export interface IscLease {
  readonly address: string;
  /** Empty where the lease has none. */
  readonly mac: string;
  readonly client: string;
  readonly name: string;
  readonly isActive: boolean;
}

type Statements = { -readonly [Key in keyof IscLease]: IscLease[Key] };

const BEGIN = /^lease (\S+) \{$/;
const STATEMENT = /^(binding state|hardware ethernet|uid|client-hostname) (.*);$/;

/** All leases in the order of the file; a block that is not complete is left out. */
export function parseIscLeases(text: string): IscLease[] {
  const leases: IscLease[] = [];
  let lease: Statements | null = null;
  let depth = 0;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    // The block before may have broken off: leases do not stand in others.
    const address = line.startsWith('lease ') ? BEGIN.exec(line)?.[1] : undefined;
    if (address !== undefined) {
      lease = { address, mac: '', client: '', name: '', isActive: false };
      depth = 1;
    } else if (lease === null) continue;
    else if (line.endsWith('{')) depth++;
    else if (line === '}') {
      depth--;
      if (depth > 0) continue;
      leases.push(lease);
      lease = null;
    } else if (depth === 1) read(line, lease);
  }
  return leases;
}

function read(line: string, lease: Statements): void {
  const [, key, value] = STATEMENT.exec(line) ?? [];
  if (key === undefined || value === undefined) return;
  if (key === 'binding state') lease.isActive = value === 'active';
  else if (key === 'hardware ethernet') lease.mac = value;
  else if (key === 'uid') lease.client = unquoted(value);
  else lease.name = unquoted(value);
}

/** Bytes that are no letters are written in octal: `\303\274`. */
function unquoted(text: string): string {
  const inside = text.replace(/^"|"$/g, '');
  if (!inside.includes('\\')) return inside;
  const bytes = inside.replace(/\\([0-7]{3}|.)/g, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number.parseInt(escaped, 8) & 0xff) : escaped,
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
