/** Runs the vectors of the itmBench set: marks, reservation, overlay, elastic tunnel. */

import { PathChoice } from '../../src/algo/overlay/choose.ts';
import { ECN_DROP, ecnDecapsulated } from '../../src/algo/overlay/ecn-tunnel.ts';
import { packetBytes, unwrap, wrap } from '../../src/algo/overlay/ipip.ts';
import { keepsLimit, reservedBytesPerSec, unreservedBytesPerSec } from '../../src/algo/pacing/reservation.ts';
import { leastConnections, shareOf, TunnelController } from '../../src/algo/tunnel/controller.ts';
import { NONE } from '../../src/base/none.ts';
import qosmod, { LONG, SHORT, UNKNOWN } from '../../src/built-in/qosmod.ts';
import { ACK, FIN } from '../../src/modules/api/index.ts';
import { ecnSignalled } from '../reference/ecn.ts';
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

/** Addresses as in the vectors. */
const word = (text: string): number => text.split('.').reduce((all, byte) => all * 256 + Number(byte), 0);

/** Also takes the packet out again, and compares every byte. */
function ipip(vector: Vector): Found {
  const rows = (vector.body.expect as Record<string, string | number>[]).map((row) => {
    const inner = Buffer.from(row.inner as string, 'hex');
    const room = new Uint8Array(inner.length + 20);
    const ends = { src: word(row.outer_src as string), dst: word(row.outer_dst as string) };
    const bytes = wrap(inner, room, ends, row.ident as number, row.ttl as number);
    const out = Buffer.from(room.subarray(0, bytes)).toString('hex');
    const at = unwrap(room);
    const taken = Buffer.from(room.subarray(at, at + packetBytes(room, at, bytes - at)));
    if (!taken.equals(inner)) throw new Error(`unwrapped: ${taken.toString('hex')}`);
    return { ...row, out };
  });
  return { rows };
}

function overlay(vector: Vector): Found {
  const { ttl, hysteresis } = vector.body.params as Record<string, number>;
  const events = vector.body.events as [t: number, via?: string, rtt?: number][];
  const names = [...new Set(events.flatMap(([, via]) => via ?? []))];
  const params = { hysteresis: hysteresis as number, lifetimeNs: Math.round((ttl as number) * 1e9) };
  const choice = new PathChoice(names.length, params);
  const rows = events.map(([t, via, rtt]) => {
    const nowNs = Math.round(t * 1e9);
    if (via !== undefined) choice.told(names.indexOf(via), (rtt as number) * 1e6, nowNs);
    const path = choice.now(nowNs);
    return { via: path === NONE ? null : names[path] };
  });
  return { rows, fields: ['via'] };
}

function elasticTunnel(vector: Vector): Found {
  const rows = vector.body.expect as number[][];
  if ((vector.body.expect_fields as string[])[0] === 'target') return { rows: rows.map(quiescent) };
  const { target, m0, m_max } = vector.body.params as Record<string, number>;
  const params = { target: target as number, connectionsMax: m_max as number };
  const controller = new TunnelController(params, m0);
  const found = rows.map(([capacity, foreign]) => {
    const before = controller.connections;
    const goodput = shareOf(capacity as number, before, foreign as number);
    return { capacity, foreign, m_before: before, goodput, m_after: controller.step(goodput, true) };
  });
  // The vectors print eight decimals.
  return { rows: found.map((row) => ({ ...row, goodput: Number(row.goodput.toFixed(8)) })) };
}

function quiescent([target, capacity, foreign, m_max]: number[]): Record<string, number | undefined> {
  const [c, x] = [capacity as number, foreign as number];
  const m = leastConnections(target as number, c, x, m_max as number);
  return { target, capacity, foreign, m_max, m, share_at_m: shareOf(c, m, x) };
}

export const ITM_RUNNERS: readonly [string, Runner][] = [
  ['ecn', { params: [], run: ecn }],
  ['size-aware', { params: ['threshold', 'fin_at'], run: marks }],
  ['reservation', { params: [], run: reservation }],
  ['ipip', { params: [], run: ipip }],
  ['overlay', { params: ['ttl', 'hysteresis'], run: overlay }],
  ['elastic-tunnel', { params: ['target', 'm0', 'm_max'], run: elasticTunnel }],
  ['rfc6040', { params: [], run: rfc6040 }],
];
