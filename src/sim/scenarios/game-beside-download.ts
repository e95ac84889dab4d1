import { IPPROTO_UDP } from '../packets/packets.ts';
import type { FlowSpec, Scenario } from '../traffic/traffic.ts';
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
} from './parts.ts';

const RTT_NS = 24 * MILLISECOND;
const GAME_PORT = 27015;

/** A game sends 60 small packets a second in both directions, beside a download that takes all it can get. */
export const gameBesideDownload: Scenario = {
  name: 'game-beside-download',
  question: 'Does the game stay quick beside the download?',
  answeredBy: /^(game|ping)/,
  about: 'a game of small packets while a download over six connections fills the line',
  build(seed) {
    const prng = scenarioChance(seed);
    const client = drawPort(prng);
    const game = (name: string, way: 'up' | 'down', packetBytes: number): FlowSpec => ({
      name,
      from: way === 'up' ? 'console' : 'arena',
      to: way === 'up' ? 'arena' : 'console',
      source: {
        kind: way === 'up' ? 'constant' : 'poisson',
        protocol: IPPROTO_UDP,
        rateBytesPerSec: 60 * packetBytes,
        packetBytes,
      },
      startNs: drawNs(prng, 0, 16 * MILLISECOND),
      rttNs: RTT_NS,
      sport: way === 'up' ? client : GAME_PORT,
      dport: way === 'up' ? GAME_PORT : client,
    });
    return {
      durationNs: 30 * SECOND,
      hosts: [
        insideHost('console', 0, 30),
        insideHost('computer', 0, 31),
        outsideHost('arena', 9),
        outsideHost('mirror', 10),
      ],
      flows: [
        game('game up', 'up', 90),
        game('game down', 'down', 220),
        ping(prng, 'ping', { inside: 'console', outside: 'arena' }, RTT_NS),
        ...Array.from({ length: 6 }, (_, i) =>
          bulk(prng, `download ${i + 1}`, { inside: 'computer', outside: 'mirror' }, 'down', {
            startNs: drawNs(prng, 2 * SECOND, 4 * SECOND),
            rttNs: drawNs(prng, 15 * MILLISECOND, 50 * MILLISECOND),
          }),
        ),
      ],
    };
  },
};
