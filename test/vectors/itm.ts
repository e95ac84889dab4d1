/**
 * Runs those vectors of the itmBench set that concern marking (ECN, classes of packets by the size of their
 * flow) and reservation.
 */

import { keepsLimit, reservedBytesPerSec, unreservedBytesPerSec } from '../../src/algo/pacing/reservation.ts';
import qosmod, { LONG, SHORT, UNKNOWN } from '../../src/built-in/qosmod.ts';
import { ACK, FIN } from '../../src/modules/api/index.ts';
import { ECN_DROP, ecnDecapsulated, ecnSignalled } from '../reference/ecn.ts';
import { FakeHost } from '../unit/built-in/fake-host.ts';
import type { Vector } from './load.ts';
import type { Found, Runner } from './runner.ts';

/** Code points are numbered in the vectors as on the wire. */
function ecn(vector: Vector): Found {
  const fields = vector.body.expect_fields as string[];
  const named = (codePoint: number): number | string => (codePoint === ECN_DROP ? 'drop' : codePoint);
  const rows = (vector.body.expect as number[][]).map(([first, second]) => {
    if (fields[0] === 'ecn') return { ecn: first, result: named(ecnSignalled(first as number)) };
    const result = named(ecnDecapsulated(first as number, second as number));
    return { inner: first, outer: second, result };
  });
  return { rows };
}

const MARKS: Readonly<Record<number, string>> = { [UNKNOWN]: 'unknown', [SHORT]: 'short', [LONG]: 'long' };

/** One TCP flow through the built-in module. A mark is what it has classified, and what it has written. */
function marks(vector: Vector): Found {
  const { threshold, fin_at } = vector.body.params as { threshold: number; fin_at: number[] };
  const [cameWith, short, long] = [46, 4, 8];
  const written: Readonly<Record<number, number>> = { [UNKNOWN]: cameWith, [SHORT]: short, [LONG]: long };
  const host = new FakeHost(qosmod, { threshold, short, long, mtu: 1500 });
  const rows = (vector.body.expect as string[]).map((_, before) => {
    const flags = fin_at.includes(before + 1) ? ACK | FIN : ACK;
    const dscp = host.packet(before, { protocol: 6, tcp: { flags }, dscp: cameWith })?.dscp;
    const wanted = written[host.lastClass];
    if (dscp !== wanted) throw new Error(`packet ${before + 1} left with DSCP ${dscp}, not ${wanted}`);
    return { mark: MARKS[host.lastClass] };
  });
  return { rows, fields: ['mark'] };
}

function rfc6040(): Found {
  const holds = ecnDecapsulated(0, 3) === ECN_DROP && ecnDecapsulated(2, 1) === 1;
  return { rows: [{ holds }], fields: ['holds'] };
}

function reservation(vector: Vector): Found {
  const rows = (vector.body.expect as [rules: [number, number][], limit: number, left: number][]).map(
    ([rules, limit]) => {
      const reserved = rules.map(([of, used]) => reservedBytesPerSec(of, used, keepsLimit(of, used, false)));
      const sum = reserved.reduce((all, one) => all + one, 0);
      return {
        'rules [limit, used]': rules,
        last_rule_limit: limit,
        effective_last_limit: unreservedBytesPerSec(limit, sum),
      };
    },
  );
  return { rows };
}

export const ITM_RUNNERS: readonly [string, Runner][] = [
  ['ecn', { params: [], run: ecn }],
  ['size-aware', { params: ['threshold', 'fin_at'], run: marks }],
  ['reservation', { params: [], run: reservation }],
  ['rfc6040', { params: [], run: rfc6040 }],
];
