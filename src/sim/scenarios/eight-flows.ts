import type { Scenario } from '../traffic/traffic.ts';
import {
  bulk,
  drawNs,
  insideHost,
  MILLISECOND,
  outsideHost,
  SECOND,
  scenarioChance,
  shapedWay,
} from './parts.ts';

/**
 * Eight Reno flows with equal round trips, equal packets and an acknowledgement for each packet. If a full
 * queue drops from all of them at once, their windows halve and grow together (Floyd, Jacobson 1993).
 */
export const eightFlows: Scenario = {
  name: 'eight-flows',
  question: 'Do the flows halve their windows all together, and is the line full?',
  answeredBy: /^tcp/,
  about:
    'eight TCP flows with equal round trips: do they halve their windows together (global synchronisation)?',
  build(seed, bottleneck) {
    const prng = scenarioChance(seed);
    const { way } = shapedWay(bottleneck);
    const names = Array.from({ length: 8 }, (_, i) => `tcp ${i + 1}`);
    return {
      durationNs: 60 * SECOND,
      hosts: [...names.map((name, i) => insideHost(name, 0, 11 + i)), outsideHost('server', 7)],
      flows: names.map((name) =>
        bulk(prng, name, { inside: name, outside: 'server' }, way, {
          startNs: drawNs(prng, 0, 2 * SECOND),
          rttNs: 60 * MILLISECOND,
          tcp: { growth: 'reno', delayedAcks: false },
        }),
      ),
    };
  },
};
