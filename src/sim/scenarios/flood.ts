import { IPPROTO_UDP } from '../packets/packets.ts';
import type { Scenario } from '../traffic/traffic.ts';
import {
  bulk,
  drawNs,
  drawPort,
  insideHost,
  MILLISECOND,
  outsideHost,
  ping,
  SECOND,
  scenarioChance,
  shapedWay,
} from './parts.ts';

/** The flood's rate as a share of the line's rate. */
const FLOOD_SHARE = 1.2;
const TCP_FLOWS = 5;

/** Datagrams faster than the line, whatever is dropped, beside transfers that react to drops and marks. */
export const flood: Scenario = {
  name: 'flood',
  question: 'How much do the transfers and the ping keep beside the flood?',
  answeredBy: /./,
  about: 'UDP at 120 % of the line, which slows down for nothing, beside five TCP transfers and a ping',
  build(seed, bottleneck) {
    const prng = scenarioChance(seed);
    const { way, rateBytesPerSec } = shapedWay(bottleneck);
    const isUp = way === 'up';
    const client = drawPort(prng);
    return {
      durationNs: 30 * SECOND,
      hosts: [
        insideHost('infected', 0, 66),
        insideHost('worker', 0, 50),
        outsideHost('victim', 66),
        outsideHost('server', 12),
      ],
      flows: [
        {
          name: 'flood',
          question: 'How much do the transfers and the ping keep beside the flood?',
          answeredBy: /./,
          from: isUp ? 'infected' : 'victim',
          to: isUp ? 'victim' : 'infected',
          source: {
            kind: 'constant',
            protocol: IPPROTO_UDP,
            rateBytesPerSec: FLOOD_SHARE * rateBytesPerSec,
            packetBytes: 1500,
          },
          startNs: drawNs(prng, 4 * SECOND, 6 * SECOND),
          rttNs: 20 * MILLISECOND,
          sport: isUp ? client : 9999,
          dport: isUp ? 9999 : client,
        },
        ping(prng, 'ping', { inside: 'worker', outside: 'server' }, 20 * MILLISECOND),
        ...Array.from({ length: TCP_FLOWS }, (_, i) =>
          bulk(prng, `tcp ${i + 1}`, { inside: 'worker', outside: 'server' }, way, {
            startNs: drawNs(prng, 0, SECOND),
            rttNs: drawNs(prng, 20 * MILLISECOND, 60 * MILLISECOND),
          }),
        ),
      ],
    };
  },
};
