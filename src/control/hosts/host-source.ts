/** The memory of inside hosts as it is looked at. What is visited holds until `visit` returns. */
import type { AddressRecord } from '../../core/hosts/host-reader.ts';

/** Of packets that passed, and packets that were dropped. */
export interface SeenCounts {
  bytes: number;
  packets: number;
  dropped: number;
}

/** By what a host is known. */
export type SeenKind = 'mac' | 'address' | 'port';

export interface SeenHost {
  row: number;
  /** Another host in the same row has another one. */
  generation: number;
  kind: SeenKind;
  /** Of kind `mac`. */
  macHigh: number;
  macLow: number;
  /** Of kind `address`. IPv4 uses the first of four words. */
  family: number;
  readonly words: Uint32Array;
  /** Where it was seen last; 0: not known. */
  ifIndex: number;
  isOwn: boolean;
  lastNs: number;
  readonly up: SeenCounts;
  readonly down: SeenCounts;
}

/** An address of a host, and the MAC by which it was seen last. */
export type SeenAddress = Pick<
  AddressRecord,
  'row' | 'generation' | 'family' | 'words' | 'host' | 'macHigh' | 'macLow'
>;

/** Counts of one host were added to another one, and it has ended. */
export interface SeenMerge {
  readonly row: number;
  readonly generation: number;
  readonly intoRow: number;
  readonly intoGeneration: number;
}

export interface HostSource {
  /** The instant of the last batch, by the clock of `lastNs`. */
  readonly nowNs: number;
  hosts(visit: (host: SeenHost) => void): void;
  addresses(visit: (address: SeenAddress) => void): void;
  /** Those since the last call. */
  merges(): readonly SeenMerge[];
}
