/**
 * What the kernel tells of neighbours and of this machine's addresses: its list, and every change after it.
 * Which of it matters is decided elsewhere.
 */
import { type Addon, loadAddon } from './addon.ts';
import { HOST_COLUMNS_BYTES, type HostColumns, hostColumnsOver } from './host-columns.ts';

/**
 * Memory for unread messages, of which each takes about 800 bytes. A few thousand neighbours may change while
 * packets have their turn; beyond that the list is read again.
 */
const RECEIVE_BUFFER_BYTES = 4 << 20;

/** Bits of `found`, as in native/links/host_socket.h: messages are missing; the list has come as a whole. */
const LOST = 1;
const COMPLETE = 2;

export interface HostEvents {
  /** Rows [0, rows) of the columns hold what has come. They are overwritten after the call. */
  onRows(columns: HostColumns, rows: number): void;
  /** The list that was asked for has come, with the rows before. */
  onComplete(): void;
  /** Messages are missing. Ask again for the list. */
  onLost(): void;
}

export interface HostListener {
  /** Has the kernel list all addresses and neighbours. False: it refuses for now. */
  ask(): boolean;
  close(): void;
}

/** Calls `events` on this environment's event loop, a few hundred rows at a time. Throws system errors. */
export function openHostListener(
  events: HostEvents,
  addon: Addon = loadAddon(),
  receiveBufferBytes: number = RECEIVE_BUFFER_BYTES,
): HostListener {
  const buffer = new ArrayBuffer(HOST_COLUMNS_BYTES);
  const columns = hostColumnsOver(buffer);
  const native = new addon.NativeHosts(buffer, receiveBufferBytes);
  native.listen((rows, found) => {
    if (rows > 0) events.onRows(columns, rows);
    if ((found & COMPLETE) !== 0) events.onComplete();
    if ((found & LOST) !== 0) events.onLost();
  });
  return { ask: () => native.ask(), close: () => native.close() };
}
