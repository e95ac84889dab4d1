/**
 * The specification that the core follows: a frozen value in which every
 * default is filled in. src/config makes it from YAML, and tests make it
 * by hand. Rates are IP bytes per second, sizes bytes, times nanoseconds.
 */

import type { CodelParameters } from '../algo/aqm/codel.ts';
import type { PieParameters } from '../algo/aqm/pie.ts';
import type { RedParameters } from '../algo/aqm/red.ts';
import type { LinkLayer } from '../algo/buckets/link-layer.ts';
import type { MarkerParameters } from '../algo/buckets/markers.ts';
import type { Isolation } from '../algo/queues/host-isolation.ts';
import type { HostsSpec, QuotaSpec } from './hosts.ts';
import type { MatcherSpec, PortRangeSpec } from './match.ts';
import type { ModuleSpec } from './modules.ts';

export type { MatcherSpec, PortRangeSpec, PrefixSpec } from './match.ts';

export interface PoliceSpec {
  readonly rateBytesPerSec: number;
  readonly burstBytes: number;
  /** `mark` sets CE if the packet is ECN-capable and drops it otherwise. */
  readonly exceed: 'drop' | 'mark';
}

/** A three-colour marker. */
export interface MeterSpec extends MarkerParameters {
  /** A packet never gets a better colour than it came with. */
  readonly aware: boolean;
}

/** The DSCP with which green, yellow and red packets leave. null keeps the one they came with. */
export type RemarkSpec = readonly [green: number | null, yellow: number | null, red: number | null];

/**
 * Packets that share one bucket. `host` is the inside address: the source in `up`, the destination in `down`.
 */
export type EachBy = 'flow' | 'host' | 'src' | 'dst';

export interface EachSpec {
  readonly by: EachBy;
  /** IPv6 addresses that have so many first bits in common share a bucket. 128 for buckets of flows. */
  readonly prefix6Bits: number;
  readonly rateBytesPerSec: number;
  readonly burstBytes: number;
  readonly exceed: 'delay' | 'drop';
  /**
   * How packets wait for a bucket: as `queue` of the class says, at the rate of the bucket; by default in an
   * inner class. null with `exceed: drop`.
   */
  readonly waiting: WaitingSpec | null;
}

/**
 * TCP rate control of a class: its connections share its rate, by the windows that their receivers
 * advertise.
 */
export interface PaceSpec {
  /** A connection is active if it moved more than this in the last `ageNs`. */
  readonly activeBytesPerSec: number;
  readonly ageNs: number;
  /** The longest standing queue that pacing may leave at the class. */
  readonly delayNs: number;
}

export interface RedSpec extends RedParameters {
  /** Adaptive RED (Floyd, Gummadi, Shenker 2001): the probability follows the average. */
  readonly adaptive: boolean;
}

/** CoDel (RFC 8289). */
export type CodelSpec = Pick<CodelParameters, 'targetNs' | 'intervalNs'>;

/** PIE (RFC 8033). */
export type PieSpec = Omit<PieParameters, 'meanPacketBytes' | 'markBelow'>;

/**
 * Weighted RED: one shared average and a profile per set of code points and
 * colours. A packet follows the first profile that names both its code point and
 * its colour. An empty list names all; the last profile takes all other packets.
 */
export interface WredSpec extends Pick<RedParameters, 'weight' | 'gentle' | 'meanPacketBytes'> {
  readonly profiles: readonly WredProfile[];
}

export interface WredProfile extends Pick<RedParameters, 'minBytes' | 'maxBytes' | 'probability'> {
  readonly dscp: readonly number[];
  /** GREEN, YELLOW, RED of algo/buckets/markers.ts. */
  readonly colours: readonly number[];
}

/**
 * The algorithm that signals before a queue is full. It signals by CE where `ecn` allows it and the packet is
 * ECN-capable, else by a drop.
 */
export type AqmSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'red'; readonly red: RedSpec }
  | { readonly kind: 'wred'; readonly wred: WredSpec }
  | { readonly kind: 'codel'; readonly codel: CodelSpec }
  | { readonly kind: 'pie'; readonly pie: PieSpec };

/** How packets wait, however many there are. */
export interface WaitingSpec {
  readonly discipline: 'fair' | 'fifo' | 'short-first';
  /** Only for `fair`: who shares equally. */
  readonly isolation: Isolation;
  /** Only for `short-first`: a flow is short until it has sent more than this. */
  readonly shortBytes: number;
  readonly aqm: AqmSpec;
  readonly ecn: boolean;
}

export interface QueueSpec extends WaitingSpec {
  /** One of the two bounds is finite. A limit given as a time is bytes here, at the class's ceil. */
  readonly limitBytes: number;
  readonly limitPackets: number;
  /** Drop pure ACKs that a newer ACK of the same flow makes useless (CAKE). */
  readonly ackFilter: boolean;
}

export interface ClassSpec {
  readonly name: string;
  /** `link/direction/class/child…` */
  readonly path: string;
  /** Guaranteed rate; 0 guarantees nothing. */
  readonly rateBytesPerSec: number;
  readonly rateBurstBytes: number;
  /** Upper bound: its own if it is below that of the parent, which it inherits otherwise. */
  readonly ceilBytesPerSec: number;
  readonly burstBytes: number;
  /** Order in which classes borrow, from 0 (first) to 7. */
  readonly priority: number;
  /** Share of the lendable rate among classes of equal priority. */
  readonly weight: number;
  /** Its ceiling is what its siblings leave of it. At most one class among siblings. */
  readonly adjust: boolean;
  /** null takes every packet that reaches the class, an empty list none. */
  readonly match: readonly MatcherSpec[] | null;
  readonly police: PoliceSpec | null;
  readonly meter: MeterSpec | null;
  /** null means the remark of the class above. */
  readonly remark: RemarkSpec | null;
  readonly each: EachSpec | null;
  /** Of TCP connections whose nearest class with pacing this is, from their leaf up. */
  readonly pace: PaceSpec | null;
  /** null for inner classes and for the root of a direction. */
  readonly queue: QueueSpec | null;
  /** In file order. An inner class always has a class `default`, which is tried last. */
  readonly children: readonly ClassSpec[];
}

export interface LinkSpec {
  readonly name: string;
  readonly device: string;
  /** The device may be absent at the start, and appear later. */
  readonly wait: boolean;
  /** The cost of a packet on the link's wire. It counts when packets are charged and is never shown. */
  readonly linkLayer: LinkLayer;
  /** The tree of each direction, whose root is the direction itself; null if the direction is not shaped. */
  readonly up: ClassSpec | null;
  readonly down: ClassSpec | null;
}

/** The kernel queues of the instance, and how it uses them. */
export interface NfqueueSpec {
  /**
   * First queue number, which names our nft table. The instance owns [first, first + count), and first +
   * count while packets come to modules.
   */
  readonly first: number;
  readonly count: number;
  /** Packets that may wait for a verdict, per queue. */
  readonly length: number;
  /** Packets pass unshaped while no program listens on the queue. */
  readonly bypass: boolean;
  /** Whether to ask the kernel for superpackets: always, never, or where every rate is high enough. */
  readonly gso: 'auto' | boolean;
  readonly backend: 'auto' | 'nft' | 'iptables';
  /** Our eight neighbouring bits of the packet mark. All other bits are preserved. */
  readonly markMask: number;
}

/** TCP to and from these ports of this host is not dropped while it is within a share of the direction. */
export interface ExemptSpec {
  readonly ports: readonly PortRangeSpec[];
  /** From 0 to 1, of the rate of each direction. */
  readonly share: number;
}

export interface LocalSpec {
  readonly exempt: ExemptSpec;
}

export interface ShaperSpec {
  readonly links: readonly LinkSpec[];
  /** The traffic of this host itself. */
  readonly local: LocalSpec;
  readonly hosts: HostsSpec;
  readonly quotas: readonly QuotaSpec[];
  /** Those that are on, in the order in which packets pass them: kernel-run ones first. */
  readonly modules: readonly ModuleSpec[];
  readonly nfqueue: NfqueueSpec;
}
