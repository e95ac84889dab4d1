/**
 * What happens in a virtual world, as a value: hosts on both sides of the shaper, the line behind it, and flows between them.
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
  /** Inside: behind the shaper, its `up` leads away from here. */
  readonly side: 'inside' | 'outside';
  readonly address: PacketShape['src'];
  /** Its own line, the same in both directions; left out: one without limits. */
  readonly access?: LineSpec;
}

export type SourceSpec = DatagramSpec | PingSpec | TransferSpec | RequestSpec;

/** For `tcp` and `request-response`. */
export interface TcpOptions {
  /** Default cubic. */
  readonly growth?: Growth;
  /** Default false. */
  readonly ecn?: boolean;
  /** Default true: acknowledge every second segment. */
  readonly delayedAcks?: boolean;
  /** Receiver's window in segments, default 4096. */
  readonly windowPackets?: number;
  /** Default 10 (RFC 6928). */
  readonly initialWindow?: number;
}

export interface FlowSpec {
  /** Flows of one name are counted together. */
  readonly name: string;
  /** Host that sends the data; of request-response: the host that asks; of ping: the host that pings. */
  readonly from: string;
  readonly to: string;
  readonly source: SourceSpec;
  /** Default 0. */
  readonly startNs?: number;
  /** No new packet, request or transfer from here on; default: the end of the run. */
  readonly stopNs?: number;
  /** Base round trip, half of it each way. */
  readonly rttNs: number;
  readonly sport: number;
  readonly dport: number;
  readonly dscp?: number;
  readonly tcp?: TcpOptions;
  /** Datagrams: the ECN field they carry, default 0. */
  readonly ecn?: number;
}

export interface Traffic {
  readonly durationNs: number;
  readonly hosts: readonly HostSpec[];
  readonly flows: readonly FlowSpec[];
  /** The physical line; a direction left out has no limits of its own. */
  readonly line?: { readonly up?: LineSpec; readonly down?: LineSpec };
}

/** What a scenario may know of the configuration under test. */
export interface Bottleneck {
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
  /** Directions in which the first link is shaped. */
  readonly shapesUp: boolean;
  readonly shapesDown: boolean;
}

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Everything random in it comes from the seed. */
  build(seed: number, bottleneck: Bottleneck): Traffic;
}
