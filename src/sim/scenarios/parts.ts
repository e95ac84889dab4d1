/** Hosts and flows that several scenarios use. */

import { chanceStream, drawInteger } from '../../base/chance.ts';
import type { Prng } from '../../base/prng.ts';
import { IPPROTO_ICMP, IPPROTO_UDP, ipv4 } from '../packets/packets.ts';
import type { Bottleneck, FlowSpec, HostSpec, TcpOptions } from '../traffic/traffic.ts';

export const MILLISECOND = 1e6;
export const SECOND = 1e9;
/** Expedited forwarding (RFC 3246). */
export const DSCP_EF = 46;

/** The stream of chance from which a scenario draws; flows and lines have streams of their own. */
const SCENARIO_STREAM = 0xffffe;

export function scenarioChance(seed: number): Prng {
  return chanceStream(seed, SCENARIO_STREAM);
}

/** 10.0.x.y */
export function insideHost(name: string, subnet: number, number: number): HostSpec {
  return { name, side: 'inside', address: ipv4(10, 0, subnet, number) };
}

/** fd00:0:0:subnet::number */
export function insideHost6(name: string, subnet: number, number: number): HostSpec {
  return { name, side: 'inside', address: [0xfd000000, subnet, 0, number] };
}

/** 198.51.100.x (RFC 5737). */
export function outsideHost(name: string, number: number): HostSpec {
  return { name, side: 'outside', address: ipv4(198, 51, 100, number) };
}

/** 2001:db8::x (RFC 3849). */
export function outsideHost6(name: string, number: number): HostSpec {
  return { name, side: 'outside', address: [0x20010db8, 0, 0, number] };
}

/** A uniform random span in whole microseconds, so that instants stay round. */
export function drawNs(prng: Prng, fromNs: number, toNs: number): number {
  return 1e3 * drawInteger(prng, Math.round(fromNs / 1e3), Math.round(toNs / 1e3));
}

/** A client's port. */
export function drawPort(prng: Prng): number {
  return drawInteger(prng, 32768, 60999);
}

export interface Between {
  /** Numbers of the inside and of the outside host. */
  readonly inside: string;
  readonly outside: string;
}

/**
 * An endless TCP transfer from the inside host or to it. The inside host is the client, `port` the server's
 * port.
 */
export function bulk(
  prng: Prng,
  name: string,
  { inside, outside }: Between,
  way: 'up' | 'down',
  more: { startNs: number; rttNs: number; port?: number; bytes?: number; tcp?: TcpOptions },
): FlowSpec {
  const { startNs, rttNs, port = 443, bytes = Number.POSITIVE_INFINITY, tcp = {} } = more;
  const client = drawPort(prng);
  return {
    name,
    from: way === 'up' ? inside : outside,
    to: way === 'up' ? outside : inside,
    source: { kind: 'tcp', bytes },
    startNs,
    rttNs,
    sport: way === 'up' ? client : port,
    dport: way === 'up' ? port : client,
    tcp,
  };
}

/** Both directions of a call: 200 bytes every 20 ms, as G.711 over RTP, marked EF. */
export function call(prng: Prng, name: string, { inside, outside }: Between, rttNs: number): FlowSpec[] {
  const rtp = { kind: 'constant', protocol: IPPROTO_UDP, rateBytesPerSec: 10_000, packetBytes: 200 } as const;
  const ports = { sport: 5070, dport: 5080, dscp: DSCP_EF };
  const start = (): number => drawNs(prng, 0, 20 * MILLISECOND);
  return [
    { name: `${name} up`, from: inside, to: outside, source: rtp, startNs: start(), rttNs, ...ports },
    { name: `${name} down`, from: outside, to: inside, source: rtp, startNs: start(), rttNs, ...ports },
  ];
}

/** An echo every 100 ms. */
export function ping(prng: Prng, name: string, { inside, outside }: Between, rttNs: number): FlowSpec {
  return {
    name,
    from: inside,
    to: outside,
    source: { kind: 'ping', protocol: IPPROTO_ICMP, packetBytes: 84, everyNs: 100 * MILLISECOND },
    startNs: drawNs(prng, 0, 100 * MILLISECOND),
    rttNs,
    sport: drawInteger(prng, 1, 0xffff),
    dport: 0,
  };
}

/** The direction that a scenario loads if it can load either: the one that is shaped, `up` if both are. */
export function shapedWay({ shapesUp, upBytesPerSec, downBytesPerSec }: Bottleneck): {
  way: 'up' | 'down';
  rateBytesPerSec: number;
} {
  return shapesUp
    ? { way: 'up', rateBytesPerSec: upBytesPerSec }
    : { way: 'down', rateBytesPerSec: downBytesPerSec };
}
