/**
 * What an instance is told of inside hosts: by what they are known, what is remembered of them, and the
 * quotas that hold for them. Bytes are IP bytes, rates bytes per second, times nanoseconds.
 */
import type { MacSpec, MatcherSpec, PrefixSpec } from './match.ts';

export type { MacSpec } from './match.ts';

/**
 * By what packets belong to one host: the MAC of the device, its address, or the port of a bridge or VLAN
 * device behind which it is.
 */
export type IdentifyBy = 'mac' | 'address' | 'port';

/** A name that the configuration gives to a MAC or to an address. One of the two is null. */
export interface NamedHostSpec {
  readonly name: string;
  readonly mac: MacSpec | null;
  readonly address: PrefixSpec | null;
}

export interface HostsSpec {
  /** Devices behind which the inside is. null: every device that is not a link's. */
  readonly lan: readonly string[] | null;
  readonly identify: IdentifyBy;
  readonly names: readonly NamedHostSpec[];
  /** Absolute paths of files with DHCP leases (dnsmasq, ISC dhcpd, Kea). */
  readonly leases: readonly string[];
  /** Names of hosts that have no other are asked of the resolver, beside the packets. */
  readonly reverseDns: boolean;
}

/** History of one step is kept for so long. */
export interface KeepSpec {
  readonly stepNs: number;
  readonly forNs: number;
}

export interface HistorySpec {
  /** Absolute path. null: nothing is stored, and windows begin anew with the instance. */
  readonly file: string | null;
  /** What is counted is stored so often. */
  readonly flushNs: number;
  /** The finest first. */
  readonly keep: readonly KeepSpec[];
}

/** Sliding sums over `overNs`. Infinity where a sum has no limit. */
export interface WindowSpec {
  readonly overNs: number;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly totalBytes: number;
}

export interface ThrottleSpec {
  readonly upBytesPerSec: number;
  readonly downBytesPerSec: number;
}

/** The page that a stopped host sees instead of the web. */
export interface PageSpec {
  /** What a stopped host reaches all the same. */
  readonly allow: readonly (PrefixSpec | string)[];
  /** Paths of certificate and key in PEM, for the captive-portal API of RFC 8908; null without it. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** Path of an HTML file in the place of our own text, and of a style sheet; null: ours. */
  readonly textFile: string | null;
  readonly styleFile: string | null;
}

export interface MailSpec {
  readonly to: string;
  readonly from: string;
  /** `smtp://host[:port]` or `smtps://…`. */
  readonly server: string;
}

/** What may stand in braces in the arguments of a program. */
export const EXEC_WORDS = [
  'host',
  'name',
  'quota',
  'state',
  'over',
  'direction',
  'used',
  'limit',
  'ends',
] as const;
export type ExecWord = (typeof EXEC_WORDS)[number];

/** What is told to others, once for each violation of a host. null: not asked for. */
export interface OutsideActionSpec {
  /**
   * Program and arguments, in which EXEC_WORDS in braces stand for values. No shell.
   */
  readonly exec: readonly string[] | null;
  readonly webhook: string | null;
  readonly mail: MailSpec | null;
}

/** Hosts of a quota. Both null: every inside host that is not this machine. */
export interface QuotaHostsSpec {
  readonly names: readonly string[] | null;
  /** Only `src`, `host` and `mac` of it are used, for the addresses and MACs of the host. */
  readonly match: readonly MatcherSpec[] | null;
}

export interface QuotaSpec {
  readonly name: string;
  readonly hosts: QuotaHostsSpec;
  /** The shortest first. */
  readonly windows: readonly WindowSpec[];
  /** From this share of a limit on a host is warned; null: never. */
  readonly warnShare: number | null;
  /** From this share on the rate falls steadily, to that of `throttle` at the limit; null: it does not. */
  readonly slopeShare: number | null;
  /** A violation ends when the sum has fallen to this share of the limit. */
  readonly releaseShare: number;
  readonly throttle: ThrottleSpec | null;
  readonly isBlocking: boolean;
  readonly page: PageSpec | null;
  readonly outside: readonly OutsideActionSpec[];
  /** Modules that are told of every change of a host's state, as the file names them. */
  readonly modules: readonly string[];
}

/** No section `hosts`: devices are known by their MAC. */
export const DEFAULT_HOSTS: HostsSpec = {
  lan: null,
  identify: 'mac',
  names: [],
  leases: [],
  reverseDns: false,
};
