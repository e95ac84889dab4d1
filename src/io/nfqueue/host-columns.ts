/** The columns in which the addon tells of neighbours and addresses; native/columns.h mirrors them. */
import { HOST_EVENT_ROWS } from '../../limits.ts';

export const HOST_COLUMNS = [
  'change', // RTM_* of the message
  'ifIndex',
  'family', // 4 or 6
  'word0', // the address of the neighbour, or of this machine; IPv4 has one word
  'word1',
  'word2',
  'word3',
  'peer0', // of an address of this machine: what lies behind its device, with prefixBits
  'peer1',
  'peer2',
  'peer3',
  'prefixBits',
  'scope', // RT_SCOPE_*, of an address of this machine
  'macHigh', // of a neighbour, first two bytes, big-endian; 0 with macLow 0: none
  'macLow', // last four bytes
  'state', // NUD_*, of a neighbour
  'flags', // NTF_*, of a neighbour
] as const;

export type HostColumns = Readonly<Record<(typeof HOST_COLUMNS)[number], Uint32Array>>;

export const HOST_COLUMNS_BYTES = 4 * HOST_COLUMNS.length * HOST_EVENT_ROWS;

export function hostColumnsOver(buffer: ArrayBuffer): HostColumns {
  const columns: Record<string, Uint32Array> = {};
  HOST_COLUMNS.forEach((name, i) => {
    columns[name] = new Uint32Array(buffer, 4 * i * HOST_EVENT_ROWS, HOST_EVENT_ROWS);
  });
  return columns as HostColumns;
}
