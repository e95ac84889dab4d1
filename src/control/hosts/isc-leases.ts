/**
 * Leases of ISC dhcpd (dhcpd.leases(5)): blocks of statements, appended as leases change. Blocks of IPv6
 * (ia-na) have neither MACs nor names of clients, so there is nothing to learn from them.
 */

export interface IscLease {
  readonly address: string;
  /** Empty where the lease has none. */
  readonly mac: string;
  readonly client: string;
  readonly name: string;
  readonly isActive: boolean;
}

/** Spaces and comments, a text in quotes, a sign, a word. */
const TOKEN = /(?:\s|#[^\n]*)+|"((?:[^"\\]|\\.)*)"|([{};])|([^\s{};"#]+)/sy;

/** All leases in the order of the file; a block that is not complete is left out. */
export function parseIscLeases(text: string): IscLease[] {
  const leases: IscLease[] = [];
  const reader = new BlockReader((lease) => leases.push(lease));
  TOKEN.lastIndex = 0;
  for (;;) {
    const match = TOKEN.exec(text);
    // The end, or quotes that nobody has closed yet.
    if (match === null) return leases;
    const [, quoted, sign, word] = match;
    if (sign !== undefined) reader.sign(sign);
    else if (quoted !== undefined) reader.word(unquoted(quoted));
    else if (word !== undefined) reader.word(word);
  }
}

class BlockReader {
  private readonly found: (lease: IscLease) => void;
  private statement: string[] = [];
  private depth = 0;
  private lease: { address: string; mac: string; client: string; name: string; isActive: boolean } | null =
    null;

  constructor(found: (lease: IscLease) => void) {
    this.found = found;
  }

  word(word: string): void {
    this.statement.push(word);
  }

  sign(sign: string): void {
    if (sign === '{') this.open();
    else if (sign === '}') this.close();
    else if (this.depth === 1) this.read();
    this.statement = [];
  }

  private open(): void {
    // The block before may have broken off: leases do not stand in others. Statements may be cut off before
    // it.
    const [kind, address] = this.statement.slice(-2);
    if (kind === 'lease' && address !== undefined) {
      this.lease = { address, mac: '', client: '', name: '', isActive: false };
      this.depth = 1;
    } else if (this.lease !== null) this.depth++;
  }

  private close(): void {
    if (this.lease === null) return;
    this.depth--;
    if (this.depth > 0) return;
    this.found(this.lease);
    this.lease = null;
  }

  private read(): void {
    const { lease, statement } = this;
    const [first, second, third] = statement;
    if (lease === null) return;
    if (first === 'binding' && second === 'state') lease.isActive = third === 'active';
    else if (first === 'hardware' && second === 'ethernet') lease.mac = third ?? '';
    else if (first === 'uid') lease.client = second ?? '';
    else if (first === 'client-hostname') lease.name = second ?? '';
  }
}

/** Bytes that are no letters are written in octal: `\303\274`. */
function unquoted(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes = text.replace(/\\([0-7]{3}|.)/gs, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number.parseInt(escaped, 8) & 0xff) : escaped,
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
