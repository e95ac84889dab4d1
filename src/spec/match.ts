/** Which packets are meant: addresses, ports, MACs and the matchers that are made of them. */

/** A MAC in two numbers: its first two bytes, and its last four. */
export interface MacSpec {
  readonly high: number;
  readonly low: number;
}

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

/** All fields that are present must hold. A list holds if any entry does. */
export interface MatcherSpec {
  /** IP protocol numbers. `icmp` is [1, 58]; ports without a protocol mean [6, 17, 136, 132]. */
  readonly proto?: readonly number[];
  readonly src?: readonly PrefixSpec[];
  readonly dst?: readonly PrefixSpec[];
  /** The source or the destination address. */
  readonly host?: readonly PrefixSpec[];
  /** The host of the source or of the destination has one of these names. Beside `host`, either may hold. */
  readonly hostNames?: readonly string[];
  /** The host of the source or of the destination has one of these MACs. */
  readonly mac?: readonly MacSpec[];
  readonly sport?: readonly PortRangeSpec[];
  readonly dport?: readonly PortRangeSpec[];
  /** The source or the destination port. */
  readonly port?: readonly PortRangeSpec[];
  /** Code points 0..63. */
  readonly dscp?: readonly number[];
  /** Packet mark outside our own mask; an entry holds if (packet mark & mask) === value. */
  readonly mark?: readonly { readonly value: number; readonly mask: number }[];
  /** Name of the device by which the packet came in. */
  readonly iif?: readonly string[];
  /** Name of the device by which the packet leaves. */
  readonly oif?: readonly string[];
  /**
   * Of the local socket to which the packet belongs: its user, a group of that user, its control group or one
   * around that, and the program of its process. Each is a key: `user:alice` or `user:1000`, `group:dev`,
   * `cgroup:/system.slice`, `exe:/usr/bin/curl`.
   */
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  readonly cgroups?: readonly string[];
  readonly exes?: readonly string[];
}

/** The subjects for which a matcher asks, by their keys. */
export function subjectKeysOf({ users = [], groups = [], cgroups = [], exes = [] }: MatcherSpec): string[] {
  return [...users, ...groups, ...cgroups, ...exes];
}
