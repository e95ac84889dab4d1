import type { Scenario } from '../traffic/traffic.ts';
import {
  bulk,
  call,
  drawNs,
  insideHost,
  MILLISECOND,
  outsideHost,
  ping,
  SECOND,
  scenarioChance,
} from './parts.ts';

const UPLOADS = 4;
/** Ports of the uploads, by turns: HTTPS (photographs) and rsync (backups). */
const PORTS = [443, 873];
const RTT_NS = 30 * MILLISECOND;

/** Somebody telephones while three computers send photographs and backups away. */
export const callBesideUploads: Scenario = {
  name: 'call-beside-uploads',
  question: 'Does the call stay smooth beside the uploads?',
  answeredBy: /^(call|ping)/,
  about: 'a call and a ping while four uploads fill the line',
  build(seed) {
    const prng = scenarioChance(seed);
    const phone = { inside: 'phone', outside: 'exchange' };
    return {
      durationNs: 30 * SECOND,
      hosts: [
        insideHost('phone', 0, 10),
        insideHost('computer 1', 0, 21),
        insideHost('computer 2', 0, 22),
        insideHost('computer 3', 0, 23),
        outsideHost('exchange', 5),
        outsideHost('storage', 6),
      ],
      flows: [
        ...call(prng, 'call', phone, RTT_NS),
        ping(prng, 'ping', phone, RTT_NS),
        ...Array.from({ length: UPLOADS }, (_, i) =>
          bulk(prng, `upload ${i + 1}`, { inside: `computer ${1 + (i % 3)}`, outside: 'storage' }, 'up', {
            startNs: drawNs(prng, SECOND, 3 * SECOND),
            rttNs: drawNs(prng, 20 * MILLISECOND, 60 * MILLISECOND),
            port: PORTS[i % PORTS.length],
            // Every second upload uses ECN, so that queues that mark have packets to mark.
            tcp: { ecn: i % 2 === 1 },
          }),
        ),
      ],
    };
  },
};
