/**
 * What the core is told to do: a frozen value without defaults left to guess, made by control/config from YAML
 * or by a test. Rates are IP bytes per second, sizes bytes, instants and spans nanoseconds.
 */

import type { LinkLayer } from '../algo/buckets/link-layer.ts';
import type { MarkerParameters } from '../algo/buckets/markers.ts';
import type { Isolation } from '../algo/queues/host-isolation.ts';

/** An address prefix; IPv4 uses words[0] only. Words are big-endian 32-bit groups as unsigned numbers. */
export interface PrefixSpec {
  readonly family: 4 | 6;
  readonly words: readonly [number, number, number, number];
  readonly bits: number;
}

/** Inclusive range of ports. */
export interface PortRangeSpec {
  readonly from: number;
  readonly to: number;
}

/** All fields given must hold; a list holds if any entry does. Absent: anything. */
export interface MatcherSpec {
  /** IP protocol numbers. `icmp` is [1, 58]; ports without a protocol mean [6, 17, 136, 132]. */
  readonly proto?: readonly number[];
  readonly src?: readonly PrefixSpec[];
  readonly dst?: readonly PrefixSpec[];
  /** Either address. */
  readonly host?: readonly PrefixSpec[];
  readonly sport?: readonly PortRangeSpec[];
  readonly dport?: readonly PortRangeSpec[];
  /** Either port. */
  readonly port?: readonly PortRangeSpec[];
  /** Code points 0..63. */
  readonly dscp?: readonly number[];
  /** Packet mark outside our own mask: (mark & mask) === value. */
  readonly mark?: readonly { readonly value: number; readonly mask: number }[];
  /** Device names. */
  readonly iif?: readonly string[];
  readonly oif?: readonly string[];
}

export interface PoliceSpec {
  readonly rateBytesPerSec: number;
  readonly burstBytes: number;
  /** `mark`: CE if the packet is ECN-capable, else drop. */
  readonly exceed: 'drop' | 'mark';
}

/** A three-colour marker. */
export interface MeterSpec extends MarkerParameters {
  /** Makes no packet better than it came. */
  readonly aware: boolean;
}

/** The DSCP that green, yellow, red packets leave with; null: the one they came with. */
export type RemarkSpec = readonly [green: number | null, yellow: number | null, red: number | null];

/** What shares one bucket. `host` is the inside address: source in `up`, destination in `down`. */
export type EachBy = 'flow' | 'host' | 'src' | 'dst';

export interface EachSpec {
  readonly by: EachBy;
  readonly rateBytesPerSec: number;
  readonly burstBytes: number;
  readonly exceed: 'delay' | 'drop';
}

export interface RedSpec {
  /** Adaptive RED (Floyd, Gummadi, Shenker 2001): probability follows the average. */
  readonly adaptive: boolean;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** maxp: the drop probability as the average reaches maxBytes. */
  readonly probability: number;
  /** wq: weight of one sample in the average. */
  readonly weight: number;
  readonly gentle: boolean;
  /** Scale the probability by size / meanPacketBytes (Floyd's byte mode). */
  readonly byteMode: boolean;
  readonly meanPacketBytes: number;
}

/** CoDel (RFC 8289). */
export interface CodelSpec {
  readonly targetNs: number;
  readonly intervalNs: number;
}

/** PIE (RFC 8033). */
export interface PieSpec {
  readonly targetNs: number;
  readonly updateNs: number;
  readonly burstNs: number;
  readonly alpha: number;
  readonly beta: number;
}

/**
 * One shared average, a profile per set of code points and colours. The first profile that names both takes a packet (an empty
 * list names all), the last one takes all others.
 */
export interface WredSpec {
  readonly weight: number;
  readonly gentle: boolean;
  readonly meanPacketBytes: number;
  readonly profiles: readonly {
    readonly dscp: readonly number[];
    /** GREEN, YELLOW, RED of algo/markers.ts. */
    readonly colours: readonly number[];
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly probability: number;
  }[];
}

/** What a queue does before it is full. Each signals by CE where `ecn` allows it and the packet is capable, else by a drop. */
export type AqmSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'red'; readonly red: RedSpec }
  | { readonly kind: 'wred'; readonly wred: WredSpec }
  | { readonly kind: 'codel'; readonly codel: CodelSpec }
  | { readonly kind: 'pie'; readonly pie: PieSpec };

export interface QueueSpec {
  readonly discipline: 'fair' | 'fifo' | 'short-first';
  /** Of `fair`: who shares equally. */
  readonly isolation: Isolation;
  /** Of `short-first`: a flow is short while it has sent no more than this. */
  readonly shortBytes: number;
  /** Exactly one bound counts: bytes or packets (times are turned into bytes at the class's ceil). */
  readonly limitBytes: number;
  readonly limitPackets: number;
  readonly aqm: AqmSpec;
  readonly ecn: boolean;
  /** Drop pure ACKs that a newer one of the same flow makes useless (CAKE). */
  readonly ackFilter: boolean;
}

export interface ClassSpec {
  readonly name: string;
  /** `link/direction/class…` */
  readonly path: string;
  /** What the class is sure of; 0: nothing. */
  readonly rateBytesPerSec: number;
  readonly rateBurstBytes: number;
  /** Configured or inherited upper bound. */
  readonly ceilBytesPerSec: number;
  readonly burstBytes: number;
  /** 0 (first) .. 7: who borrows first. */
  readonly priority: number;
  /** Share of what is left among classes of equal priority. */
  readonly weight: number;
  /** null: takes everything that reaches it. */
  readonly match: readonly MatcherSpec[] | null;
  readonly police: PoliceSpec | null;
  readonly meter: MeterSpec | null;
  /** null: as the class above has it. */
  readonly remark: RemarkSpec | null;
  readonly each: EachSpec | null;
  /** null for inner classes, the direction's root among them. */
  readonly queue: QueueSpec | null;
  /** In file order; an inner class always has a `default`, tried last. */
  readonly children: readonly ClassSpec[];
}

export interface LinkSpec {
  readonly name: string;
  readonly device: string;
  /** What a packet costs on the link's wire; counted when charging, never shown. */
  readonly linkLayer: LinkLayer;
  /** The trees; absent when that direction is not shaped. The root is the direction itself. */
  readonly up: ClassSpec | null;
  readonly down: ClassSpec | null;
}

/** What binds the instance to the kernel. */
export interface NfqueueSpec {
  /** First queue number; the instance owns [first, first + count). Also names our nft table. */
  readonly first: number;
  readonly count: number;
  /** Packets that may wait for an answer, per queue. */
  readonly length: number;
  /** Packets pass unshaped when nobody answers the queue. */
  readonly bypass: boolean;
  /** Ask the kernel for unsegmented superpackets: always, never, or where every rate is fast enough. */
  readonly gso: 'auto' | boolean;
  readonly backend: 'auto' | 'nft' | 'iptables';
  /** Our bits of the packet mark, eight neighbouring ones; all other bits are preserved. */
  readonly markMask: number;
}

export interface ShaperSpec {
  readonly links: readonly LinkSpec[];
  readonly nfqueue: NfqueueSpec;
}
