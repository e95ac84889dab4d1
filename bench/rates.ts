/**
 * What really passes of a configured rate, measured at the receiver over the steady state.
 *
 * - TCP (cubic, one connection): payload against rate x 1448/1500, the share of payload in full-sized packets
 *   with timestamps. The first seconds (slow start, the first losses) and the last half second do not count.
 * - UDP at three times the rate: IP bytes. The bucket's burst passes at once and is subtracted. From then on
 *   the queue is full, and after the sender's end it empties at the same rate, so the first and the last
 *   arrival bound the steady state.
 */
import type { Lab } from './lab/lab.ts';
import { startShaper } from './lab/shaper.ts';
import { steadyBitsPerSec, tcpTransfer } from './lab/tcp.ts';
import { udpTransfer } from './lab/udp.ts';
import { leastStarved, watchStarving } from './starved.ts';

const GOODPUT = 1448 / 1500;
const TCP_TOLERANCE = 0.015;
const UDP_TOLERANCE = 0.01;
const PACKET_BYTES = 1500;
const PORT = 5001;

export interface Case {
  readonly what: string;
  readonly rateBitsPerSec: number;
  /** Configuration of the direction `up`. */
  readonly up: string;
  /** Of the rate: what the measured quantity should be. */
  readonly share: number;
  readonly toleranceRatio: number;
  /** Bits per second that passed. */
  measure(lab: Lab): Promise<number>;
}

export interface Measured {
  readonly what: string;
  readonly rateBitsPerSec: number;
  readonly expectedBitsPerSec: number;
  readonly measuredBitsPerSec: number;
  readonly toleranceRatio: number;
  readonly isMet: boolean;
  /** Share of the time in which the shaper was ready to run and no processor was free. */
  readonly starvedRatio: number;
  readonly attempts: number;
}

export function tcpCase(rateBitsPerSec: number, seconds: number, skipMs: number): Case {
  return {
    what: 'TCP payload',
    rateBitsPerSec,
    up: `${rateBitsPerSec / 1000}kbit`,
    share: GOODPUT,
    toleranceRatio: TCP_TOLERANCE,
    measure: async ({ client, server }) =>
      steadyBitsPerSec(await tcpTransfer(client, server, { port: PORT, seconds }), skipMs, 500),
  };
}

export function udpCase(rateBitsPerSec: number, seconds: number, isPoliced: boolean): Case {
  const kbit = `${rateBitsPerSec / 1000}kbit`;
  const bytesPerSec = rateBitsPerSec / 8;
  // The defaults of `burst`, by which more than the rate passes after a pause.
  const burstBytes = isPoliced ? Math.max(15_000, bytesPerSec * 0.02) : Math.max(3028, bytesPerSec * 0.001);
  return {
    what: isPoliced ? 'UDP x 3, policed' : 'UDP x 3',
    rateBitsPerSec,
    up: isPoliced ? `{ rate: 10gbit, police: { rate: ${kbit} } }` : kbit,
    share: 1,
    toleranceRatio: UDP_TOLERANCE,
    measure: async ({ client, server }) => {
      const load = { seconds, lengthBytes: PACKET_BYTES, rateBitsPerSec: 3 * rateBitsPerSec };
      const { received } = await udpTransfer(client, server, { port: PORT, ...load });
      return ((received.bytes - burstBytes) * 8e9) / (received.lastNs - received.firstNs);
    },
  };
}

async function attempt(lab: Lab, one: Case): Promise<{ bitsPerSec: number; starvedRatio: number }> {
  const config = `links: { wan: { device: wan0, up: ${one.up} } }`;
  const shaper = await startShaper(lab, config, { entry: 'dist' });
  const { value: bitsPerSec, starvedRatio } = await watchStarving(shaper.pid, () => one.measure(lab));
  await shaper.stop();
  return { bitsPerSec, starvedRatio };
}

/** Runs the case in the lab, again while the machine is busy, at most `attemptsMax` times. */
export async function measureCase(lab: Lab, one: Case, attemptsMax = 1): Promise<Measured> {
  const { best, attempts } = await leastStarved(attemptsMax, () => attempt(lab, one));
  const { what, rateBitsPerSec, toleranceRatio } = one;
  const expectedBitsPerSec = rateBitsPerSec * one.share;
  return {
    what,
    rateBitsPerSec,
    expectedBitsPerSec,
    measuredBitsPerSec: best.bitsPerSec,
    toleranceRatio,
    isMet: Math.abs(best.bitsPerSec / expectedBitsPerSec - 1) <= toleranceRatio,
    starvedRatio: best.starvedRatio,
    attempts,
  };
}
