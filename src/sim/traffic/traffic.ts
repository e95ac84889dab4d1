/**
 * The traffic of a virtual world as a value: hosts on both sides of the shaper, the line behind it, and flows
 * between them.
 *
 *   inside hosts -- access lines -- [ shaper ] -- line.up ----> base RTT / 2 -- access lines -- outside hosts
 *                                             <-- line.down --- base RTT / 2 --
 *
 * The shaper stands where its configuration says: in `up`, in `down`, or in both.
 */

import type { PacketShape } from '../packets/packets.ts';
import type { Growth } from '../tcp/congestion.ts';
import type { LineSpec } from '../world/lines.ts';
import type { DatagramSpec, PingSpec, RequestSpec, TransferSpec } from '../world/sources.ts';

export interface HostSpec {
  readonly name: string;
  /** The side of the host. `up` leads from the inside to the outside. */
  readonly side: 'inside' | 'outside';
  readonly address: PacketShape['src'];
  /** The host's own line, equal in both directions. If left out, it has no limits. */
  readonly access?: LineSpec;
}

export type SourceSpec = DatagramSpec | PingSpec | TransferSpec | RequestSpec;

/** Options of `tcp` and `request-response`. */
export interface TcpOptions {
  /** cubic by default. */
  readonly growth?: Growth;
  /** false by default. */
  readonly ecn?: boolean;
  /** Acknowledge every second segment; true by default. */
  readonly delayedAcks?: boolean;
  /** The receiver's window in segments, from the start to the end; 4096 by default. */
  readonly windowPackets?: number;
  /** A receiver like that of a system; without it, `windowPackets` counts, and nothing binds it. */
  readonly receiver?: ReceiverSpec;
  /** The sender probes a tail that is not acknowledged; false by default. */
  readonly tailLossProbe?: boolean;
  /** Initial window in segments; 10 by default (RFC 6928). */
  readonly initialWindow?: number;
  /** Whether segments have time stamps (RFC 7323); true by default. */
  readonly timestamps?: boolean;
}

/** Buffer and application of a receiver (tcp/receive-window.ts). */
export interface ReceiverSpec {
  /** The buffer at the start, and the longest that it grows to. */
  readonly startBytes: number;
  readonly maxBytes: number;
  /** Scale of its windows; `null`: its SYN has no such option. By default the least that fits, at least 7. */
  readonly scale?: number | null;
  /** Acknowledges each of the first segments, and of those after a pause; false by default. */
  readonly quickAcks?: boolean;
  /** Rate at which the application reads; at once by default. */
  readonly readBytesPerSec?: number;
  /** Spans in which it reads nothing, in order. */
  readonly pauses?: readonly { readonly fromNs: number; readonly toNs: number }[];
}

/**
 * Linux as it comes: tcp_rmem of 128 KiB to 6 MiB, of which half is promised, quick acknowledgements, and the
 * tail loss probe.
 */
export const LINUX_TCP: TcpOptions = {
  tailLossProbe: true,
  receiver: { startBytes: 65_536, maxBytes: 3_145_728, quickAcks: true },
};

export interface FlowSpec {
  /** Flows with the same name are counted together. */
  readonly name: string;
  /** The host that sends the data; in request-response the client, in ping the host that pings. */
  readonly from: string;
  readonly to: string;
  readonly source: SourceSpec;
  /** Start of the flow; 0 by default. */
  readonly startNs?: number;
  /** From this instant on the flow starts no packet, request or transfer. Defaults to the end of the run. */
  readonly stopNs?: number;
  /** Base round-trip time, half of it in each direction. */
  readonly rttNs: number;
  readonly sport: number;
  readonly dport: number;
  readonly dscp?: number;
  readonly tcp?: TcpOptions;
  /** ECN field of datagrams; 0 by default. */
  readonly ecn?: number;
}

export interface Traffic {
  readonly durationNs: number;
  readonly hosts: readonly HostSpec[];
  readonly flows: readonly FlowSpec[];
  /** The physical line. A direction that is left out has no limits of its own. */
  readonly line?: { readonly up?: LineSpec; readonly down?: LineSpec };
}

/** The part of the configuration under test that a scenario may use. */
export interface Bottleneck {
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
  /** Directions in which the first link is shaped. */
  readonly shapesUp: boolean;
  readonly shapesDown: boolean;
}

/** What a scenario asks, and the names of the flows whose figures answer it. */
export interface Question {
  readonly question: string;
  readonly answeredBy: RegExp;
}

export interface Scenario extends Question {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Makes the traffic. The seed decides all chance in it. */
  build(seed: number, bottleneck: Bottleneck): Traffic;
}
