/** Rows as the addon writes them, for tests of what reads them. */
import {
  HOST_COLUMNS,
  HOST_COLUMNS_BYTES,
  type HostColumns,
  hostColumnsOver,
} from '../../../src/io/nfqueue/host-columns.ts';

export type HostRow = Partial<Record<(typeof HOST_COLUMNS)[number], number>>;

export function columnsOf(rows: readonly HostRow[]): HostColumns {
  const columns = hostColumnsOver(new ArrayBuffer(HOST_COLUMNS_BYTES));
  for (const name of HOST_COLUMNS) {
    rows.forEach((row, r) => {
      columns[name][r] = row[name] ?? 0;
    });
  }
  return columns;
}

export const REACHABLE = 0x02;
export const STALE = 0x04;

export function neighbour(lastByte: number, mac: number, rest: HostRow = {}): HostRow {
  const address = { family: 4, word0: 0x0a000000 + lastByte };
  return { change: 28, ifIndex: 3, ...address, macHigh: 0x0050, macLow: mac, state: REACHABLE, ...rest };
}

export function ownAddress(lastByte: number, prefixBits: number, rest: HostRow = {}): HostRow {
  const word0 = 0x0a000000 + lastByte;
  return { change: 20, ifIndex: 3, family: 4, word0, peer0: word0, prefixBits, ...rest };
}
