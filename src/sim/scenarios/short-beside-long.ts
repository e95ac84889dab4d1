import { drawExponential } from '../../base/chance.ts';
import type { FlowSpec, Scenario } from '../traffic/traffic.ts';
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

const LONG_FLOWS = 4;
const RTT_NS = 40 * MILLISECOND;
/** Payload of a short transfer: twelve full segments. */
const SHORT_BYTES = 12 * 1448;
const MEAN_GAP_NS = SECOND / 6;
const FIRST_SHORT_NS = 5 * SECOND;
const DURATION_NS = 55 * SECOND;

/** About six short transfers a second beside four endless ones. How long do the short ones take? */
export const shortBesideLong: Scenario = {
  name: 'short-beside-long',
  question: 'How long do the short transfers take, and what is left for the long ones?',
  answeredBy: /./,
  about: 'six transfers of 17 kB a second beside four long ones: how long do the short ones take?',
  build(seed, bottleneck) {
    const prng = scenarioChance(seed);
    const { way } = shapedWay(bottleneck);
    const between = { inside: 'reader', outside: 'server' };
    const flows: FlowSpec[] = Array.from({ length: LONG_FLOWS }, (_, i) =>
      bulk(prng, `long ${i + 1}`, { inside: 'archive', outside: 'server' }, way, {
        startNs: drawNs(prng, 0, SECOND),
        rttNs: RTT_NS,
        tcp: { growth: 'reno' },
      }),
    );
    const lastNs = DURATION_NS - 2 * SECOND;
    for (let atNs = FIRST_SHORT_NS; atNs < lastNs; atNs += Math.round(drawExponential(prng, MEAN_GAP_NS))) {
      flows.push(bulk(prng, 'short', between, way, { startNs: atNs, rttNs: RTT_NS, bytes: SHORT_BYTES }));
    }
    return {
      durationNs: DURATION_NS,
      hosts: [insideHost('reader', 0, 40), insideHost('archive', 0, 41), outsideHost('server', 11)],
      flows,
    };
  },
};
