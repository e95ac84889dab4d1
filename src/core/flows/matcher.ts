/**
 * One matcher of a class, compiled: sets of protocols, prefixes, port ranges. It runs once per flow, so
 * clarity and freedom from garbage matter more than the last nanosecond.
 */
import { prefixMasks, wordMask } from '../../base/prefix.ts';
import type { Parsed } from '../../packet/parse.ts';
import type { MatcherSpec, PortRangeSpec, PrefixSpec } from '../../spec/spec.ts';

/** Properties of a packet beside its headers. */
export interface PacketContext {
  /** Bits outside our mask. */
  foreignMark: number;
  /** Device numbers (DeviceTable); 0: none or unknown. */
  deviceIn: number;
  deviceOut: number;
}

/** Prefixes as pairs of masks and values, IPv4 and IPv6 apart. */
class PrefixSet {
  private readonly v4Mask: Uint32Array;
  private readonly v4Value: Uint32Array;
  /** Four words each. */
  private readonly v6Mask: Uint32Array;
  private readonly v6Value: Uint32Array;

  constructor(prefixes: readonly PrefixSpec[]) {
    const v4 = prefixes.filter((prefix) => prefix.family === 4);
    const v6 = prefixes.filter((prefix) => prefix.family === 6);
    this.v4Mask = Uint32Array.from(v4, (prefix) => wordMask(prefix.bits));
    this.v4Value = Uint32Array.from(v4, (prefix) => prefix.words[0] & wordMask(prefix.bits));
    this.v6Mask = Uint32Array.from(v6.flatMap((prefix) => prefixMasks(prefix.bits)));
    this.v6Value = Uint32Array.from(v6.flatMap((prefix) => [...prefix.words])).map(
      (word, i) => word & this.v6Mask[i],
    );
  }

  hasV4(address: number): boolean {
    const { v4Mask, v4Value } = this;
    for (let i = 0; i < v4Mask.length; i++) if ((address & v4Mask[i]) >>> 0 === v4Value[i]) return true;
    return false;
  }

  hasV6(a0: number, a1: number, a2: number, a3: number): boolean {
    const { v6Mask: m, v6Value: v } = this;
    for (let i = 0; i < m.length; i += 4) {
      if (
        (a0 & m[i]) >>> 0 === v[i] &&
        (a1 & m[i + 1]) >>> 0 === v[i + 1] &&
        (a2 & m[i + 2]) >>> 0 === v[i + 2] &&
        (a3 & m[i + 3]) >>> 0 === v[i + 3]
      ) {
        return true;
      }
    }
    return false;
  }
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

  /** `deviceNumber` gives a device name the number that PacketContext uses. */
  constructor(spec: MatcherSpec, deviceNumber: (name: string) => number) {
    this.spec = spec;
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
    if (this.host && !hasSource(this.host, parsed, p) && !hasDestination(this.host, parsed, p)) return false;
    if ((spec.sport || spec.dport || spec.port) && !this.matchesPorts(parsed, p)) return false;
    if (spec.mark && !spec.mark.some((m) => (context.foreignMark & m.mask) >>> 0 === m.value)) return false;
    if (this.iif && !this.iif.includes(context.deviceIn)) return false;
    if (this.oif && !this.oif.includes(context.deviceOut)) return false;
    return true;
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

function hasSource(set: PrefixSet, parsed: Parsed, p: number): boolean {
  if (parsed.family[p] === 4) return set.hasV4(parsed.src0[p]);
  return parsed.family[p] === 6 && set.hasV6(parsed.src0[p], parsed.src1[p], parsed.src2[p], parsed.src3[p]);
}

function hasDestination(set: PrefixSet, parsed: Parsed, p: number): boolean {
  if (parsed.family[p] === 4) return set.hasV4(parsed.dst0[p]);
  return parsed.family[p] === 6 && set.hasV6(parsed.dst0[p], parsed.dst1[p], parsed.dst2[p], parsed.dst3[p]);
}
