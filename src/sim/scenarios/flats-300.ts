import { drawHeavyTailed, drawInteger } from '../../base/chance.ts';
import type { Prng } from '../../base/prng.ts';
import { IPPROTO_UDP } from '../packets/packets.ts';
import type { FlowSpec, HostSpec, Scenario } from '../traffic/traffic.ts';
import {
  bulk,
  DSCP_EF,
  drawNs,
  drawPort,
  insideHost,
  insideHost6,
  MILLISECOND,
  outsideHost,
  outsideHost6,
  SECOND,
  scenarioChance,
} from './parts.ts';

const FLATS = 300;
/** Flats per subnet of addresses. */
const PER_SUBNET = 100;

/** Browsing: a page or a picture now and then, on one connection. */
function browsing(prng: Prng, inside: string, outside: string): FlowSpec {
  const largest = drawHeavyTailed(prng, 20_000, 2_000_000);
  return {
    name: `${inside} web`,
    from: inside,
    to: outside,
    source: {
      kind: 'request-response',
      requestBytes: 500,
      responseBytes: [2_000, largest],
      thinkNs: drawNs(prng, 2 * SECOND, 12 * SECOND),
    },
    startNs: drawNs(prng, 0, 10 * SECOND),
    rttNs: drawNs(prng, 10 * MILLISECOND, 90 * MILLISECOND),
    sport: drawPort(prng),
    dport: 443,
  };
}

/** Streaming: a film in pieces of a few seconds, each fetched at full speed. */
function video(prng: Prng, inside: string, outside: string): FlowSpec {
  return {
    name: `${inside} video`,
    from: inside,
    to: outside,
    source: {
      kind: 'request-response',
      requestBytes: 400,
      responseBytes: [300_000, 700_000],
      thinkNs: 3 * SECOND,
    },
    startNs: drawNs(prng, 0, 10 * SECOND),
    rttNs: drawNs(prng, 10 * MILLISECOND, 40 * MILLISECOND),
    sport: drawPort(prng),
    dport: 443,
  };
}

/** A call with silence suppression: spurts of speech at 64 kbit/s, a second long on average. */
function talk(prng: Prng, inside: string, outside: string, way: 'up' | 'down'): FlowSpec {
  return {
    name: `${inside} call`,
    from: way === 'up' ? inside : outside,
    to: way === 'up' ? outside : inside,
    source: {
      kind: 'on-off',
      protocol: IPPROTO_UDP,
      rateBytesPerSec: 10_000,
      packetBytes: 200,
      onNs: SECOND,
      offNs: 1.35 * SECOND,
    },
    startNs: drawNs(prng, 0, 5 * SECOND),
    rttNs: 30 * MILLISECOND,
    sport: 5070,
    dport: 5080,
    dscp: DSCP_EF,
  };
}

function flowsOf(prng: Prng, i: number, between: { inside: string; outside: string }): FlowSpec[] {
  const { inside, outside } = between;
  const flows = [browsing(prng, inside, outside)];
  const habit = drawInteger(prng, 0, 99);
  const startNs = drawNs(prng, 0, 8 * SECOND);
  const rttNs = drawNs(prng, 10 * MILLISECOND, 90 * MILLISECOND);
  // Of a hundred flats, five download over four connections, five upload, ten stream, ten talk. Flat 1 always
  // downloads.
  if (habit < 5 || i === 0) {
    for (let n = 0; n < 4; n++)
      flows.push(bulk(prng, `${inside} download`, between, 'down', { startNs, rttNs }));
  } else if (habit < 10) flows.push(bulk(prng, `${inside} upload`, between, 'up', { startNs, rttNs }));
  else if (habit < 20) flows.push(video(prng, inside, outside));
  else if (habit < 30) flows.push(talk(prng, inside, outside, 'up'), talk(prng, inside, outside, 'down'));
  return flows;
}

/** A house on one uplink: most flats browse, a few take all they can get. Every third flat uses IPv6. */
export const flats300: Scenario = {
  name: 'flats-300',
  question: 'Do calls and pages stay quick in every flat beside a few heavy users?',
  answeredBy: / (call|web|video)$/,
  about: '300 flats on one uplink: browsing, calls, video, and a few heavy users with many connections',
  build(seed) {
    const prng = scenarioChance(seed);
    const hosts: HostSpec[] = [outsideHost('web', 8), outsideHost6('web6', 8)];
    const flows: FlowSpec[] = [];
    for (let i = 0; i < FLATS; i++) {
      const inside = `flat ${i + 1}`;
      const isIpv6 = i % 3 === 2;
      const subnet = 1 + Math.floor(i / PER_SUBNET);
      const number = 10 + (i % PER_SUBNET);
      hosts.push(isIpv6 ? insideHost6(inside, subnet, number) : insideHost(inside, subnet, number));
      flows.push(...flowsOf(prng, i, { inside, outside: isIpv6 ? 'web6' : 'web' }));
    }
    return { durationNs: 30 * SECOND, hosts, flows };
  },
};
