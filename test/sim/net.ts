/**
 * Traffic in a few words: TCP flows and datagrams from one inside host to one outside, through one
 * bottleneck.
 */

import { IPPROTO_UDP, ipv4 } from '../../src/sim/packets/packets.ts';
import type { FlowSpec, HostSpec, TcpOptions, Traffic } from '../../src/sim/traffic/traffic.ts';
import type { ShaperSpec } from '../../src/spec/spec.ts';
import { type ClassInput, type LinkInput, shaper } from './world.ts';

/** 10 Mbit/s: a full packet takes 1.2 ms. */
export const TEN_MBIT = 1_250_000;
export const MS = 1e6;
export const SECOND = 1e9;

export const HOSTS: readonly HostSpec[] = [
  { name: 'in', side: 'inside', address: ipv4(10, 0, 0, 1) },
  { name: 'out', side: 'outside', address: ipv4(198, 51, 100, 1) },
];

/** `up` through one leaf of this make; `down` not limited at all unless given. */
export function bottleneck(
  leaf: Omit<ClassInput, 'name'>,
  rate = TEN_MBIT,
  down?: LinkInput['down'],
): ShaperSpec {
  const up = { rate, burst: 3028, leaves: [{ name: 'default', ...leaf }] };
  return shaper({ wan: { up, down: down ?? { rate: 1.25e9, burst: 1e6 } } });
}

export function tcp(
  name: string,
  rttNs: number,
  more: Partial<FlowSpec> & { bytes?: number; options?: TcpOptions } = {},
): FlowSpec {
  const { bytes = Number.POSITIVE_INFINITY, options = {}, ...flow } = more;
  const sport = 40_000 + Number(/\d+$/.exec(name)?.[0] ?? 0);
  return {
    name,
    from: 'in',
    to: 'out',
    source: { kind: 'tcp', bytes },
    rttNs,
    sport,
    dport: 443,
    tcp: options,
    ...flow,
  };
}

export function udp(name: string, rateBytesPerSec: number, packetBytes: number, rttNs = 40 * MS): FlowSpec {
  const source = { kind: 'constant', protocol: IPPROTO_UDP, rateBytesPerSec, packetBytes } as const;
  return { name, from: 'in', to: 'out', source, rttNs, sport: 5000, dport: 5001 };
}

export function traffic(seconds: number, flows: readonly FlowSpec[], more: Partial<Traffic> = {}): Traffic {
  return { durationNs: seconds * SECOND, hosts: HOSTS, flows, ...more };
}

/** Mean of the samples from `from` on. */
export function mean(samples: Float64Array, from = 0): number {
  return samples.slice(from).reduce((sum, x) => sum + x, 0) / (samples.length - from);
}

/** Pearson's correlation. */
export function correlation(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a);
  const meanB = mean(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - meanA) * (b[i] - meanB);
    aa += (a[i] - meanA) ** 2;
    bb += (b[i] - meanB) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
