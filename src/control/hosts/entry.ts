/** An inside host as the control thread knows it: it is in the memory of hosts, or was stored earlier. */
import { NONE } from '../../base/none.ts';
import { mac } from '../../config/fields/host-names.ts';
import type { MacSpec } from '../../spec/hosts.ts';
import type { PrefixSpec } from '../../spec/spec.ts';
import type { SeenCounts } from './host-source.ts';

export interface EntryAddress {
  readonly text: string;
  readonly family: PrefixSpec['family'];
  /** Four words; IPv4 uses the first. */
  readonly words: PrefixSpec['words'];
}

/** A direction of a host: what was taken from the memory. Bytes of earlier runs are in `bytes` too. */
export class EntrySide {
  bytes = 0;
  packets = 0;
  dropped = 0;
  /** Those of `bytes` that are not of this run, and those of hosts that have become part of this one. */
  pastBytes = 0;
  /** Bytes that the store has not been told yet. */
  unstoredBytes = 0;
  private seenBytes = 0;
  private seenPackets = 0;
  private seenDropped = 0;
  /** Counts of the memory that are in the sums. */
  takenBytes = 0;
  takenPackets = 0;
  takenDropped = 0;

  /** The counts of the memory at this look; takeSeen() takes what is new. Returns false if nothing is. */
  see({ bytes, packets, dropped }: SeenCounts): boolean {
    this.seenBytes = bytes;
    this.seenPackets = packets;
    this.seenDropped = dropped;
    return bytes !== this.takenBytes || packets !== this.takenPackets || dropped !== this.takenDropped;
  }

  /**
   * Takes what is new, and returns its bytes. Where counts have fallen, because the kernel has lost packets,
   * the next ones make up for it.
   */
  takeSeen(): number {
    this.packets += this.seenPackets - this.takenPackets;
    this.dropped += this.seenDropped - this.takenDropped;
    this.takenPackets = this.seenPackets;
    this.takenDropped = this.seenDropped;
    const added = this.seenBytes - this.takenBytes;
    if (added <= 0) return 0;
    this.takenBytes = this.seenBytes;
    this.bytes += added;
    this.unstoredBytes += added;
    return added;
  }

  /** Bytes of earlier runs. */
  restore(bytes: number): void {
    this.bytes += bytes;
    this.pastBytes += bytes;
  }

  /** Of this run. */
  get runBytes(): number {
    return this.bytes - this.pastBytes;
  }

  /** The counts of the memory begin anew. */
  beginAnew(): void {
    this.takenBytes = 0;
    this.takenPackets = 0;
    this.takenDropped = 0;
  }

  /** Counts of the other, which were taken, now stand in those of this one. */
  tookOver(other: EntrySide): void {
    this.takenBytes += other.takenBytes;
    this.takenPackets += other.takenPackets;
    this.takenDropped += other.takenDropped;
    this.bytes += other.bytes;
    this.pastBytes += other.bytes;
    this.packets += other.packets;
    this.dropped += other.dropped;
    this.unstoredBytes += other.unstoredBytes;
  }
}

export class HostEntry {
  /** The MAC, the address, or the name of the port: the key of all that is stored. */
  readonly id: string;
  /** The shown one first. */
  names: readonly string[] = [];
  /** That of an earlier run; empty if it had none. */
  storedName = '';
  macs: readonly MacSpec[] = [];
  addresses: readonly EntryAddress[] = [];
  /** Of the memory; NONE: it is not there. */
  row = NONE;
  generation = 0;
  /** Device or port behind which it was seen last; 0: not known. */
  ifIndex = 0;
  /** It is this machine. */
  isOwn = false;
  lastSeenMs = 0;
  /** The same by the clock of the packets; -Infinity: not in this run. */
  lastNs = Number.NEGATIVE_INFINITY;
  readonly up = new EntrySide();
  readonly down = new EntrySide();
  /** Row of the book of quotas; NONE: none yet. */
  bookRow = NONE;
  /** The last look that found it in the memory. */
  lookSeen = 0;
  /** The store has to be told of names, addresses or MACs. */
  isNews = true;

  constructor(id: string) {
    this.id = id;
  }

  get name(): string {
    return this.names[0] ?? '';
  }

  get macTexts(): string[] {
    return this.macs.map((one) => mac.write(one));
  }

  get addressTexts(): string[] {
    return this.addresses.map(({ text }) => text);
  }
}
