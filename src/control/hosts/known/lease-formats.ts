/**
 * The files of DHCP servers, told apart by what is in them: dnsmasq, ISC dhcpd and Kea (its CSV). A server
 * may be writing while we read, so what cannot be read is passed over. No clock decides whether a lease
 * holds: it may be wrong after a start, and the servers keep their files themselves.
 */
import { prefix } from '../../../config/fields/addresses.ts';
import { FieldError } from '../../../config/fields/kinds.ts';
import type { MacSpec } from '../../../spec/hosts.ts';
import type { PrefixSpec } from '../../../spec/spec.ts';
import { cleanHostName } from './host-name.ts';
import { parseIscLeases } from './isc-leases.ts';

export interface Lease {
  readonly address: PrefixSpec;
  /** null: a lease of DHCPv6 names its client by a DUID, in which a MAC may be that of another card. */
  readonly mac: MacSpec | null;
  /** Whose lease it is: the MAC, or what the client calls itself. */
  readonly client: string;
  /** As the device wants it, cleaned; null: it has none. */
  readonly name: string | null;
}

/** Later leases of an address take the place of earlier ones; null takes the lease away. */
export type LeaseLog = ReadonlyMap<string, Lease | null>;

/** null: a file of no known kind. An empty one has no leases. */
export function parseLeases(text: string): LeaseLog | null {
  if (text.trim() === '') return new Map();
  if (isKea(text)) return parseKea(text);
  if (/^\s*(?:lease|ia-(?:na|ta|pd)|server-duid|authoring-byte-order|failover peer)\s/m.test(text)) {
    return logOf(parseIscLeases(text).map(({ address, ...rest }) => ({ text: address, ...rest })));
  }
  if (/^(?:\d+ \S+ \S+ \S+ \S+|duid [\da-f:]+)\s*$/im.test(text)) return parseDnsmasq(text);
  return null;
}

/** What a server says of one address. */
interface Row {
  readonly text: string;
  readonly mac: string;
  readonly client: string;
  readonly name: string;
  readonly isActive: boolean;
}

function logOf(rows: Iterable<Row>): LeaseLog {
  const log = new Map<string, Lease | null>();
  for (const row of rows) {
    const address = readAddress(row.text);
    if (address === null) continue;
    const key = `${address.family} ${address.words}`;
    // The order is that of the last word about each address.
    log.delete(key);
    log.set(key, row.isActive ? leaseOf(address, row) : null);
  }
  return log;
}

function leaseOf(address: PrefixSpec, { mac: macText, client, name }: Row): Lease {
  const mac = readMac(macText);
  const owner = mac ? macText.toLowerCase() : client || `${address.words}`;
  return { address, mac, client: owner, name: cleanHostName(name) };
}

function readAddress(text: string): PrefixSpec | null {
  try {
    const { prefix: read } = prefix.read(text);
    return read.bits === (read.family === 4 ? 32 : 128) ? read : null;
  } catch (error) {
    if (error instanceof FieldError) return null;
    throw error;
  }
}

/** A MAC of Ethernet and its likes that a device can have. */
function readMac(text: string): MacSpec | null {
  if (!/^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(text)) return null;
  const digits = text.replaceAll(':', '');
  const mac = { high: Number.parseInt(digits.slice(0, 4), 16), low: Number.parseInt(digits.slice(4), 16) };
  return (mac.high & 0x100) !== 0 || (mac.high === 0 && mac.low === 0) ? null : mac;
}

/**
 * A line a lease: end, MAC or IAID, address, name or `*`, client id. Behind `duid …` come those of IPv6. The
 * file has only leases that hold.
 */
function parseDnsmasq(text: string): LeaseLog {
  const rows: Row[] = [];
  for (const line of text.split('\n')) {
    const [end = '', hardware = '', address = '', name = '', client, ...rest] = line.trim().split(' ');
    if (!/^\d+$/.test(end) || client === undefined || rest.length > 0) continue;
    const isSix = address.includes(':');
    rows.push({
      text: address,
      mac: isSix ? '' : hardware,
      client: client === '*' ? '' : client,
      name: name === '*' ? '' : name,
      isActive: true,
    });
  }
  return logOf(rows);
}

/** Kea's leases may stand in several files. */
export function isKea(text: string): boolean {
  const [header = ''] = text.split('\n', 1);
  return /^address,/.test(header) && header.split(',').includes('valid_lifetime');
}

/** State of a lease that is neither declined nor has ended. */
const KEA_ACTIVE = '0';
/** Delegated prefixes are of no device. */
const KEA_PREFIX = '2';
/** The server took the MAC out of the DUID. */
const KEA_FROM_DUID = '2';

function parseKea(text: string): LeaseLog {
  const [header = '', ...lines] = text.split('\n');
  const columns = header.trim().split(',');
  const at = (column: string): number => columns.indexOf(column);
  const [address, mac, duid, client] = [at('address'), at('hwaddr'), at('duid'), at('client_id')];
  const [lifetime, name, state] = [at('valid_lifetime'), at('hostname'), at('state')];
  const [type, source] = [at('lease_type'), at('hwaddr_source')];
  const rows: Row[] = [];
  for (const line of lines) {
    const fields = line.trim().split(',');
    // A half-written line; older versions wrote fewer columns, but never none of the first ones.
    if (fields.length <= Math.max(lifetime, name, state)) continue;
    if (fields[type] === KEA_PREFIX) continue;
    rows.push({
      text: fields[address] ?? '',
      mac: fields[source] === KEA_FROM_DUID ? '' : (fields[mac] ?? ''),
      client: fields[duid] || fields[client] || '',
      name: unescapeKea(fields[name] ?? ''),
      // A lease that was deleted has no lifetime left.
      isActive: (fields[state] ?? KEA_ACTIVE) === KEA_ACTIVE && fields[lifetime] !== '0',
    });
  }
  return logOf(rows);
}

/** Kea writes a comma of a name as `&#x2c`. */
function unescapeKea(text: string): string {
  return text.replace(/&#x([\da-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
