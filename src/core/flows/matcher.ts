/**
 * One matcher of a class, compiled: sets of protocols, prefixes, port ranges. It runs once per flow, so
 * clarity and freedom from garbage matter more than the last nanosecond.
 */
import type { Parsed } from '../../packet/parse.ts';
import { subjectKeysOf } from '../../spec/match.ts';
import type { MatcherSpec, PortRangeSpec } from '../../spec/spec.ts';
import type { HostNames, PacketEnd } from '../hosts/host-names.ts';
import { PrefixSet } from '../hosts/prefix-set.ts';
import type { Subjects } from '../subjects/subjects.ts';

/** Properties of a packet beside its headers. */
export interface PacketContext {
  /** Bits outside our mask. */
  foreignMark: number;
  /** Device numbers (DeviceTable); 0: none or unknown. */
  deviceIn: number;
  deviceOut: number;
  /** Rows of the addresses that are inside; NOBODY for an end that is not. */
  srcAddress: number;
  dstAddress: number;
  /** Source MAC; both 0: none. */
  macHigh: number;
  macLow: number;
}

function inRanges(ranges: readonly PortRangeSpec[], port: number): boolean {
  for (const range of ranges) if (port >= range.from && port <= range.to) return true;
  return false;
}

export class Matcher {
  private readonly spec: MatcherSpec;
  private readonly src: PrefixSet | null;
  private readonly dst: PrefixSet | null;
  private readonly host: PrefixSet | null;
  private readonly iif: readonly number[] | null;
  private readonly oif: readonly number[] | null;
  private readonly names: HostNames | null;
  private readonly subjects: Subjects | null;
  private readonly asksSubjects: boolean;

  /**
   * `deviceNumber` gives a device name the number that PacketContext uses. `names` knows MACs and names of
   * hosts, `subjects` the users and programs of the packet that is classified; without them no packet has
   * any.
   */
  constructor(
    spec: MatcherSpec,
    deviceNumber: (name: string) => number,
    names: HostNames | null = null,
    subjects: Subjects | null = null,
  ) {
    this.spec = spec;
    this.names = names;
    this.subjects = subjects;
    this.asksSubjects = subjectKeysOf(spec).length > 0;
    this.src = spec.src ? new PrefixSet(spec.src) : null;
    this.dst = spec.dst ? new PrefixSet(spec.dst) : null;
    this.host = spec.host ? new PrefixSet(spec.host) : null;
    this.iif = spec.iif?.map(deviceNumber) ?? null;
    this.oif = spec.oif?.map(deviceNumber) ?? null;
  }

  matches(parsed: Parsed, p: number, context: PacketContext): boolean {
    const { spec } = this;
    if (spec.proto && !spec.proto.includes(parsed.protocol[p])) return false;
    if (spec.dscp && (parsed.family[p] === 0 || !spec.dscp.includes(parsed.dscp[p]))) return false;
    if (this.src && !hasSource(this.src, parsed, p)) return false;
    if (this.dst && !hasDestination(this.dst, parsed, p)) return false;
    if ((this.host || spec.hostNames) && !this.matchesHost(parsed, p, context)) return false;
    if (spec.mac && !this.matchesMac(parsed, p, context)) return false;
    if ((spec.sport || spec.dport || spec.port) && !this.matchesPorts(parsed, p)) return false;
    if (spec.mark && !spec.mark.some((m) => (context.foreignMark & m.mask) >>> 0 === m.value)) return false;
    if (this.iif && !this.iif.includes(context.deviceIn)) return false;
    if (this.oif && !this.oif.includes(context.deviceOut)) return false;
    return !this.asksSubjects || this.matchesSubjects();
  }

  private matchesSubjects(): boolean {
    const { users, groups, cgroups, exes } = this.spec;
    return this.hasOne(users) && this.hasOne(groups) && this.hasOne(cgroups) && this.hasOne(exes);
  }

  /** Whether the packet has one of these subjects; undefined: any will do. */
  private hasOne(keys: readonly string[] | undefined): boolean {
    if (keys === undefined) return true;
    if (this.subjects === null) return false;
    for (const key of keys) if (this.subjects.has(key)) return true;
    return false;
  }

  private matchesHost(parsed: Parsed, p: number, context: PacketContext): boolean {
    const { host, names } = this;
    if (host && (hasSource(host, parsed, p) || hasDestination(host, parsed, p))) return true;
    const { hostNames } = this.spec;
    if (!hostNames || names === null) return false;
    return (
      names.hasName(source(parsed, p, context), hostNames) ||
      names.hasName(destination(parsed, p, context), hostNames)
    );
  }

  private matchesMac(parsed: Parsed, p: number, context: PacketContext): boolean {
    const { mac = [] } = this.spec;
    if (this.names === null) return false;
    return (
      this.names.hasMac(source(parsed, p, context), mac) ||
      this.names.hasMac(destination(parsed, p, context), mac)
    );
  }

  private matchesPorts(parsed: Parsed, p: number): boolean {
    const { spec } = this;
    if (parsed.hasPorts[p] === 0) return false;
    const sport = parsed.sport[p];
    const dport = parsed.dport[p];
    if (spec.sport && !inRanges(spec.sport, sport)) return false;
    if (spec.dport && !inRanges(spec.dport, dport)) return false;
    return !spec.port || inRanges(spec.port, sport) || inRanges(spec.port, dport);
  }
}

function hasSource(set: PrefixSet, { family, src0, src1, src2, src3 }: Parsed, p: number): boolean {
  return set.has(family[p], src0[p], src1[p], src2[p], src3[p]);
}

function hasDestination(set: PrefixSet, { family, dst0, dst1, dst2, dst3 }: Parsed, p: number): boolean {
  return set.has(family[p], dst0[p], dst1[p], dst2[p], dst3[p]);
}

/** The end that was asked for last: an object for each packet would be garbage. */
const end: PacketEnd = { address: 0, family: 0, w0: 0, w1: 0, w2: 0, w3: 0, macHigh: 0, macLow: 0 };

function source(parsed: Parsed, p: number, { srcAddress, macHigh, macLow }: PacketContext): PacketEnd {
  end.address = srcAddress;
  end.family = parsed.family[p];
  end.w0 = parsed.src0[p];
  end.w1 = parsed.src1[p];
  end.w2 = parsed.src2[p];
  end.w3 = parsed.src3[p];
  end.macHigh = macHigh;
  end.macLow = macLow;
  return end;
}

function destination(parsed: Parsed, p: number, { dstAddress }: PacketContext): PacketEnd {
  end.address = dstAddress;
  end.family = parsed.family[p];
  end.w0 = parsed.dst0[p];
  end.w1 = parsed.dst1[p];
  end.w2 = parsed.dst2[p];
  end.w3 = parsed.dst3[p];
  // A packet shows the MAC of its source only.
  end.macHigh = 0;
  end.macLow = 0;
  return end;
}
