/** The columns in which the addon tells of sockets and processes; native/columns.h mirrors them. */
import { SOCKET_ROWS } from '../../limits.ts';

export const SOCKET_COLUMNS = [
  'family', // 4 or 6
  'protocol', // IPPROTO_*
  'local0', // the address of this machine's end; IPv4 has one word
  'local1',
  'local2',
  'local3',
  'localPort',
  'remote0',
  'remote1',
  'remote2',
  'remote3',
  'remotePort',
  'ifIndex', // of the device to which the socket is bound, of a question that of the packet; 0: any
  'uid',
  'inode', // of sockfs; 0: no process has it yet, or any more
  'cgroupHigh', // the id of the control group in two words; both 0: not told
  'cgroupLow',
  'state', // TCP_* of the kernel
  'descriptor', // of rows that tell of a process: the number by which it knows the socket
] as const;

/** What the addon tells of one process. Its start counts clock ticks since that of the machine. */
export const PROCESS_FIELDS = [
  'threadGroup', // the process to which a thread belongs; its own number for a process
  'parent',
  'group',
  'uid', // of the files and sockets that it opens
  'gid',
  'startHigh',
  'startLow',
] as const;

export type SocketColumns = Readonly<Record<(typeof SOCKET_COLUMNS)[number], Uint32Array>>;
export type ProcessFields = Record<(typeof PROCESS_FIELDS)[number], number>;

const ROWS_BYTES = 4 * SOCKET_COLUMNS.length * SOCKET_ROWS;
export const SOCKET_COLUMNS_BYTES = ROWS_BYTES + 4 * PROCESS_FIELDS.length;

/** Row 0 is also the question and its answer. */
export function socketColumnsOver(buffer: ArrayBuffer): SocketColumns {
  const columns: Record<string, Uint32Array> = {};
  SOCKET_COLUMNS.forEach((name, i) => {
    columns[name] = new Uint32Array(buffer, 4 * i * SOCKET_ROWS, SOCKET_ROWS);
  });
  return columns as SocketColumns;
}

/** The words of the process that was read last, in the order of PROCESS_FIELDS. */
export function processWordsOver(buffer: ArrayBuffer): Uint32Array {
  return new Uint32Array(buffer, ROWS_BYTES, PROCESS_FIELDS.length);
}
