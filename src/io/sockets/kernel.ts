/** The native part that asks about sockets and processes, with the memory that it shares. */
import { type Addon, loadAddon, type NativeSockets } from '../nfqueue/addon.ts';
import {
  processWordsOver,
  SOCKET_COLUMNS_BYTES,
  type SocketColumns,
  socketColumnsOver,
} from '../nfqueue/socket-columns.ts';

/** Every call of `native` overwrites the columns, so each user has a kernel of its own. */
export interface SocketKernel {
  readonly native: NativeSockets;
  readonly columns: SocketColumns;
  /** Of the process that was read last, by PROCESS_FIELDS. */
  readonly processWords: Uint32Array;
}

/** Asks about the network namespace of the calling thread. Throws system errors. */
export function openSocketKernel(addon: Addon = loadAddon()): SocketKernel {
  const buffer = new ArrayBuffer(SOCKET_COLUMNS_BYTES);
  return {
    native: new addon.NativeSockets(buffer),
    columns: socketColumnsOver(buffer),
    processWords: processWordsOver(buffer),
  };
}
