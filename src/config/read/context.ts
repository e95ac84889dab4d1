/** Where a class is read: the values around it on which its own depend. */
import { bytesInTime, formatTime, isUnlimited, type Size } from '../../base/units.ts';
import type { AccountNames } from '../../spec/accounts.ts';
import type { DeviceGraph } from '../../spec/device-graph.ts';
import type { MatcherSpec } from '../../spec/spec.ts';
import type { Located, YamlReader } from '../yaml/reader.ts';
import type { ReadAccess } from './access.ts';
import type { KnownHosts } from './hosts.ts';
import type { ReadSchedule } from './schedule.ts';
import type { Seen } from './sides.ts';

export type Direction = 'up' | 'down';

export interface ClassContext {
  readonly reader: YamlReader;
  /** Of the direction or class that is being read. */
  readonly path: string;
  /** The same in messages: `wan/both/…` for what stands for both directions. */
  readonly label: string;
  /** The text stands for both directions. */
  readonly isBoth: boolean;
  readonly direction: Direction;
  /** The device of the link; empty if it could not be read. */
  readonly device: string;
  /** The cost of a full-sized packet on the link's wire, at least its IP bytes. */
  readonly packetBytes: number;
  /** The bits of nfqueue.mark. 0 if they are chosen at the start, among those that no matcher names. */
  readonly ownMarkMask: number;
  /** The names that matchers may have, and the devices behind which the inside is. */
  readonly hosts: KnownHosts;
  /** Of the machine that shapes; null if they are not known. */
  readonly devices: DeviceGraph | null;
  readonly accounts: AccountNames | null;
  /** The TCP connections of the class are paced, by it or a class above. */
  readonly isPaced: boolean;
  /** The class or a class above has a meter. */
  readonly isMetered: boolean;
  /** The classes around this one that have a match, outermost first. */
  readonly within: readonly MatchedClass[];
  /** Grows with every address and port of the link that is read. */
  readonly seen: Seen;
  /** Grows with every schedule of the file. */
  readonly schedules: ReadSchedule[];
  /** Grows with every `access` of the file. */
  readonly accesses: ReadAccess[];
}

export interface MatchedClass {
  readonly name: string;
  readonly match: readonly MatcherSpec[];
}

/** A context in which sizes given as times can be turned into bytes. */
export interface LeafContext extends ClassContext {
  /** Infinite when it could not be read, which has been reported. */
  readonly ceilBytesPerSec: number;
}

/** IP bytes of a full-sized packet: a bucket or a queue that holds less would never let it pass. */
export const PACKET_BYTES = 1500;

/**
 * Packets count as `packetBytes`, times as the bytes that pass at the ceil. Without a ceil they are reported.
 */
export function sizeBytes(
  { reader, label, ceilBytesPerSec }: LeafContext,
  { value: size, offset }: Located<Size>,
  packetBytes: number,
): number {
  if (size.kind === 'bytes') return size.bytes;
  if (size.kind === 'packets') return size.packets * packetBytes;
  if (!isUnlimited(ceilBytesPerSec)) return bytesInTime(size.ns, ceilBytesPerSec);
  const message = `${formatTime(size.ns)} is no size where the rate is unlimited, as in ${label}`;
  reader.problems.error(offset, `${message}; write bytes (60kB), or give the class a ceil`);
  // No further message: it is neither more nor less than anything.
  return Number.NaN;
}
