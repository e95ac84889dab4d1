import { LINUX_TCP, type Scenario } from '../traffic/traffic.ts';
import {
  bulk,
  drawNs,
  insideHost,
  MILLISECOND,
  outsideHost,
  ping,
  SECOND,
  scenarioChance,
  shapedWay,
} from './parts.ts';

const RTT_NS = 20 * MILLISECOND;

/**
 * Four CUBIC transfers whose receivers promise windows as Linux does, 20 ms away: for classes with tcp.pace,
 * beside the same classes without.
 */
export const uploadsPaced: Scenario = {
  name: 'uploads-paced',
  question: 'Is the line full, shared evenly, and without a queue and retransmissions?',
  answeredBy: /^(tcp|ping)/,
  about: 'four transfers with the windows and timers of Linux, and a ping: what does tcp.pace change?',
  build(seed, bottleneck) {
    const prng = scenarioChance(seed);
    const { way } = shapedWay(bottleneck);
    const between = { inside: 'computer', outside: 'server' };
    return {
      durationNs: 30 * SECOND,
      hosts: [insideHost('computer', 0, 12), outsideHost('server', 8)],
      flows: [
        ping(prng, 'ping', between, RTT_NS),
        ...Array.from({ length: 4 }, (_, i) =>
          bulk(prng, `tcp ${i + 1}`, between, way, {
            startNs: drawNs(prng, 0, SECOND),
            rttNs: RTT_NS,
            tcp: LINUX_TCP,
          }),
        ),
      ],
    };
  },
};
